//! MVM-POOL-150 to 159: `mvmhost pool repair`.

catalogue! {
    repaired(kept) = "MVM-POOL-150", "2714a534101e3db7768cf8dcfe260be8", Info {
        message: "the metadata of thin pool {subject} were repaired; the damaged ones are kept as {kept}",
        cause: "thin_repair wrote new metadata from a copy of the damaged ones, thin_check found them \
                in order, and they were compared with the damaged ones and with containerd's database. \
                `mvmhost apply` brings the pool up.",
        remedy: "",
    }
    repairable() = "MVM-POOL-151", "15b3913d089b7df1ec1cd7c7011cd992", Info {
        message: "the metadata of thin pool {subject} can be repaired without a loss; nothing was changed",
        cause: "It was tried on a copy, and nothing was missing in the result. `mvmhost pool repair` \
                without --dry-run does it.",
        remedy: "",
    }
    not_repairable(why) = "MVM-POOL-152", "ca7180782de5147fc2ae3f8f486312e0", Error {
        message: "mvmhost does not repair pool {subject}: {why}",
        cause: "mvmhost repairs the metadata of pools that it activates itself: on files and on LVM.",
        remedy: "mvmhost pool status",
    }
    active(units) = "MVM-POOL-153", "69c6b44b2c0c251715231b46f3d36b88", Error {
        message: "pool {subject} is not down, so its metadata are not repaired",
        cause: "What the kernel has of a live pool and what is on disk are two things; metadata that \
                are replaced under it are lost, and so is the pool.",
        remedy: "systemctl stop {units}\n\
                 mvmhost pool remove\n\
                 mvmhost pool repair --dry-run",
    }
    database_busy(pool, units) = "MVM-POOL-154", "ebcc83b512f917125dc5ebed28118a5d", Error {
        message: "{subject} is in use, so the devices of pool {pool} cannot be compared with it",
        cause: "containerd runs and has the database of its thin devices open.",
        remedy: "systemctl stop {units}\n\
                 mvmhost pool repair --dry-run",
    }
    failed(why, metadata, directory, units, aside) = "MVM-POOL-155", "2558e161810b1cb82549ceb092ebe74e", Error {
        message: "the metadata of pool {subject} cannot be repaired: {why}",
        cause: "Nothing was changed: the damaged metadata are where they were. What thin_repair \
                cannot read is not in them any more, so that only a backup helps, or a new pool.",
        remedy: "mvmhost pool status\n# a backup of the metadata is there: put it in the place of {metadata}, then\nmv --backup=numbered /var/lib/mvmhost/receipt.json /var/lib/mvmhost/receipt.json.old\nmvmhost apply\n# the pool is to be given up for a new empty one (everything is kept in {directory}/old):\nsystemctl stop {units}\n{aside}",
    }
    loses(losses, metadata, kept, accept) = "MVM-POOL-156", "61b194cf8f352d39e2a9b51332c5a0a0", Error {
        message: "the repair of pool {subject} would lose data, so nothing is changed: {losses}",
        cause: "thin_repair keeps what it can read and drops the rest silently. mvmhost compared its result with what the damaged metadata and containerd's database list.",
        remedy: "mvmhost pool repair --dry-run\n# choose; a backup of the metadata is better: put it in the place of {metadata}; or go on without what is lost (the damaged metadata is kept as {kept}):\n{accept}",
    }
    other_token(token) = "MVM-POOL-157", "760a7ae6f863919f2e07137aa9742fbf", Error {
        message: "{token} does not match: the repair's result changed since it was printed",
        cause: "A token is valid for one result of a repair. The metadata have changed, so the losses may differ now.",
        remedy: "mvmhost pool repair",
    }
    no_room(group, free, needs) = "MVM-POOL-158", "217d393e61924a38a6008cec6314c28e", Error {
        message: "volume group {group} of pool {subject} has {free} free, and repaired metadata need {needs}",
        cause: "They are written into a volume of their own, which then takes the place of the damaged \
                one, so that there is a whole one at every moment.",
        remedy: "mvmhost pool status\n# give the group another disk:\n#   vgextend {group} /dev/disk/by-id/NAME\nvgs {group}\nmvmhost pool repair --dry-run",
    }
    volume_failed(why, volume) = "MVM-POOL-159", "72a12b37646d4669ac3f164dccdc9216", Error {
        message: "the metadata of pool {subject} cannot be repaired: {why}",
        cause: "Nothing was changed: the damaged metadata is where it was. thin_repair cannot read it, so only a backup helps, or a new pool.",
        remedy: "mvmhost pool status\n# a backup of the metadata is there: put it into a volume of the group, NAME, which takes the place of theirs with\n#   lvconvert --thinpool {volume} --poolmetadata NAME\nmvmhost apply\n# the pool is to be given up, with all that is in it:\nlvremove {volume}\nmvmhost plan",
    }
}
