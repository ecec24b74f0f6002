//! MVM-DISK: the disks of a pool on LVM.

catalogue! {
    no_pool(devices) = "MVM-DISK-001", "ecd0b68a3106955bd3815e711357d734", Error {
        message: "there is no thin pool {subject} on the disks of [thinpool.lvm] yet \
                  ({devices})",
        cause: "A pool on disks is made only when an operator says so, never at boot and never by mvmhost apply: what is on a disk may be someone's.",
        remedy: "mvmhost pool create  # refuses disks that carry anything, and names what it is\nmvmhost apply",
        exit: Unavailable,
    }
    lvm_missing() = "MVM-DISK-002", "928bd6c6e505a8e37d9bc707ed7974c5", Error {
        message: "lvm2 is not installed, and pool {subject} is on LVM",
        cause: "[thinpool] backend = \"lvm\" works with the commands of lvm2, and with dmeventd, which grows the pool.",
        remedy: "{install_lvm}\nmvmhost apply",
        exit: Unavailable,
    }
    unusable(why) = "MVM-DISK-003", "e9110eab546b00f3d6d27e7817f21162", Error {
        message: "disk {subject} cannot be used: {why}",
        cause: "A disk is taken only when it is whole, idle and writable. No token helps past \
                this.",
        remedy: "lsblk --fs {subject}\n\
                 # put that right, or name another disk in [thinpool.lvm] devices of /etc/mvmhost.toml, then\n\
                 mvmhost pool create",
        exit: Refused,
    }
    occupied(contents, token) = "MVM-DISK-004", "ce508c3b9162124f2fd6239167510b6f", Error {
        message: "disk {subject} carries {contents}: not one byte of it was changed",
        cause: "A pool is made only on disks with nothing on them. The token stands for \
                exactly what was seen on all disks of [thinpool.lvm] devices: when anything \
                changes, another one is needed.",
        remedy: "lsblk --fs {subject}\n\
                 # it is the wrong disk: correct [thinpool.lvm] devices in /etc/mvmhost.toml, then\n\
                 mvmhost pool create\n\
                 # everything on it may be lost for ever:\n\
                 mvmhost pool create --wipe {token}",
        exit: Refused,
    }
    changed(contents, token) = "MVM-DISK-005", "25b6a3a54e3f634868774e11e080f28b", Error {
        message: "the token is not for what disk {subject} carries now: {contents}",
        cause: "The token was printed for other contents, or mistyped. Not one byte was \
                changed.",
        remedy: "lsblk --fs {subject}\n\
                 # everything on it may be lost for ever:\n\
                 mvmhost pool create --wipe {token}",
        exit: Refused,
    }
    too_small(size) = "MVM-DISK-006", "746013562b8b865cf994d6cce2fce8c5", Error {
        message: "the disks are too small for a pool: {size} ({subject})",
        cause: "Data, metadata, their spare and room for one step of growth have to fit.",
        remedy: "mvmhost pool create  # first: name larger or more disks in [thinpool.lvm] devices of /etc/mvmhost.toml",
        exit: Refused,
    }
    databases(databases, directory, units, aside) = "MVM-DISK-007", "fa2a567803c9f0c8743410d95feed23e", Error {
        message: "there is no pool on disks, but containerd has databases about one: \
                  {databases}",
        cause: "These databases list the contents of another pool: one on files, or one whose disks are gone. On a new empty pool containerd would fail for each of their entries.",
        remedy: "mvmhost apply  # first: the old pool is the right one: put [thinpool] in /etc/mvmhost.toml back to it\n# it is to be given up (everything is kept in {directory}/old), and the last line says what is left to do:\nsystemctl stop {units}\n{aside}",
        exit: Refused,
    }
    group_foreign(name) = "MVM-DISK-008", "953bdb332c89708bd573905e80855dd8", Error {
        message: "volume group {subject} is there already and holds no pool {name}",
        cause: "mvmhost makes a pool only in a volume group that it made itself, which carries \
                the tag mvmhost, and only while nothing else is in it.",
        remedy: "vgs --options +vg_tags,pv_name {subject}\n\
                 lvs --all {subject}\n\
                 # name another [thinpool.lvm] volume-group in /etc/mvmhost.toml, then\n\
                 mvmhost pool create",
        exit: Refused,
    }
    group_twice(uuids) = "MVM-DISK-009", "f1e35a59fc78b0da2d41ecac46a83794", Error {
        message: "there are several volume groups {subject} ({uuids})",
        cause: "Disks of two hosts are in one machine, or a disk was copied. LVM cannot distinguish them by name.",
        remedy: "vgs --options +vg_uuid,pv_name\n\
                 # rename the one that is not the pool's with vgrename UUID NEWNAME, then\n\
                 mvmhost apply",
        exit: Refused,
    }
    group_partial(count) = "MVM-DISK-010", "5ac75f0acdcd32f1f066f92f145bf844", Error {
        message: "{count} disks of volume group {subject} are not there",
        cause: "A pool on half of its disks would lose what is on the others. It is activated \
                as soon as all of them are there.",
        remedy: "pvs --options pv_name,pv_uuid,vg_name,pv_missing\n\
                 journalctl --dmesg --priority err\n\
                 # once the disks are back:\n\
                 systemctl start mvmhost.target",
        exit: Unavailable,
    }
    not_a_pool(kind) = "MVM-DISK-011", "00231196af293c4f943dfdf0cf7014ae", Error {
        message: "{subject} is no thin pool but {kind}",
        cause: "[thinpool] name is the name of another logical volume.",
        remedy: "lvs --all --options +segtype\n\
                 # correct [thinpool] name or [thinpool.lvm] volume-group in /etc/mvmhost.toml, then\n\
                 mvmhost apply",
        exit: Refused,
    }
    gone(group, devices) = "MVM-DISK-012", "7a13ef2dfb9620ed3b52387fdd50f4da", Error {
        message: "pool {subject} is on record, and volume group {group} does not have it \
                  ({devices})",
        cause: "The disks of the pool are not in the machine, or someone removed it. A new one would be an empty pool under old microVMs.",
        remedy: "pvs\n\
                 # the disks can be put back: do that, then\n\
                 mvmhost apply\n\
                 # the pool is lost; the record is set aside:\n\
                 mv --backup=numbered /var/lib/mvmhost/receipt.json /var/lib/mvmhost/receipt.json.old\n\
                 mvmhost pool create",
        exit: Refused,
    }
    other_volume(what, was, is) = "MVM-DISK-013", "893a2fb8a49c8f83fecf5acf657a0620", Error {
        message: "pool {subject} is not the one on record: its {what} was {was} and is {is}",
        cause: "The volume of that name is another one than mvmhost knew: disks were swapped, or it was made again. containerd's databases belong to the old one.",
        remedy: "pvs --options +vg_uuid\n\
                 # the old disks can be put back: do that, then\n\
                 mvmhost apply\n\
                 # this pool is the right one, together with containerd's databases:\n\
                 mv --backup=numbered /var/lib/mvmhost/receipt.json /var/lib/mvmhost/receipt.json.old\n\
                 mvmhost apply",
        exit: Refused,
    }
    receipt_unreadable(group, why) = "MVM-DISK-014", "14e200943a21006caa012eef6b300c3b", Error {
        message: "the receipt of pool {subject} in volume group {group} cannot be read: {why}",
        cause: "/var/lib/mvmhost/receipt.json has the identity of the pool. Without it mvmhost does not know whether this pool belongs to containerd's databases.",
        remedy: "mvmhost pool status\n# choose; only when this pool is the right one:\nmv --backup=numbered /var/lib/mvmhost/receipt.json /var/lib/mvmhost/receipt.json.old\nmvmhost apply",
        exit: Refused,
    }
    not_grown(profile, volume) = "MVM-DISK-015", "bcc9cf3e4730f1dfb5834cb7703ffa6d", Warning {
        message: "thin pool {subject} does not grow when it fills up",
        cause: "LVM grows a pool with a profile that is attached to it, while dmeventd watches it. provision.sh only writes the profile, which has no effect.",
        remedy: "lvchange --metadataprofile {profile} {volume}\n\
                 lvchange --monitor y {volume}\n\
                 mvmhost apply",
    }
    command_failed(command, why) = "MVM-DISK-016", "790541336fcb474f659b18306835d1b3", Error {
        message: "{command} failed for pool {subject}: {why}",
        cause: "LVM or a disk refused. Finished steps stay; the same command continues after them.",
        remedy: "journalctl --dmesg --priority err\n\
                 pvs\n\
                 lvs --all\n\
                 mvmhost plan",
    }
    created(data, metadata, room) = "MVM-DISK-017", "89962978dcea3faccf869e2d99a2aa41", Info {
        message: "thin pool {subject} was made: data {data}, metadata {metadata}, room to grow \
                  {room}",
        cause: "The disks were empty, or the token of an operator allowed to delete what was on them.",
        remedy: "",
    }
    exists() = "MVM-DISK-018", "439fd2412263290863ad8f11fa828d55", Info {
        message: "thin pool {subject} is there already; nothing was made",
        cause: "`mvmhost pool create` changes nothing about a pool that exists.",
        remedy: "",
    }
    not_lvm() = "MVM-DISK-019", "a1244eaa87a2e404016a8d4b89bd62a7", Error {
        message: "mvmhost pool create is for a pool on disks, and {subject} is not one",
        cause: "With [thinpool] backend = \"loop\" the files are made by mvmhost apply, and with \"external\" another program makes the pool.",
        remedy: "mvmhost apply  # makes a pool on files; for one on disks first set backend = \"lvm\" in [thinpool] and name them in [thinpool.lvm] devices, then:\nmvmhost pool create",
    }
    no_room(group, free, step) = "MVM-DISK-020", "9e1db229588d66c8dc0f3514bfd13f07", Warning {
        message: "volume group {group} has {free} free: too little to grow pool {subject} by {step}",
        cause: "dmeventd grows the pool by [thinpool.guard] grow-percent when it fills up, and the group has no room for that. provision.sh direct_lvm leaves its groups like that. mvm-guard still stops new microVMs before the pool is full.",
        remedy: "vgs {group}\n# choose: give the group another disk with vgextend {group} /dev/disk/by-id/NAME, or set a smaller [thinpool.guard] grow-percent in /etc/mvmhost.toml, then\nmvmhost apply",
    }
    metadata_damaged(volume) = "MVM-DISK-021", "95d48cfc81517be298e4eecd03bfffee", Error {
        message: "thin_check found the metadata of thin pool {subject} damaged",
        cause: "The metadata contradicts itself. LVM activates no such pool, and nothing was changed: \
                repairing is never done by itself, because a repair may end well and leave an empty \
                pool.",
        remedy: "lvchange --yes --activate y {volume}_tmeta  # what exactly is wrong\nthin_check /dev/mapper/{subject}_tmeta\nlvchange --activate n {volume}_tmeta\n# what a repair would lose, and the repair:\nmvmhost pool repair --dry-run\nmvmhost pool repair",
    }
}
