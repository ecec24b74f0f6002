//! MVM-POOL 5xx: what the kernel, containerd and flintlockd have written about the pool.

catalogue! {
    layer_does_not_fit(pool) = "MVM-POOL-501", "252e95b30703f08f55c3770579956a9e", Error {
        message: "a layer of an image could not be written: no space, or an I/O error",
        cause: "The layers of the image are larger than [containerd] base-image-size, or the pool is full or failing.",
        remedy: "dmsetup status {pool}\n# the pool has room: raise [containerd] base-image-size in /etc/mvmhost.toml, which holds for images that are unpacked from then on; then\nmvmhost apply",
    }
    thin_device_gone(pool, containerd) = "MVM-POOL-502", "748932b408358d6417657734ee92c561", Error {
        message: "a thin device could not be activated or suspended",
        cause: "It was removed by hand, or the pool has failed.",
        remedy: "dmsetup status {pool}\nsystemctl restart {containerd}\nsystemctl start mvmhost.target",
    }
    mkfs_failed(pool) = "MVM-POOL-503", "32aa6c10a836c66034337ca42e17452d", Error {
        message: "a new thin device could not be formatted",
        cause: "The pool is full, or mkfs.ext4 is not installed.",
        remedy: "dmsetup status {pool}  # if it is full: mvmhost pool grow\n{install_mkfs}",
    }
    ran_low() = "MVM-POOL-504", "02c6f7cc9967080c65ff41fc5744eab7", Warning {
        message: "the pool's {subject} device runs low",
        cause: "Free blocks fell below the low-water mark. The kernel reports it once; when the pool is full, the writes of all microVMs wait and then fail.",
        remedy: "mvmhost pool status\nmvmhost pool grow\n# or delete microVMs and images that nobody needs",
    }
    ran_full() = "MVM-POOL-505", "2c9a714eba5795040c2f9ca50f525e70", Error {
        message: "the pool had no free data block: writes of microVMs waited or failed",
        cause: "The data device was full. Writes wait for 60 seconds and then fail, which may damage the guests' file systems.",
        remedy: "mvmhost pool status\nmvmhost pool grow\n# or delete microVMs and images that nobody needs; check the file systems of guests that ran",
    }
    metadata_failed(pool, flintlockd, containerd) = "MVM-POOL-506", "9028cca30d4f14cdbf00683c8a630f9c", Error {
        message: "the kernel made the pool read-only or failed it",
        cause: "The metadata device is full, unreadable or damaged. Nothing new can be allocated until the metadata is checked, for which microVMs, flintlockd and containerd have to stop.",
        remedy: "dmsetup status {pool}  # why\n# stop the microVMs, then check the metadata and activate the pool again:\nsystemctl stop {flintlockd} {containerd}\nmvmhost pool remove\nsystemctl start mvmhost.target",
    }
    disk_node_missing(containerd) = "MVM-POOL-507", "7245c21f42bec93863ea6452a386e8af", Error {
        message: "the disk of {subject} was not there when its VMM started",
        cause: "The thin device of its volume is not active: containerd activates them at its start.",
        remedy: "systemctl restart {containerd}\nsystemctl start mvmhost.target",
    }
    dmsetup_refused() = "MVM-POOL-508", "ef3d741202c80b137e3fbedce58fd30c", Error {
        message: "dmsetup could not talk to device-mapper",
        cause: "With \"Permission denied\" it was not run as root, which says nothing about the pool. With \"No such device\" the kernel has no device-mapper: the module is not loaded.",
        remedy: "modprobe dm_mod\ndmsetup ls",
    }
    page_lost(pool) = "MVM-POOL-509", "ac45023607ca1025cbb918a973cc8976", Error {
        message: "a write to {subject} was lost",
        cause: "The kernel gave up a write that an application takes for done: the pool was full, or its storage has errors. The file system on it may be damaged.",
        remedy: "dmsetup status {pool}\njournalctl -k -b --grep='I/O error'",
    }
}
