//! MVM-POOL-140 to 149 and 170 to 173: containerd's databases about the pool.

/// The remedy where one of the files, or the pool, is older than the others.
const RIGHT_FILES: &str = "mvmhost pool status\n\
    # the right files are elsewhere, such as in a backup: put all of them back together, then\n\
    systemctl start mvmhost.target\n\
    # the old pool is to be given up for a new empty one (everything is kept in {directory}/old):\n\
    systemctl stop {units}\n\
    {aside}";

catalogue! {
    replaced(is, pool, was, directory, units, aside) = "MVM-POOL-140", "b98a0d21606293351052b75ddaa2863f", Error {
        message: "{subject} is another file ({is}) than the one that lists what is in pool {pool} \
                  ({was})",
        cause: "containerd changes this database in place. Another file lists another pool's \
                snapshots, an older state of this one, or nothing: containerd would remove or \
                overwrite what it does not know.",
        remedy: "mvmhost pool status\n# the right one is elsewhere: put it back in its place, then\nsystemctl start mvmhost.target\n# this one is right, such as one restored together with the pool:\nmv --backup=numbered /var/lib/mvmhost/receipt.json /var/lib/mvmhost/receipt.json.old\nmvmhost apply\n# the old pool is to be given up for a new empty one (everything is kept in {directory}/old):\nsystemctl stop {units}\n{aside}",
    }
    elsewhere(pool, to, directory, units, aside) = "MVM-POOL-141", "3fcd01b5435a4e22a4afca5f33d63a82", Error {
        message: "{subject} lists what is in pool {pool}, but containerd would use {to}",
        cause: "root_path in containerd's configuration, or [containerd] instance, has changed. With it containerd would take the pool for an empty one and overwrite its devices. mvmhost accepts a database that was moved on the same file system.",
        remedy: "mvmhost pool status\n# everything stays where it was: take the change back, then\nsystemctl start mvmhost.target\n# what is there now is right, such as a copy on another file system:\nmv --backup=numbered /var/lib/mvmhost/receipt.json /var/lib/mvmhost/receipt.json.old\nmvmhost apply\n# the old pool is to be given up for a new empty one (everything is kept in {directory}/old):\nsystemctl stop {units}\n{aside}",
    }
    put_away(pool, id, kept) = "MVM-POOL-142", "9a029ed0d8f74f8389bf688b8b80363d", Warning {
        message: "interrupted snapshot {subject} was discarded, so that the next one can be made",
        cause: "containerd was killed, or the power failed, after it made this thin device and before it recorded the snapshot. No image and no microVM uses it. containerd takes another number; the space of the device stays in use until you free it.",
        remedy: "dmsetup message {pool} 0 \"delete {id}\"  # frees what it takes up in the pool, once containerd runs\n# its list of devices from before is {kept}",
    }
    snapshots_lost(names, directory, units, aside) = "MVM-POOL-143", "ea592f5bdece4a76b854ed1983e8672b", Error {
        message: "{subject} lacks snapshots that containerd's namespaces know: {names}",
        cause: "The file is an older one, was lost and made again, or belongs to another containerd. Started so, containerd would give numbers out twice that are in use in the pool.",
        remedy: RIGHT_FILES,
    }
    devices_lost(names, directory, units, aside) = "MVM-POOL-144", "0d11411df2ad427f95f8417344ce48f6", Error {
        message: "{subject} lacks the devices of snapshots: {names}",
        cause: "The file is an older one, or was lost and made again. What these snapshots hold is still in the pool, and containerd no longer finds it and would reuse its numbers.",
        remedy: RIGHT_FILES,
    }
    newer(pool, names, directory, units, aside) = "MVM-POOL-145", "bb1aba3569fc453290e5d5de99f7927c", Error {
        message: "{subject} is older than the devices in pool {pool}: {names}",
        cause: "The pool's list has more devices than one interrupted snapshot can leave, and this file knows none of them. It is an older one, or was lost and made again.",
        remedy: RIGHT_FILES,
    }
    twice(pool, names, directory, units, aside) = "MVM-POOL-146", "3f5c363a01214b018ac5c280bf720f42", Error {
        message: "{subject} gives one number in pool {pool} to two devices: {names}",
        cause: "Two snapshots would write to the same thin device and destroy each other. One of the files is an older one, or two containerds use the pool.",
        remedy: RIGHT_FILES,
    }
    unsound(why, directory, units, aside) = "MVM-POOL-147", "dd2aca249c86476ca84135a8c2a81ec3", Error {
        message: "{subject} is damaged: {why}",
        cause: "The file lists what is in the pool, and is no sound database. containerd cannot open it.",
        remedy: RIGHT_FILES,
    }
    not_put_away(why) = "MVM-POOL-148", "f1b625343e87498eac6b1fa646101832", Error {
        message: "interrupted snapshot {subject} cannot be discarded: {why}",
        cause: "A snapshot that was interrupted has the number of the next one in the pool, so no root volume can be made. Nothing was changed.",
        remedy: "df -h /var/lib\nsystemctl start mvmhost.target",
    }
    thin_lost(pool, names, directory, units, aside) = "MVM-POOL-149", "5c02fae0df7f4f549734ebce7c175c47", Error {
        message: "pool {pool} lacks the thin devices of snapshots that {subject} lists: {names}",
        cause: "The pool's own metadata are older than this list, or the pool was made again. containerd's devmapper plugin does not load with such a list, or fails at the next snapshot.",
        remedy: RIGHT_FILES,
    }
    thin_taken(id, pool) = "MVM-POOL-170", "93fb33a2648a460f9d699f1dfd3a2aa9", Error {
        message: "number {id}, the next one that {subject} gives out, is in use in pool {pool}",
        cause: "The pool has a thin device that this list does not have: another program made it, or the list is an older one. containerd could not make a snapshot, and each of its attempts would cost a microVM one of its eleven.",
        remedy: "dmsetup create mvmhost-look --readonly --table \"0 8 thin /dev/mapper/{pool} {id}\"  # nothing of containerd's has this number\ndmsetup remove mvmhost-look\n# it is of no use:\ndmsetup message {pool} 0 \"delete {id}\"\nsystemctl start mvmhost.target",
    }
    given_back(names, kept) = "MVM-POOL-171", "15ccf8c4b0a949c79ddc7a454f295004", Warning {
        message: "containerd activates devices of pool {subject} once more: {names}",
        cause: "containerd was killed, or the power failed, while it activated the disks of microVMs after a boot; or it could not activate them then. It would mark them as faulty for good, and their microVMs could not start. mvmhost set their state back.",
        remedy: "mvmhost check  # whether all microVMs run\n# containerd's list of devices from before is {kept}",
    }
    given_up(names, containerd) = "MVM-POOL-172", "1cd4e64346bf40978847d6fc71f821fd", Warning {
        message: "containerd does not activate devices of pool {subject}: {names}",
        cause: "containerd could not activate these disks of microVMs, and marked them as faulty. The microVMs cannot start. The data of a disk is still in the pool, unless the pool lacks the device.",
        remedy: "journalctl -b -u {containerd} --grep=devmapper  # why\nsystemctl restart {containerd}  # tries once more, ten minutes after the last time\nsystemctl start mvmhost.target",
    }
    meta_older(pool, names, directory, units, aside) = "MVM-POOL-173", "832542e4b2c246e49cb62e5f242fff7b", Error {
        message: "{subject} is older than the snapshots in pool {pool}: {names}",
        cause: "This file says which snapshots are in use. It is an older one, or was lost and made again. containerd would remove these snapshots, and with them the disks of microVMs.",
        remedy: RIGHT_FILES,
    }
}
