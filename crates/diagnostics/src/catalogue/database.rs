//! MVM-POOL-140 to 149: containerd's databases about the pool.

catalogue! {
    REPLACED = "MVM-POOL-140", "b98a0d21606293351052b75ddaa2863f", Error {
        message: "{subject} is another file ({is}) than the one that lists what is in pool {pool} \
                  ({was})",
        cause: "containerd changes this database in place. Another file lists another pool's \
                snapshots, an older state of this one, or nothing: containerd would remove or \
                overwrite what it does not know.",
        remedy: "# the right one is elsewhere: put it back in its place, then\n\
                 systemctl start mvmhost.target\n\
                 # this one is right, such as one restored together with the pool:\n\
                 mv --backup=numbered /var/lib/mvmhost/receipt.json /var/lib/mvmhost/receipt.json.old\n\
                 mvmhost apply\n\
                 # the old pool is to be given up for a new empty one (everything is kept in {directory}/old):\n\
                 systemctl stop {units}\n\
                 {aside}",
    }
}
