//! MVM-POOL-160 to 169: `mvmhost adopt`.

catalogue! {
    adopted(file) = "MVM-POOL-160", "11319d29d6172f22445a21e60c10eb20", Info {
        message: "pool {subject} of provision.sh is mvmhost's; {file} describes it",
        cause: "Files or volumes, table, name and block size are as they were. A pool of LVM got the profile that lets dmeventd grow it.",
        remedy: "",
    }
    would_adopt() = "MVM-POOL-161", "3880090cdca392b8ad353a0b9b1dbd0e", Info {
        message: "pool {subject} of provision.sh can be taken over; nothing was changed",
        cause: "`mvmhost adopt` without --dry-run writes a file into /etc/mvmhost.toml.d and puts the \
                pool on record.",
        remedy: "",
    }
    nothing() = "MVM-POOL-162", "ee5660a4bfdcfb2229242777c31663cf", Error {
        message: "there is no pool of provision.sh in {subject}",
        cause: "provision.sh devpool makes the files data and metadata there. One of them is missing, and \
                nothing of provision.sh direct_lvm is there either.",
        remedy: "mvmhost apply  # makes a new pool",
    }
    several_names(names) = "MVM-POOL-163", "176c16f74d96cf3b81da8a3b958af56d", Error {
        message: "the pool in {subject} has several names: {names}",
        cause: "The active devices and containerd's configuration do not agree. Under the wrong name containerd finds none of its data.",
        remedy: "mvmhost adopt  # first: put the right one into /etc/containerd/config-dev.toml (config.toml for the distribution's containerd) as pool_name, or take down the wrong device",
    }
    conflict(path) = "MVM-POOL-164", "3b1de3082f03dbc1d85721354a711ffe", Warning {
        message: "{subject} overrides settings that mvmhost manages",
        cause: "A unit or drop-in from before mvmhost sets how a service starts or what it needs. mvmhost leaves it as it is, and it may win.",
        remedy: "systemctl cat {subject}\n# copy what you need into /etc/mvmhost.toml, then\nmv {path} {path}.before-mvmhost\nsystemctl daemon-reload\nmvmhost apply",
    }
    not_written(why) = "MVM-POOL-165", "ff263f06b143a2dc8cd53f989a1f2eec", Error {
        message: "{subject} is not written: {why}",
        cause: "mvmhost writes the configuration of the pool into its own file, and leaves all other files unchanged. The pool is as it was.",
        remedy: "ls -ld /etc/mvmhost.toml.d\n\
                 # make this folder writable for root, then\n\
                 mvmhost adopt",
    }
    no_lasting_name(disk) = "MVM-POOL-166", "1b0c955a0638879d5c5e7e2a01e6e14a", Error {
        message: "pool {subject} is on {disk}, which has no lasting name in /dev/disk",
        cause: "mvmhost names disks only by what stays the same after a reboot, and this disk has neither a name in /dev/disk/by-id nor one in by-path. The pool can be used as an external one: LVM activates it, and mvmhost checks it.",
        remedy: "mvmhost plan  # first: set backend = \"external\" and name = \"{subject}\" in [thinpool] of /etc/mvmhost.toml",
    }
}
