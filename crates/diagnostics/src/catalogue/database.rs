//! MVM-POOL-140 to 149: containerd's databases about the pool.

catalogue! {
    REPLACED = "MVM-POOL-140", "b98a0d21606293351052b75ddaa2863f", Error {
        message: "{subject} is another file ({is}) than the one that lists what is in pool {pool} \
                  ({was})",
        cause: "containerd changes this database in place. Another file lists another pool's \
                snapshots, an older state of this one, or nothing: containerd would remove or \
                overwrite what it does not know.",
        remedy: "mvmhost pool status\n# the right one is elsewhere: put it back in its place, then\nsystemctl start mvmhost.target\n# this one is right, such as one restored together with the pool:\nmv --backup=numbered /var/lib/mvmhost/receipt.json /var/lib/mvmhost/receipt.json.old\nmvmhost apply\n# the old pool is to be given up for a new empty one (everything is kept in {directory}/old):\nsystemctl stop {units}\n{aside}",
    }
    ELSEWHERE = "MVM-POOL-141", "3fcd01b5435a4e22a4afca5f33d63a82", Error {
        message: "{subject} lists what is in pool {pool}, and containerd is to look for it as {to}",
        cause: "root_path in containerd's configuration was changed, or [containerd] instance. Started \
                so, containerd would take the pool for an empty one and collide with everything in it. \
                A database that was moved along on one file system is recognized.",
        remedy: "mvmhost pool status\n# everything stays where it was: take the change back, then\nsystemctl start mvmhost.target\n# what is there now is right, such as a copy on another file system:\nmv --backup=numbered /var/lib/mvmhost/receipt.json /var/lib/mvmhost/receipt.json.old\nmvmhost apply\n# the old pool is to be given up for a new empty one (everything is kept in {directory}/old):\nsystemctl stop {units}\n{aside}",
    }
}
