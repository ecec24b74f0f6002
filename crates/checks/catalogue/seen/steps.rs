//! What flintlockd wrote of a step of its plan, where no other row knows the cause.

catalogue! {
    state_not_written(state) = "MVM-FLK-507", "b30b63c6a17d90b4adca1dd229115368", Error {
        message: "flintlockd cannot write its state directory: full, read-only or failing",
        cause: "flintlockd keeps files of each microVM below its state directory. Without them no microVM can be created or deleted.",
        remedy: "df -h -- {state}\nfindmnt --target {state}\n# make room, then\nsystemctl start mvmhost.target",
    }
    no_resources(flintlockd) = "MVM-FLK-508", "da0f87268c3ace1a14c3d1fb57d8906a", Error {
        message: "the kernel refused flintlockd memory, processes or open files",
        cause: "The host ran out of memory, or a limit of the unit is too low.",
        remedy: "cat /proc/meminfo\nsystemctl show --property=LimitNOFILE,TasksMax,MemoryMax {flintlockd}",
    }
    no_tun(flintlockd) = "MVM-NET-550", "94240ecb2864ba6c652b5490198335a6", Error {
        message: "flintlockd cannot open /dev/net/tun, so no tap can be made",
        cause: "The kernel module tun is missing, or flintlockd's unit hides the device.",
        remedy: "modprobe tun\nsystemctl restart {flintlockd}",
    }
    containerd_gone(containerd, flintlockd) = "MVM-CTRD-560", "31ba46443327cdb7a0bc976a441ce211", Error {
        message: "containerd went away while flintlockd was using it",
        cause: "containerd was stopped, was restarted or crashed. flintlockd does not hear of new microVMs until it is restarted too.",
        remedy: "journalctl -u {containerd} -b -n 20\nsystemctl restart {flintlockd}",
    }
    containerd_slow(containerd) = "MVM-CTRD-561", "a4c6ff313f616091c88b3f175b733c1d", Error {
        message: "containerd did not answer flintlockd in time",
        cause: "A write in the thin pool or on the disk waits: the pool is full or suspended, or the disk is slow.",
        remedy: "mvmhost pool status\njournalctl -u {containerd} -b -n 20",
    }
    state_dir(why, state) = "MVM-FLK-509", "52dc83068d3c76b70d3261043466836f", Error {
        message: "flintlockd could not make or remove the directory of {subject}: {why}",
        cause: "The step runtime_dir_create, io_create_dir or io_delete_dir failed. Its own words are in the message.",
        remedy: "ls -la -- {state}\nmvmhost check",
    }
    virtiofs(why) = "MVM-VMM-549", "a8b2450daf62c66f28b456d8522654ff", Error {
        message: "virtiofsd of {subject} could not be started or stopped: {why}",
        cause: "The step runtime_virtiofs_create or runtime_virtiofs_delete failed. flintlockd looks for virtiofsd at /usr/libexec/virtiofsd.",
        remedy: "ls -l /usr/libexec/virtiofsd\nmvmhost diagnose",
    }
    kernel(why) = "MVM-IMG-562", "711026e9a81d584dfe3fd380b849e513", Error {
        message: "the kernel of {subject} could not be unpacked: {why}",
        cause: "The step runtime_kernel_mount or runtime_initrd_mount failed. Its own words are in the message.",
        remedy: "mvmhost images verify\nmvmhost check",
    }
    pull(why) = "MVM-IMG-563", "1167ee518a4a8babb7d7c2799876c99d", Error {
        message: "image {subject} could not be pulled: {why}",
        cause: "flintlockd asks the registry at every create, also when the image is on this host. The registry's own words are in the message.",
        remedy: "mvmhost check --deep\nmvmhost images list",
    }
    volume(why) = "MVM-POOL-556", "0c1c8f5d8afb050ebdb635688d1a6713", Error {
        message: "a volume of {subject} could not be made: {why}",
        cause: "The step runtime_volume_mount failed after the image was there. Its own words are in the message.",
        remedy: "mvmhost pool status\nmvmhost check --deep",
    }
    cloud_init(why, state) = "MVM-VM-516", "f84a31eb12023faa7d42217efdb14dbe", Error {
        message: "the cloud-init disk of {subject} could not be made: {why}",
        cause: "The step cloudinit_disk_mount failed. Its own words are in the message.",
        remedy: "df -h -- {state}\nmvmhost check",
    }
    interface(why) = "MVM-NET-551", "c13a76d5cf88059fea08de4a85c1a111", Error {
        message: "a network interface of {subject} could not be made: {why}",
        cause: "The step network_iface_create failed. A tap that was half made stays, and the next attempt takes it up without attaching it to the bridge.",
        remedy: "mvmhost net status\nmvmhost check",
    }
    interface_stays(why) = "MVM-NET-552", "3e3c4576f9d9bfca2222e2634cfb23da", Error {
        message: "a network interface of {subject} could not be removed: {why}",
        cause: "The step network_iface_delete failed, so the microVM is not deleted yet. flintlockd tries again.",
        remedy: "mvmhost net status\nip -details link show",
    }
    create(why) = "MVM-VM-517", "0e0be8d1c3bbef3a7de34ad155b75b52", Error {
        message: "the VMM of {subject} could not be started: {why}",
        cause: "The step microvm_create failed. Its own words are in the message, the VMM's words are in its files.",
        remedy: "mvmhost vms\nmvmhost check",
    }
    start(why) = "MVM-VM-518", "076a56b2451fda45679e5c91a1b60507", Error {
        message: "{subject} did not start: {why}",
        cause: "The step microvm_start failed. Its own words are in the message, the VMM's words are in its files.",
        remedy: "mvmhost vms\nmvmhost check",
    }
    delete(why) = "MVM-VM-519", "df74421d78a51f17d5566ef095b7aca1", Error {
        message: "the VMM of {subject} could not be stopped: {why}",
        cause: "The step microvm_delete failed, so the microVM is not deleted yet. flintlockd tries again.",
        remedy: "mvmhost vms\nmvmhost diagnose",
    }
    release(why, containerd) = "MVM-CTRD-562", "0a44432d7792a941297b69c901406e33", Error {
        message: "containerd did not release what {subject} used: {why}",
        cause: "The step runtime_repo_release failed, so snapshots and blobs of the microVM stay. flintlockd tries again.",
        remedy: "journalctl -u {containerd} -b -n 20\nmvmhost check",
    }
    event(why, containerd, flintlockd) = "MVM-CTRD-563", "1cc02182de2fed2e0579d7121b28a5aa", Error {
        message: "flintlockd could not announce a change of a microVM: {why}",
        cause: "flintlockd sends its own events through containerd. The change is made at the next resync, at the latest after 10 minutes.",
        remedy: "journalctl -u {containerd} -b -n 20\nsystemctl restart {flintlockd}",
    }
    plan(why, flintlockd) = "MVM-FLK-510", "e752b1788cf61954746becad707d38cf", Error {
        message: "flintlockd could not plan the steps for {subject}: {why}",
        cause: "Before a step flintlockd asks containerd, the network and the VMM what is there. One of them failed.",
        remedy: "mvmhost check\njournalctl -u {flintlockd} -b -n 20",
    }
    reconcile(why, flintlockd) = "MVM-FLK-511", "ce76bae3e0c001190c5b8336f71be980", Error {
        message: "flintlockd failed with {subject}: {why}",
        cause: "The error is not of a kind that mvmhost knows. flintlockd tries eleven times and then gives the microVM up for good.",
        remedy: "mvmhost check\njournalctl -u {flintlockd} -b -n 20",
    }
    not_serving(why, flintlockd) = "MVM-FLK-512", "16fcb9d895556fd081156905fdd3c2d9", Error {
        message: "flintlockd started and serves nothing: {why}",
        cause: "flintlockd stays active when its API or its controller fails at the start. It does nothing until it is restarted.",
        remedy: "mvmhost check\nsystemctl restart {flintlockd}",
    }
    other(why, flintlockd) = "MVM-FLK-513", "ae1a3a8b8f84c052987ff3ed9eb7ca9a", Warning {
        message: "flintlockd wrote an error that mvmhost does not know: {why}",
        cause: "It names no step of a plan. Whether it matters can be seen from the lines around it.",
        remedy: "journalctl -u {flintlockd} -b -n 50\nmvmhost check",
    }
}
