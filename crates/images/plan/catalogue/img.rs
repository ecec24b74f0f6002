//! MVM-IMG: the family of the images.

catalogue! {
    pulled(snapshotter) = "MVM-IMG-001", "b79077c03776c8139ffb43d146feb8b4", Info {
        message: "image {subject} is pulled and unpacked with {snapshotter}",
        cause: "The image was not complete in containerd, and now it is.",
        remedy: "",
    }
    not_fetched(registry) = "MVM-IMG-002", "9f07a8b36768ae7e259241f80727f97d", Warning {
        message: "{registry} does not deliver image {subject}",
        cause: "The registry cannot be reached, does not have the image, or broke the transfer off again and again; its last answer is in the evidence. flintlockd asks the same registry when it creates a microVM.",
        remedy: "systemctl start mvm-images.service  # when the registry is up and the name in [images] of /etc/mvmhost.toml is right",
    }
    denied(registry) = "MVM-IMG-003", "80514bbae32c31fa598ed4eea6d5ba10", Warning {
        message: "{registry} denied access to image {subject}",
        cause: "The image is private or does not exist, and the login is missing or wrong; the evidence says which login was shown. flintlockd has no login: it asks the registry anonymously at each create.",
        remedy: "systemctl start mvm-images.service  # after you set [images] auth-file in /etc/mvmhost.toml to a docker config.json",
    }
    wrong_bytes() = "MVM-IMG-004", "6c7643e9ffc4d644e89768f6b35f4682", Warning {
        message: "image {subject} is not what its digest says",
        cause: "Data from the registry, or in a layer, have another hash than in the manifest. They were deleted. A proxy, a mirror or a disk damages data.",
        remedy: "systemctl start mvm-images.service\n# when it comes again, ask who runs the registry or its mirror",
    }
    not_usable(why) = "MVM-IMG-005", "e04ab1b9cbe8aed035f1e53098dad50b", Warning {
        message: "image {subject} cannot be used here: {why}",
        cause: "The registry's answer is no image that can be unpacked on this machine.",
        remedy: "mvmhost apply  # first: name another image: /etc/mvmhost.toml, [images]",
    }
    no_kernel(file, problem) = "MVM-IMG-006", "109bfc6226c84725b80bf76d90eecea2", Warning {
        message: "image {subject} has no kernel for this machine: {file} {problem}",
        cause: "[images] kernel names an image for microVMs' kernels, and a microVM with this one would \
                not start. Either the image holds none, or what was unpacked of it has lost it.",
        remedy: "mvmhost images pull  # unpacks it again; says the same again when the image itself holds none\n# then name another one: /etc/mvmhost.toml, [images] kernel, and\nmvmhost apply",
    }
    containerd_refuses() = "MVM-IMG-007", "9daf369fe8db08b41d6991ca55d7c937", Warning {
        message: "containerd cannot take image {subject}",
        cause: "containerd refused, or went away while the image was written or unpacked; its answer \
                is in the evidence. A full disk or a full pool are the usual reasons.",
        remedy: "mvmhost status\n\
                 systemctl start mvm-images.service",
    }
    no_snapshotter(snapshotter) = "MVM-IMG-008", "019737c6a6d3b75346d9142748af0914", Warning {
        message: "containerd has no {snapshotter} snapshotter for image {subject}",
        cause: "The plugin failed to load when containerd started, most often because the thin pool \
                was not there, and containerd does not try again.",
        remedy: "mvmhost status\n\
                 mvmhost apply",
    }
    out_of_time() = "MVM-IMG-009", "8f2f616a32b670c726de8720ea2226ae", Warning {
        message: "image {subject} was not complete in time",
        cause: "[images] timeout is for all images together. What was fetched is kept, and the next run continues from there.",
        remedy: "systemctl start mvm-images.service\n\
                 # or give it more time: /etc/mvmhost.toml, [images] timeout",
    }
    not_begun() = "MVM-IMG-010", "0e40f3de26b13ba48a7e810410cd92b2", Error {
        message: "images cannot be looked after",
        cause: "containerd cannot be reached, or a file that is needed cannot be used; see the evidence.",
        remedy: "mvmhost status\n\
                 systemctl start mvm-images.service",
    }
    blocking(count) = "MVM-IMG-011", "7a22ee6c2ef2e5d1ba20135e9beeab62", Error {
        message: "{count} of the configured images are not complete",
        cause: "[images] on-failure = \"block\" makes missing images an error. The messages before name the images and the reasons.",
        remedy: "journalctl -u mvm-images.service -b\n\
                 systemctl start mvm-images.service",
    }
    incomplete(what) = "MVM-IMG-012", "48cd1cd41b665ce5c9c2d3b1e7f13a1a", Warning {
        message: "image {subject} is not complete: {what}",
        cause: "flintlockd would fetch or unpack it when a microVM is created, which takes minutes or \
                fails.",
        remedy: "systemctl start mvm-images.service",
    }
    left(count) = "MVM-IMG-013", "3156c92160422e67dc743c7e36b78094", Error {
        message: "{count} images are not complete",
        cause: "The messages before name the images and the reasons. flintlockd would fetch or unpack them when a microVM is created.",
        remedy: "mvmhost images pull",
    }
    not_asked_for() = "MVM-IMG-014", "ae34d94bb6a7cff7ff493e24f0a15722", Error {
        message: "{subject} is none of the configured images",
        cause: "Only images that [images] root or kernel names are pulled, because only of them it is \
                known how flintlock wants them unpacked.",
        remedy: "mvmhost apply  # first: add it: /etc/mvmhost.toml, [images] root or kernel",
    }
    archive_unread() = "MVM-IMG-015", "bc4b763a9b46ad6a9847628ef50a2f2f", Warning {
        message: "images cannot be read from {subject}",
        cause: "The file is not there, is compressed, or is neither an OCI layout nor what `docker save` \
                writes. At boot its images are asked of their registries.",
        remedy: "ls -l {subject}\n# unpack it with gunzip, or write it again with mvmhost images export FILE",
    }
    not_in_archive() = "MVM-IMG-016", "c742e56f8ebf5383da6aecb9131913b8", Error {
        message: "{subject} holds none of the configured images",
        cause: "An image is imported under exactly the name in [images] root or kernel; the names in the archive are in the evidence.",
        remedy: "mvmhost images import {subject} --as root  # or --as kernel: takes all of its images, whatever the file names",
    }
    not_exported() = "MVM-IMG-017", "9b3fc1f902911660591fb1010a841584", Error {
        message: "images cannot be written to {subject}",
        cause: "An image is not complete, the file is there already, or its file system is full; see the \
                evidence. No half archive was left.",
        remedy: "mvmhost images verify\n\
                 ls -l {subject}",
    }
    exported(count) = "MVM-IMG-018", "c3ba9319035dc28bcd49a98845937d68", Info {
        message: "{count} images are in {subject}",
        cause: "It is an OCI layout, which mvmhost images import, ctr and Docker read.",
        remedy: "",
    }
    held() = "MVM-IMG-019", "d330a0ec4ca37b61241f01e90f5ef30b", Warning {
        message: "image {subject} is not unpacked: the pool has no room",
        cause: "The pool is past [thinpool.guard] brake-percent and cannot grow, or has no free block. Running microVMs keep what is left. This image follows once there is room.",
        remedy: "mvmhost pool status\nmvmhost pool grow\nsystemctl start mvm-images.service\n# if it cannot grow: set [thinpool.loop] max-data-size in /etc/mvmhost.toml above its size, or give a pool on disks room with vgextend",
    }
    pruned() = "MVM-IMG-020", "64692d3c025a7b7bcf881fbfa42e0fa6", Info {
        message: "image {subject} is removed",
        cause: "mvmhost had pulled or imported it, [images] names it no longer and no microVM uses it. \
                Layers that other images have stay.",
        remedy: "",
    }
    would_prune() = "MVM-IMG-021", "3347e2abfa1a48525e62cd1d6f410423", Info {
        message: "image {subject} would be removed",
        cause: "mvmhost had pulled or imported it, [images] names it no longer and no microVM uses it.",
        remedy: "",
    }
    not_pruned(why) = "MVM-IMG-022", "8753a2e5102e47a85197ad642370a783", Info {
        message: "image {subject} stays: {why}",
        cause: "[images] names it no longer, and yet it is not for mvmhost to remove; see the message.",
        remedy: "",
    }
    elsewhere(other, snapshotter) = "MVM-IMG-024", "28d2ea6ad4bebedc414b53f11de1928c", Warning {
        message: "image {subject} is unpacked with {other}; flintlock needs {snapshotter}",
        cause: "`ctr images pull` without --snapshotter unpacks into overlayfs. flintlockd would unpack the image once more when a microVM is created.",
        remedy: "systemctl start mvm-images.service",
    }
    untrusted(registry) = "MVM-IMG-025", "a665f8285b10e24f60f515a22e658d62", Warning {
        message: "{registry} shows a certificate for image {subject} that is not trusted here",
        cause: "Its authority is unknown to this host, it is for another name, or it is not valid today; see the evidence. flintlockd reads the authorities of the host when it starts, and would refuse it too.",
        remedy: "date\n\
                 # its authority's certificate, in PEM, belongs into /usr/local/share/ca-certificates as \
                 NAME.crt; then\n\
                 update-ca-certificates\n\
                 systemctl restart flintlockd.service  # not while mvmhost check reports MVM-FLK-025\n\
                 systemctl start mvm-images.service",
    }
    brought_unread() = "MVM-IMG-023", "c45d5ddd84d0121546ef5c3a03dc331d", Error {
        message: "{subject} cannot be read, so no image is removed",
        cause: "The file lists the images that mvmhost pulled. What else is in containerd belongs to another program.",
        remedy: "ls -l {subject}\nmv {subject} {subject}.old  # every image that is there now then stays for good",
    }
    helper(helper, registry) = "MVM-IMG-026", "e1cfeb5cee0e4a68af4ecf8aa65c882a", Warning {
        message: "the credential helper {helper} gives no login for {registry}, image {subject}",
        cause: "The login file leaves the password to the program docker-credential-NAME, and that \
                failed, is not installed or is not run; see the evidence. Its output is never shown.",
        remedy: "command -v docker-credential-{helper}\n\
                 printf %s {registry} | docker-credential-{helper} get >/dev/null; echo $?\n\
                 # or write the login into [images] auth-file itself; then\n\
                 systemctl start mvm-images.service",
    }
    clock(registry, now, from) = "MVM-IMG-027", "871e11a87ad0433596b0005ef7e92a4d", Warning {
        message: "{registry}: this host's clock shows {now}, its certificate holds from {from}",
        cause: "The clock of this host is behind, as it is after a flat battery, and no certificate \
                holds yet. The image {subject} is fetched once the clock is right.",
        remedy: "timedatectl\n\
                 # set the clock: install a time service, or type the time as date --set=2026-01-31T12:00\n\
                 systemctl start mvm-images.service",
    }
    imported() = "MVM-IMG-028", "1652026c8842408b899a0b82067ba194", Info {
        message: "image {subject} is imported, and /etc/mvmhost.toml does not name it yet",
        cause: "It is complete in containerd now. mvmhost verifies, serves and keeps it only once \
                [images] names it; the line is in the evidence.",
        remedy: "",
    }
    local(local) = "MVM-IMG-029", "d9c2ed510828449aadc4ec817fd01c5d", Info {
        message: "microVMs can use image {subject} as {local}",
        cause: "[images.serve] serves it on this host. A microVM with this name is created even when the image's own registry does not answer.",
        remedy: "",
    }
    not_served(why) = "MVM-IMG-030", "25c51e60739843cd8508e271db41c1ef", Error {
        message: "images cannot be served on {subject}: {why}",
        cause: "mvm-registry.service cannot listen there, most often because another registry does.",
        remedy: "ss -ltnp\n\
                 # name another port: [images.serve] listen in /etc/mvmhost.toml; then\n\
                 mvmhost apply",
    }
    unaskable(registry) = "MVM-IMG-031", "05b6a9cfc546477b86f8793f8df1997e", Warning {
        message: "flintlockd cannot ask {registry} for image {subject}, and this host does not serve it",
        cause: "flintlockd asks the registry in the image's name at each create, and fails without an answer, although all data are on this host. The registry of this host can answer instead.",
        remedy: "mvmhost apply  # first: write [images.serve] enabled = true into /etc/mvmhost.toml\n\
                 mvmhost images list",
    }
    ask_here(registry, local) = "MVM-IMG-065", "34571753451c941dc7ea3a033e809838", Warning {
        message: "microVMs name image {subject}, which {registry} does not give to flintlockd",
        cause: "flintlockd asks the registry in the image's name at each create, and fails without an answer. The registry's answer and the microVMs are in the evidence. This host serves the same image under another name.",
        remedy: "mvmhost images list\n# let microVMs name {local} in place of {subject}",
    }
    not_given_out() = "MVM-IMG-066", "f8163ed4671fd28e0d696a527198a2ad", Warning {
        message: "this host's own registry does not give out image {subject}, which microVMs name",
        cause: "mvm-registry.service does not run, or [images] of /etc/mvmhost.toml does not name the \
                image, or the image is not complete.",
        remedy: "mvmhost images list\nsystemctl restart mvm-registry.service\nmvmhost images pull",
    }
    lacking(count) = "MVM-IMG-033", "5aea570a08a644078d1eeeb5fb3f48a9", Warning {
        message: "{count} images are not complete; the rest is as /etc/mvmhost.toml says",
        cause: "The messages before name the images and the reasons. A timer tries again every few minutes, and flintlockd would fetch them when a microVM is created.",
        remedy: "mvmhost images pull",
    }
    on_their_way(count) = "MVM-IMG-034", "f293236c1cbd429cb051257c21dcf98b", Warning {
        message: "{count} images are still being fetched; the rest is as /etc/mvmhost.toml says",
        cause: "mvm-images.service continues in the background.",
        remedy: "systemctl status mvm-images.service\n\
                 mvmhost images list",
    }
}
