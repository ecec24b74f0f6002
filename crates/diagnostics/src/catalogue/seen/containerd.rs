//! MVM-CTRD 5xx: what containerd, or flintlockd about containerd, has written.

catalogue! {
    NO_DEVMAPPER = "MVM-CTRD-501", "c1344a778a59f809265543e4b5ba0aa2", Error {
        message: "containerd has no devmapper snapshotter: no volume of a microVM can be made",
        cause: "containerd was started without a working devmapper plugin, because the pool was missing, was not configured, or the tools of device-mapper were. It never tries again, and every create fails until it is restarted.",
        remedy: "systemctl restart mvm-thinpool.service\nsystemctl restart {containerd}\nsystemctl start mvmhost.target",
    }
    NO_NATIVE = "MVM-CTRD-502", "8c4fd35fa325123e562a9fcc2a9571b9", Error {
        message: "containerd has no native snapshotter: no kernel of a microVM can be unpacked",
        cause: "flintlockd unpacks kernels with the snapshotter `native`; containerd's configuration lists it in disabled_plugins.",
        remedy: "# take io.containerd.snapshotter.v1.native out of disabled_plugins in containerd's configuration, then\nsystemctl restart {containerd}\nsystemctl start mvmhost.target",
    }
    OUT_OF_STEP = "MVM-CTRD-503", "b04bb2ab4b5516ba472cbb127664aef7", Error {
        message: "containerd's database and the devmapper snapshotter's do not know the same snapshots",
        cause: "One of containerd's meta.db and the snapshotter's metadata.db was restored, removed or made anew without the other. Layers that one of them takes for unpacked are not there.",
        remedy: "mvmhost check\n# pull the image again under another tag, or set the pool and containerd's root aside together; never one of them alone",
    }
    THIN_ID_TAKEN = "MVM-CTRD-504", "24c50b56d7da7c047a51782f1379988b", Error {
        message: "the device number that containerd gives to a new snapshot is taken in pool {pool}",
        cause: "The snapshotter's list of numbers was lost while the pool was kept, or two containerds use the same pool and delete each other's devices.",
        remedy: "dmsetup status {pool}\nss --listening --family unix --processes\n# one containerd per pool: stop the other one; when the list was lost, the pool and containerd's root can only be set aside together",
    }
    LEFT_OVER_DEVICE = "MVM-CTRD-505", "173a0a972cffd976213b6caf901d5f55", Error {
        message: "a snapshot that was interrupted is in the way of a new one",
        cause: "containerd was killed, or the power went, between two of its databases, and the list of devices has one more than the snapshotter knows. Before its next start containerd's unit puts that device away.",
        remedy: "systemctl restart {containerd}\nsystemctl start mvmhost.target",
    }
    KERNEL_SNAPSHOTTER = "MVM-CTRD-506", "da46ef9e513f05683521cea4bd176bcd", Error {
        message: "flintlockd was told to unpack kernels with snapshotter {subject}, which it does not serve",
        cause: "containerd-kernel-ss takes native or devmapper; overlayfs is accepted at the start and hangs at the first microVM.",
        remedy: "# take --containerd-kernel-ss out of [flintlockd] extra-args in /etc/mvmhost.toml and containerd-kernel-ss out of /etc/opt/flintlockd/config.yaml, then\nmvmhost apply",
    }
    NOT_DIALLED = "MVM-CTRD-507", "5ea4e6d6a3a51fb721bc1e4f3943d42c", Error {
        message: "flintlockd could not reach containerd at {subject} and has been idle since",
        cause: "flintlockd dials containerd once at its start; when nobody answers it stays active and does nothing.",
        remedy: "systemctl start {containerd}\nsystemctl restart {flintlockd}",
    }
    SPEC_NOT_SAVED = "MVM-CTRD-508", "7e9ced4008d430a2348fa8af2204f1e4", Error {
        message: "containerd cannot keep what flintlockd saves: its file system is full or read-only",
        cause: "flintlockd keeps its microVMs in containerd's content store; without room there nothing can be created, changed or deleted.",
        remedy: "df -h /var/lib\nfindmnt --target /var/lib\n# make room, then\nsystemctl start mvmhost.target",
    }
    POOL_ABSENT = "MVM-CTRD-509", "8dc3c901433d297ae534a0124ad01801", Error {
        message: "containerd was started before its pool {subject} was there",
        cause: "The devmapper plugin looks for its pool once, at containerd's start. Without it the plugin is off until containerd is restarted.",
        remedy: "systemctl restart mvm-thinpool.service\nsystemctl restart {containerd}\nsystemctl start mvmhost.target",
    }
    NO_DEVICE_MAPPER = "MVM-CTRD-510", "f0bc26aa3356d51aaf18928091d53da8", Error {
        message: "containerd's devmapper plugin did not find device-mapper in the kernel",
        cause: "The modules dm_mod and dm_thin_pool were not loaded, or the running kernel has none: after an upgrade of the kernel its modules are gone until the reboot.",
        remedy: "modprobe dm_mod\nmodprobe dm_thin_pool\nsystemctl restart {containerd}\nsystemctl start mvmhost.target",
    }
    TOOL_MISSING = "MVM-CTRD-511", "e38e4735928433a2b5549ba20196418d", Error {
        message: "containerd's devmapper plugin misses the program {subject}",
        cause: "The plugin executes dmsetup, blkdiscard and mkfs; without one of them it does not load.",
        remedy: "apt-get install dmsetup util-linux e2fsprogs\nsystemctl restart {containerd}\nsystemctl start mvmhost.target",
    }
    DEVICES_INCONSISTENT = "MVM-CTRD-512", "c2a9700cee707b08f2adfcd4cefeaf12", Error {
        message: "containerd's devmapper plugin is off: a device of its list is not in pool {pool}",
        cause: "A thin device that the snapshotter has marked as active cannot be activated. The pool was made anew or damaged, while the snapshotter kept its list.",
        remedy: "dmsetup status {pool}\nmvmhost check\n# put the pool's files back that belong to these databases; when they are lost, set the pool and the databases aside together",
    }
    NOT_CONFIGURED = "MVM-CTRD-513", "77388d6feb24bb50b97fbbf30141674e", Error {
        message: "containerd's configuration names no pool for the devmapper snapshotter",
        cause: "The section plugins.\"io.containerd.snapshotter.v1.devmapper\" has no pool_name, so the plugin is skipped.",
        remedy: "# with [containerd] instance = \"system\", first put pool_name = \"{pool}\", and a base_image_size such as \"10GB\", into the section plugins.\"io.containerd.snapshotter.v1.devmapper\" of /etc/containerd/config.toml (version = 2 or later):\nmvmhost apply\nsystemctl restart {containerd}\nsystemctl start mvmhost.target",
    }
    FOLLOWS = "MVM-CTRD-514", "660c0b9c6a10362aaca53b62a21e3efa", Info {
        message: "containerd goes on without the devmapper snapshotter",
        cause: "It follows from the failure of the plugin, which is said in a line of its own.",
        remedy: "",
    }
    REACTIVATED = "MVM-CTRD-515", "f543980d805174dc29ec3174a9659ff0", Info {
        message: "containerd activated its snapshots' devices again",
        cause: "Devices of device-mapper do not outlive a reboot; the snapshotter makes them again at its start. Nothing is wrong.",
        remedy: "",
    }
    FAULTY = "MVM-CTRD-516", "027971923f3b8db4e545418515d06287", Warning {
        message: "containerd gave up devices that were half made or half removed",
        cause: "containerd was killed, or the power went, while a snapshot was being made or removed. Their numbers and blocks in the pool stay lost until the pool is made anew.",
        remedy: "dmsetup status {pool}",
    }
    SNAPSHOT_BUSY = "MVM-CTRD-517", "1dcd131bdc8f3872bfb5865167defb41", Warning {
        message: "containerd cannot remove a snapshot that somebody has open",
        cause: "A VMM that outlived its microVM, or a mount, still holds the thin device. Its blocks stay allocated.",
        remedy: "dmsetup ls --tree\nlsblk\n# end what holds the device, then\nsystemctl restart {containerd}\nsystemctl start mvmhost.target",
    }
}
