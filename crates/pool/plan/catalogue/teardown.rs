//! MVM-POOL-130 to 139: taking a pool down with `mvmhost pool remove`, and checking one that is down.

catalogue! {
    in_use(pool, holder) = "MVM-POOL-130", "5cd366655844ce331f29769630b3af6e", Error {
        message: "{subject} of pool {pool} is in use by {holder}",
        cause: "A pool is taken down only when nobody uses it, and nothing is forced: what is \
                running would lose its disk.",
        remedy: "mvmhost pool remove  # first: end what uses it (a microVM: delete it through flintlock; a mount: unmount it)",
    }
    unit_runs(pool) = "MVM-POOL-131", "f2b7fd46e383ae1d5001065d73b3bfd0", Error {
        message: "{subject} runs on pool {pool}",
        cause: "containerd would start anything on the pool again, and flintlockd counts every \
                attempt that fails.",
        remedy: "systemctl stop {subject}\n\
                 mvmhost pool remove",
    }
    removed() = "MVM-POOL-132", "b20532fc31a0968fab1fa2e85f17c239", Info {
        message: "thin pool {subject} was taken down; what is in it stays as it is",
        cause: "`mvmhost pool remove` takes the devices down. Data, databases and the record stay, \
                so that the next start brings the same pool up again.",
        remedy: "",
    }
    not_removed(why) = "MVM-POOL-133", "1beb7b8b8221253dfc14f5c925d1ce4a", Error {
        message: "pool {subject} could not be taken down: {why}",
        cause: "device-mapper or a loop device refused. What was taken down before stays down, and \
                mvmhost apply brings everything up again.",
        remedy: "dmsetup ls --tree\n\
                 # stop what still uses the devices, then\n\
                 mvmhost pool remove",
    }
    checked() = "MVM-POOL-134", "50ad904355fad8b9000a9e70d71026cb", Info {
        message: "the metadata of thin pool {subject} is in order",
        cause: "thin_check read all of it and found nothing wrong, and files or volumes are those on record. \
                Nothing was changed.",
        remedy: "",
    }
    not_checked() = "MVM-POOL-135", "649c5c09913ef90212217dc043b68fb6", Warning {
        message: "the metadata of thin pool {subject} was not read: the pool is live",
        cause: "Metadata changes while the pool is live, so a check of it has no meaning. What the kernel itself finds is reported beside this.",
        remedy: "mvmhost pool remove  # with flintlockd and containerd stopped and no microVM running\nmvmhost pool check",
    }
}
