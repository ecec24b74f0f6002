//! MVM-POOL 011 to 029: files, receipt and metadata that are not what they were.

catalogue! {
    databases_without_pool(databases, directory, units, aside) = "MVM-POOL-011", "546fddb7835a008c4c16e02fc6292986", Error {
        message: "there is no pool, but containerd has databases about one: {databases}",
        cause: "What these databases list was in a pool whose files are no longer in the \
                configured directory. On a new empty pool containerd would fail on every entry of \
                theirs.",
        remedy: "mvmhost pool status\n# the files of the pool are somewhere else: move them into {directory}, or set [thinpool.loop] directory, then\nmvmhost apply\n# the old pool is to be given up for a new empty one (everything is kept in {directory}/old):\nsystemctl stop {units}\n{aside}",
        exit: Refused,
    }
    blank_metadata(directory, units, aside) = "MVM-POOL-012", "741204f183cd45a9d49c6def824888f2", Error {
        message: "{subject} is blank, but the data file next to it is in use",
        cause: "The data file has blocks in use, but the metadata that describe them are empty. An active pool would overwrite these blocks.",
        remedy: "mvmhost pool status\n# the metadata can be restored from a backup: do that, then\nmvmhost apply\n# the old pool is to be given up for a new empty one (everything is kept in {directory}/old):\nsystemctl stop {units}\n{aside}",
        exit: Refused,
    }
    data_alone(directory, units, aside) = "MVM-POOL-013", "4f46b12635c7ee38474ec55114b5e68c", Error {
        message: "{subject} is in use, but the metadata file next to it is missing",
        cause: "The data file has blocks in use. Without the metadata they cannot be read.",
        remedy: "mvmhost pool status\n# the metadata can be restored or moved back: do that, then\nmvmhost apply\n# the old pool is to be given up for a new empty one (everything is kept in {directory}/old):\nsystemctl stop {units}\n{aside}",
        exit: Refused,
    }
    metadata_alone(directory, units, aside) = "MVM-POOL-014", "67e997dbb53002366c1ceb026eb4166b", Error {
        message: "{subject} describes a pool, but the data file next to it is missing",
        cause: "The metadata is that of a pool whose data is not there. With a new data file every \
                microVM in it would read zeroes.",
        remedy: "mvmhost pool status\n# the data file can be restored or moved back: do that, then\nmvmhost apply\n# the old pool is to be given up for a new empty one (everything is kept in {directory}/old):\nsystemctl stop {units}\n{aside}",
        exit: Refused,
    }
    not_metadata(directory, units, aside) = "MVM-POOL-015", "284b6ca831670f5a492541ba63b77332", Error {
        message: "{subject} is not the metadata of a thin pool",
        cause: "The first block of the file is neither blank nor the superblock of a thin pool: \
                the file is something else, or it is damaged.",
        remedy: "mvmhost pool status\n# see what it is:\nhead -c 64 {subject} | od -c\n# it can be restored or moved back: do that, then\nmvmhost apply\n# the old pool is to be given up for a new empty one (everything is kept in {directory}/old):\nsystemctl stop {units}\n{aside}",
        exit: Refused,
    }
    not_a_file() = "MVM-POOL-016", "e7e6bbf41b865d424a3f39f66dca7744", Error {
        message: "{subject} is not a regular file",
        cause: "The loop backend keeps its pool in two regular files.",
        remedy: "mvmhost pool status\n# see what it is:\nls -ld {subject}\n# move it away, then\nmvmhost apply",
        exit: Refused,
    }
    file_short(is, needed, directory, units, aside) = "MVM-POOL-017", "7c768f82cc5651f422562c983be93b62", Error {
        message: "{subject} has {is} bytes, but the pool in it has {needed}",
        cause: "The superblock of the pool says that the file was longer. What was behind its end \
                is lost unless a backup has it.",
        remedy: "mvmhost pool status\n# the file can be restored from a backup: do that, then\nmvmhost apply\n# the old pool is to be given up for a new empty one (everything is kept in {directory}/old):\nsystemctl stop {units}\n{aside}",
        exit: Refused,
    }
    receipt_unreadable(why) = "MVM-POOL-018", "0d478d8023f0855d218de7a798640365", Error {
        message: "the receipt of pool {subject} cannot be read: {why}",
        cause: "/var/lib/mvmhost/receipt.json says by what mvmhost recognises its pool. It was damaged or changed, so mvmhost does not know whether the files are the right ones.",
        remedy: "mvmhost pool status\n# choose; only when the pool is right as it is now:\nmv --backup=numbered /var/lib/mvmhost/receipt.json /var/lib/mvmhost/receipt.json.old\nmvmhost apply",
        exit: Refused,
    }
    receipt_version(version, known) = "MVM-POOL-019", "de8f50849f6c53351792a255ecad20af", Error {
        message: "the receipt of pool {subject} has format {version}; this mvmhost knows {known}",
        cause: "/var/lib/mvmhost/receipt.json was written by a newer mvmhost.",
        remedy: "{install_mvmhost}  # the newer version\n# choose; only when the pool is right as it is now:\nmv --backup=numbered /var/lib/mvmhost/receipt.json /var/lib/mvmhost/receipt.json.old\nmvmhost apply",
        exit: Refused,
    }
    receipt_other(what, was, is) = "MVM-POOL-020", "ff6685160ff51b56e9462fd7cd578f9d", Error {
        message: "the receipt is about another pool: its {what} is {was}, the configuration says \
                  {is}",
        cause: "mvmhost has a pool on record, and the configuration describes a different one. \
                Making the second while the first has the microVMs would lose sight of them.",
        remedy: "mvmhost pool status\n# the pool on record is the right one: put [thinpool] back to what the receipt says in /etc/mvmhost.toml, then\nmvmhost apply\n# the other one is, and the pool on record may be forgotten (its files stay):\nmv --backup=numbered /var/lib/mvmhost/receipt.json /var/lib/mvmhost/receipt.json.old\nmvmhost apply",
        exit: Refused,
    }
    file_missing(size, pool, directory, units, aside) = "MVM-POOL-021", "dcdf4e7937d16b19ab887a60967c28b4", Error {
        message: "{subject} is missing: a file of {size} bytes that belongs to pool {pool}",
        cause: "The receipt says that mvmhost made or took over this file, and it is not there: \
                deleted, moved, or its file system is not mounted. A new one would be an empty \
                pool under old microVMs.",
        remedy: "mvmhost pool status\n# it can be put right (restored, mounted, moved back): do that, then\nsystemctl start mvmhost.target\n# it came back as a copy, which is another file than the one on record:\nmv --backup=numbered /var/lib/mvmhost/receipt.json /var/lib/mvmhost/receipt.json.old\nmvmhost apply\n# the old pool is to be given up for a new empty one (everything is kept in {directory}/old):\nsystemctl stop {units}\n{aside}",
        exit: Refused,
    }
    file_truncated(is, was, path, directory, units, aside) = "MVM-POOL-022", "14a22c3bb657962f556b99df33985d1e", Error {
        message: "{subject} has {is} bytes; it had {was}",
        cause: "The file is shorter than the pool in it. The data after its end are lost unless there is a backup. An active pool would fail at the first missing block.",
        remedy: "mvmhost pool status\n# nothing was behind the end, or a check shall find out: make it as long as it was (adds a hole), then\ntruncate --size={was} {path}\nsystemctl start mvmhost.target\n# the old pool is to be given up for a new empty one (everything is kept in {directory}/old):\nsystemctl stop {units}\n{aside}",
        exit: Refused,
    }
    file_grown(is, was) = "MVM-POOL-023", "6b3be5a7e3033c2a4988c28ffb8c812f", Error {
        message: "{subject} has {is} bytes; it had {was}",
        cause: "Someone made the file longer while the pool was not active, or put another file in its place by writing over it.",
        remedy: "mvmhost pool status\n# it is right as it is now:\nmv --backup=numbered /var/lib/mvmhost/receipt.json /var/lib/mvmhost/receipt.json.old\nmvmhost apply",
        exit: Refused,
    }
    file_swapped(is, was, directory, units, aside) = "MVM-POOL-024", "134d43b77d765277ee43697dee210afd", Error {
        message: "{subject} is another file than the one on record: {is}, not {was}",
        cause: "Inode number and time of birth show that this is a copy or another file. It was restored, copied, or belongs to another program.",
        remedy: "mvmhost pool status\n# it can be put right (restored, mounted, moved back): do that, then\nsystemctl start mvmhost.target\n# it is right as it is now:\nmv --backup=numbered /var/lib/mvmhost/receipt.json /var/lib/mvmhost/receipt.json.old\nmvmhost apply\n# the old pool is to be given up for a new empty one (everything is kept in {directory}/old):\nsystemctl stop {units}\n{aside}",
        exit: Refused,
    }
    metadata_wiped(directory, units, aside) = "MVM-POOL-025", "350163024e636eea7dc801b63ba919a7", Error {
        message: "{subject} was the metadata of the pool and is blank now",
        cause: "The first block of the file is zero. The kernel would take that as leave to make a \
                new empty pool over the data of the old one.",
        remedy: "mvmhost pool status\n# the metadata can be restored from a backup: do that, then\nmv --backup=numbered /var/lib/mvmhost/receipt.json /var/lib/mvmhost/receipt.json.old\nmvmhost apply\n# the old pool is to be given up for a new empty one (everything is kept in {directory}/old):\nsystemctl stop {units}\n{aside}",
        exit: Refused,
    }
    block_size_changed(is, was, directory, units, aside) = "MVM-POOL-026", "b14cbec2b85e87ac97b70814f9c1aee9", Error {
        message: "{subject} is of a pool with blocks of {is} KiB; the one on record has {was} KiB",
        cause: "The block size of a pool never changes, so this is the metadata of another pool.",
        remedy: "mvmhost pool status\n# it can be put right (restored, mounted, moved back): do that, then\nsystemctl start mvmhost.target\n# it is right as it is now:\nmv --backup=numbered /var/lib/mvmhost/receipt.json /var/lib/mvmhost/receipt.json.old\nmvmhost apply\n# the old pool is to be given up for a new empty one (everything is kept in {directory}/old):\nsystemctl stop {units}\n{aside}",
        exit: Refused,
    }
    database_gone(pool, directory, units, aside) = "MVM-POOL-027", "eba9dcb804d15a65182d5e8643007c1d", Error {
        message: "{subject}, which lists what is in pool {pool}, is missing",
        cause: "containerd had this database when mvmhost last looked. Without it containerd would take the pool for an empty one and overwrite its devices.",
        remedy: "mvmhost pool status\n# it can be restored: do that, then\nsystemctl start mvmhost.target\n# the old pool is to be given up for a new empty one (everything is kept in {directory}/old):\nsystemctl stop {units}\n{aside}",
        exit: Refused,
    }
    thin_check_missing() = "MVM-POOL-028", "3e607a69c04bb66eaacf7bb8c847ff68", Error {
        message: "thin_check is not installed, so the metadata of pool {subject} cannot be checked",
        cause: "mvmhost activates a pool only after a check of its metadata: damage spreads when the pool is written to.",
        remedy: "{install_thin_check}\nsystemctl start mvmhost.target",
        exit: Unavailable,
    }
    check_failed(path) = "MVM-POOL-029", "84ac6ef8ac13ede998df8e1439da6130", Error {
        message: "thin_check found the metadata {subject} damaged",
        cause: "The metadata of the pool contradicts itself, or a newer thin_check is stricter \
                than the one before. The pool stays inactive: a damaged pool that is written to \
                loses more. Repairing is never done by itself, because thin_repair may end well \
                and leave an empty pool.",
        remedy: "mvmhost pool status\n# what exactly is wrong:\nthin_check {path}\n# what a repair would give, tried on a copy; then, without --dry-run, the repair:\nmvmhost pool repair --dry-run",
        exit: Refused,
    }
}
