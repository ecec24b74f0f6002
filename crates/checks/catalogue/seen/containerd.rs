//! MVM-CTRD 5xx: what containerd, or flintlockd about containerd, has written.

catalogue! {
    no_devmapper(containerd) = "MVM-CTRD-501", "c1344a778a59f809265543e4b5ba0aa2", Error {
        message: "containerd has no devmapper snapshotter: volumes of microVMs cannot be made",
        cause: "containerd started before its pool was there, without a pool in its configuration, or without the tools of device-mapper. It does not try again until it is restarted.",
        remedy: "systemctl restart mvm-thinpool.service\nsystemctl restart {containerd}\nsystemctl start mvmhost.target",
    }
    no_native(containerd) = "MVM-CTRD-502", "8c4fd35fa325123e562a9fcc2a9571b9", Error {
        message: "containerd has no native snapshotter: no kernel of a microVM can be unpacked",
        cause: "flintlockd unpacks kernels with the snapshotter `native`; containerd's configuration lists it in disabled_plugins.",
        remedy: "systemctl restart {containerd}  # first: take io.containerd.snapshotter.v1.native out of disabled_plugins in containerd's configuration\nsystemctl start mvmhost.target",
    }
    out_of_step() = "MVM-CTRD-503", "b04bb2ab4b5516ba472cbb127664aef7", Error {
        message: "containerd's two databases do not list the same snapshots",
        cause: "meta.db of containerd or metadata.db of its devmapper snapshotter was restored, removed or replaced without the other. Layers that one of them lists as unpacked do not exist.",
        remedy: "mvmhost check\n# restore both from the same backup; to give up what they hold and begin with an empty pool, follow mvmhost explain MVM-POOL-011",
    }
    thin_id_taken(pool) = "MVM-CTRD-504", "24c50b56d7da7c047a51782f1379988b", Error {
        message: "the device number for a new snapshot is already used in pool {pool}",
        cause: "The snapshotter lost its list of device numbers while the pool was kept, or two containerds use the same pool.",
        remedy: "dmsetup status {pool}\nss --listening --family unix --processes\n# two containerds: stop the other one; a lost list: restore it, or follow mvmhost explain MVM-POOL-011",
    }
    left_over_device(containerd) = "MVM-CTRD-505", "173a0a972cffd976213b6caf901d5f55", Error {
        message: "an interrupted snapshot blocks a new one",
        cause: "containerd was killed, or the power failed, while it made a snapshot, and the snapshotter's list still has its device. Before its next start containerd's unit puts that device away.",
        remedy: "systemctl restart {containerd}\nsystemctl start mvmhost.target",
    }
    kernel_snapshotter() = "MVM-CTRD-506", "da46ef9e513f05683521cea4bd176bcd", Error {
        message: "flintlockd unpacks kernels with snapshotter {subject}, which does not work",
        cause: "containerd-kernel-ss takes native or devmapper; overlayfs is accepted at the start and hangs at the first microVM.",
        remedy: "mvmhost apply  # first: take --containerd-kernel-ss out of [flintlockd] extra-args in /etc/mvmhost.toml and containerd-kernel-ss out of /etc/opt/flintlockd/config.yaml",
    }
    not_dialled(containerd, flintlockd) = "MVM-CTRD-507", "5ea4e6d6a3a51fb721bc1e4f3943d42c", Error {
        message: "flintlockd could not reach containerd at {subject}, and does nothing since",
        cause: "flintlockd connects to containerd once, at its start. When it gets no answer it stays active and does nothing.",
        remedy: "systemctl start {containerd}\nsystemctl restart {flintlockd}",
    }
    spec_not_saved() = "MVM-CTRD-508", "7e9ced4008d430a2348fa8af2204f1e4", Error {
        message: "containerd cannot write: its file system is full or read-only",
        cause: "flintlockd keeps its microVMs in containerd's content store. Without room there it cannot create, change or delete any.",
        remedy: "df -h /var/lib\nfindmnt --target /var/lib\n# make room, then\nsystemctl start mvmhost.target",
    }
    pool_absent(containerd) = "MVM-CTRD-509", "8dc3c901433d297ae534a0124ad01801", Error {
        message: "containerd was started before its pool {subject} was there",
        cause: "The devmapper plugin looks for its pool once, at containerd's start. Without it the plugin is off until containerd is restarted.",
        remedy: "systemctl restart mvm-thinpool.service\nsystemctl restart {containerd}\nsystemctl start mvmhost.target",
    }
    no_device_mapper(containerd) = "MVM-CTRD-510", "f0bc26aa3356d51aaf18928091d53da8", Error {
        message: "containerd's devmapper plugin did not find device-mapper in the kernel",
        cause: "The modules dm_mod and dm_thin_pool were not loaded, or the running kernel has none: after an upgrade of the kernel its modules are gone until the reboot.",
        remedy: "modprobe dm_mod\nmodprobe dm_thin_pool\nsystemctl restart {containerd}\nsystemctl start mvmhost.target",
    }
    tool_missing(containerd) = "MVM-CTRD-511", "e38e4735928433a2b5549ba20196418d", Error {
        message: "containerd's devmapper plugin misses the program {subject}",
        cause: "The plugin executes dmsetup, blkdiscard and mkfs; without one of them it does not load.",
        remedy: "{install_snapshotter}\nsystemctl restart {containerd}\nsystemctl start mvmhost.target",
    }
    devices_inconsistent(pool) = "MVM-CTRD-512", "c2a9700cee707b08f2adfcd4cefeaf12", Error {
        message: "containerd's devmapper plugin is off: a device of its list is not in pool {pool}",
        cause: "A thin device that the snapshotter lists as active cannot be activated. The pool was replaced or damaged, and the snapshotter kept its list.",
        remedy: "dmsetup status {pool}\nmvmhost check\n# restore the pool's files that belong to this list, or follow mvmhost explain MVM-POOL-011",
    }
    not_configured(pool, containerd) = "MVM-CTRD-513", "77388d6feb24bb50b97fbbf30141674e", Error {
        message: "containerd's configuration names no pool for the devmapper snapshotter",
        cause: "The section plugins.\"io.containerd.snapshotter.v1.devmapper\" has no pool_name, so the plugin is skipped.",
        remedy: "mvmhost apply  # with [containerd] instance = \"system\", first put pool_name = \"{pool}\", and a base_image_size such as \"10GB\", into the section plugins.\"io.containerd.snapshotter.v1.devmapper\" of /etc/containerd/config.toml (version = 2 or later)\nsystemctl restart {containerd}\nsystemctl start mvmhost.target",
    }
    follows() = "MVM-CTRD-514", "660c0b9c6a10362aaca53b62a21e3efa", Info {
        message: "containerd runs without the devmapper snapshotter",
        cause: "The plugin failed to load. containerd writes the reason in another line.",
        remedy: "",
    }
    reactivated() = "MVM-CTRD-515", "f543980d805174dc29ec3174a9659ff0", Info {
        message: "containerd activated its snapshots' devices again",
        cause: "Devices of device-mapper do not outlive a reboot; the snapshotter makes them again at its start. Nothing is wrong.",
        remedy: "",
    }
    faulty(pool) = "MVM-CTRD-516", "027971923f3b8db4e545418515d06287", Warning {
        message: "containerd gave up devices that were half made or half removed",
        cause: "containerd was killed, or the power failed, while it made or removed a snapshot. Their blocks in the pool stay in use until the pool is replaced.",
        remedy: "dmsetup status {pool}",
    }
    snapshot_busy(containerd) = "MVM-CTRD-517", "1dcd131bdc8f3872bfb5865167defb41", Warning {
        message: "containerd cannot remove a snapshot that is in use",
        cause: "A VMM or a mount still uses the thin device. Its blocks stay allocated.",
        remedy: "dmsetup ls --tree\nlsblk\n# end what holds the device, then\nsystemctl restart {containerd}\nsystemctl start mvmhost.target",
    }
    plugin_failed(containerd) = "MVM-CTRD-558", "344d04831b8d1ae6177a9e267cec180d", Error {
        message: "a plugin that flintlockd needs did not load in containerd",
        cause: "containerd continues without it and never tries again. Its message is in the evidence.",
        remedy: "journalctl -u {containerd} -b --grep='failed to load plugin'\nsystemctl restart {containerd}\nsystemctl start mvmhost.target",
    }
    database_damaged(containerd) = "MVM-CTRD-559", "a790b8596051ff99243e6f625e3ddbac", Error {
        message: "a database of containerd is damaged",
        cause: "meta.db or metadata.db cannot be read: the power failed while it was written, or the disk damages data.",
        remedy: "journalctl -u {containerd} -b -n 20\nmvmhost check",
    }
    not_started(containerd) = "MVM-CTRD-564", "4cbbe216717f99bffd25a54f988a0704", Error {
        message: "containerd did not start",
        cause: "It ended at its start. Its own words are in the evidence.",
        remedy: "journalctl -u {containerd} -b -n 20\nsystemctl restart {containerd}\nsystemctl start mvmhost.target",
    }
}
