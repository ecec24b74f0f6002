//! MVM-FLK: the family of flintlockd.

catalogue! {
    binary_missing() = "MVM-FLK-001", "38ed4c3f19d5b6b2266d633772ee477d", Error {
        message: "flintlockd is missing at {subject}",
        cause: "No distribution packages flintlockd: it is installed by hand. [flintlockd] binary in /etc/mvmhost.toml says where.",
        remedy: "install -m 0755 flintlockd {subject}  # the program of a flintlock release\nmvmhost apply",
    }
    vmm_missing(provider) = "MVM-FLK-002", "53539bdccd42263b236e4ea3fa3a6323", Error {
        message: "{subject}, the VMM of provider {provider}, is missing",
        cause: "flintlockd does not check for its VMM: it starts, and every microVM fails until its retries are used up.",
        remedy: "install -m 0755 {subject} /usr/local/bin/  # the program of its release; or set its path in [flintlockd] of /etc/mvmhost.toml\nmvmhost apply",
    }
    endpoint_taken(port, holder) = "MVM-FLK-003", "dc2f15f4a092fbd5798c36bdd9b2acde", Error {
        message: "port {port} of {subject} is taken by {holder}",
        cause: "flintlockd stays active without listening when its port is taken. Cockpit and Prometheus use 9090 by default.",
        remedy: "ss --listening --tcp --processes --numeric 'sport = :{port}'\n# stop that program, or set another [flintlockd] grpc-endpoint in /etc/mvmhost.toml, then\nmvmhost apply",
    }
    endpoint_no_address() = "MVM-FLK-004", "dbf0bac5b822255c99969ce93a17f75d", Error {
        message: "{subject} is not an address of this host",
        cause: "flintlockd stays active without listening when no interface has the address of its endpoint.",
        remedy: "ip -brief address show\n# set [flintlockd] grpc-endpoint in /etc/mvmhost.toml to one of these, then\nmvmhost apply",
    }
    api_silent(seconds, unit) = "MVM-FLK-005", "ded99c7c64057fba80b272d61e26cd68", Error {
        message: "flintlockd's API on {subject} did not answer within {seconds} s",
        cause: "flintlockd stays active when it cannot listen, reach containerd or read its certificates. Its journal has one line about it.",
        remedy: "journalctl -u {unit} -b -n 20\nsystemctl restart {unit}  # not while mvmhost check reports MVM-FLK-025",
        exit: Unavailable,
    }
    api_answers(count) = "MVM-FLK-006", "d587c89b9a9724c783518e7c2720a4f8", Info {
        message: "flintlockd's API on {subject} answers, microVMs: {count}",
        cause: "ListMicroVMs was answered, which also reads containerd's content store.",
        remedy: "",
    }
    token_unreadable(why) = "MVM-FLK-007", "dd537e507a812c83a93ff97a023c4f49", Error {
        message: "the token file {subject} cannot be used: {why}",
        cause: "[flintlockd] basic-auth-token-file names a file with one line of text, which clients must show.",
        remedy: "install -D -m 0600 /dev/null {subject}\nhead -c 32 /dev/urandom | base64 > {subject}  # a new token: give it to the clients as well\nmvmhost apply",
    }
    file_shadowed() = "MVM-FLK-008", "68d331b1ba030beb7a480c0a8116a9c7", Error {
        message: "{subject} hides the configuration that mvmhost gives flintlockd",
        cause: "flintlockd reads the first config.yaml that it finds. mvmhost hands over the token and a parent that follows the default route in another one.",
        remedy: "mv {subject} {subject}.old  # what is in it can be set in [flintlockd] of /etc/mvmhost.toml\nmvmhost apply",
    }
    tls_unreadable(why) = "MVM-FLK-009", "11ead0d4dc202fc4c62b3989f83b1620", Error {
        message: "the TLS file {subject} cannot be read: {why}",
        cause: "flintlockd stays active without listening when a certificate or key is missing.",
        remedy: "ls -l {subject}\n# put the file there, or correct [flintlockd.tls] in /etc/mvmhost.toml, then\nmvmhost apply",
    }
    provider_too_old(version) = "MVM-FLK-011", "e3d452aef7af277fdcee2c4964d9c371", Error {
        message: "flintlockd {version} does not know provider {subject}",
        cause: "--default-provider exists since flintlock v0.6.0; an older flintlockd refuses the flag and does not start.",
        remedy: "mvmhost apply  # first: install flintlock v0.6.0 or newer, or set provider = \"firecracker\" in [flintlockd] of /etc/mvmhost.toml",
    }
    endpoint_refused(why) = "MVM-FLK-012", "a15473d80edcaa17eb9b3932aab27be3", Error {
        message: "the kernel refuses to listen on {subject}: {why}",
        cause: "flintlockd would stay active without listening.",
        remedy: "mvmhost apply  # first: set another [flintlockd] grpc-endpoint in /etc/mvmhost.toml",
    }
    file_not_written(why) = "MVM-FLK-013", "b2981eda1eb08766af2918043041078a", Error {
        message: "{subject} could not be written: {why}",
        cause: "mvmhost writes this file at each start of flintlockd. The usual reason is a full /run.",
        remedy: "df -h /run",
    }
    no_interface() = "MVM-FLK-014", "93096985648bdea64f33cb8e9fe703cd", Warning {
        message: "{subject} gives flintlockd neither --bridge-name nor --parent-iface",
        cause: "With [network] mode = \"none\" mvmhost passes neither, and flintlockd does not start without one. Its environment, which is not looked at, may name one as well.",
        remedy: "mvmhost apply  # first: set mode = \"tap\" in [network] of /etc/mvmhost.toml, or name your own interface with extra-args = [\"--bridge-name=...\"] in [flintlockd]",
    }
    unprotected() = "MVM-FLK-025", "97c30e3d4a2e41bba88da009cad19f04", Error {
        message: "a stop of {subject} would kill every microVM of this host",
        cause: "The unit that systemd has loaded has another KillMode than process, so that a stop ends everything in its control group. mvmhost's part of the unit is not loaded: the package was removed, another drop-in changes it back, or systemd has not read its files since.",
        remedy: "systemctl daemon-reload\nsystemctl show --property KillMode,FragmentPath,DropInPaths {subject}\n# while it does not show KillMode=process: take KillMode= out of the drop-ins that it shows, then\nmvmhost apply",
    }
}
