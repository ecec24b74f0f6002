//! MVM-POOL-100 to 119: what mvm-guard says of a pool that fills up, and what growing it meets.

catalogue! {
    data_filling(percent, why) = "MVM-POOL-100", "6aab10d1c1c348a94d67a628f5ec2f93", Warning {
        message: "the data of thin pool {subject} is {percent} % full and is not grown: {why}",
        cause: "The pool is past [thinpool.guard] warn-percent. At brake-percent flintlockd is \
                stopped so that running microVMs keep what is left.",
        remedy: "mvmhost apply  # first: delete microVMs that are no longer needed, or let the pool grow: set [thinpool.loop] max-data-size in /etc/mvmhost.toml above its size (a pool on disks needs none, but a group with room: vgextend)\nmvmhost pool grow",
    }
    metadata_filling(percent) = "MVM-POOL-101", "ccaab785aa54a610173d097a14f5f89b", Warning {
        message: "the metadata of thin pool {subject} is {percent} % full",
        cause: "Every block that a microVM writes, and every snapshot, takes metadata. Full metadata takes the pool out of service, and mvmhost cannot grow the metadata device.",
        remedy: "mvmhost pool status\nmvmhost images prune --dry-run\n# delete microVMs and images that are no longer needed",
    }
    room_filling(percent, free, promised) = "MVM-POOL-102", "31324e59aec1a1e4b788b9c510f59991", Warning {
        message: "{subject} is {percent} % full: {free} left, and pool files may take {promised} more",
        cause: "The files of the pool are sparse and take up space as microVMs write. When the file system is full before the pool is, those writes fail and the kernel takes the pool out of service.",
        remedy: "df -h {subject}\n# make space there",
    }
    grew(was, is) = "MVM-POOL-103", "788c47cd06badb24b589ecfe3561f920", Info {
        message: "thin pool {subject} was grown from {was} to {is}",
        cause: "The pool was past [thinpool.guard] warn-percent, or `mvmhost pool grow` was run.",
        remedy: "",
    }
    grow_failed(why) = "MVM-POOL-104", "0fd7042f8f6a59ce44bfc74d281cb041", Error {
        message: "thin pool {subject} could not be grown: {why}",
        cause: "A step failed. The pool is as it was before or has its new size, and the next \
                attempt goes on from there.",
        remedy: "journalctl --dmesg --grep \"device-mapper|I/O error\"\n\
                 # correct what the message or the kernel names, then\n\
                 mvmhost pool grow",
    }
    braked(why) = "MVM-POOL-105", "0dbd65862681a18ccf42191dc2d9e434", Error {
        message: "flintlockd takes no new microVMs until pool {subject} has room again: {why}",
        cause: "The pool is past [thinpool.guard] brake-percent and cannot grow. mvm-guard stopped \
                flintlockd; the microVMs that run go on running. It starts flintlockd again once \
                the pool has been below that mark by five points.",
        remedy: "mvmhost pool brake off --for 30m  # flintlockd runs meanwhile: delete microVMs with mvmhost vm delete NAMESPACE/NAME\n# or give the pool room: set [thinpool.loop] max-data-size in /etc/mvmhost.toml above its size (a pool on disks needs a group with room: vgextend), then\nmvmhost apply\nmvmhost pool grow",
    }
    released() = "MVM-POOL-106", "520dbf61066fd5fa47f04b21af419c6b", Info {
        message: "pool {subject} has room again: flintlockd is started",
        cause: "The pool is below [thinpool.guard] brake-percent by five points or more.",
        remedy: "",
    }
    brake_failed(what, why) = "MVM-POOL-107", "aa8143c31d77cb2326c5fbce1ecae5f0", Error {
        message: "flintlockd could not be {what} ({subject}): {why}",
        cause: "systemd did not do what mvm-guard asked for. mvm-guard asks again within half a minute, and a flintlockd that does not start is tried again by systemd.",
        remedy: "systemctl status {subject}",
    }
    not_watched(why) = "MVM-POOL-108", "01311c3e2f1f70f0a6cff94366fe1083", Error {
        message: "mvm-guard cannot watch thin pool {subject}: {why}",
        cause: "device-mapper or a file of mvmhost cannot be read. The pool is looked at again \
                within half a minute; until then nothing grows it and nothing brakes.",
        remedy: "systemctl status mvm-guard.service",
    }
    grow_refused(why) = "MVM-POOL-109", "97d745a17ffa2a9493da637cb350cb0f", Error {
        message: "thin pool {subject} is not grown: {why}",
        cause: "Growing needs a live pool that mvmhost made, on files or on LVM, and a size above its own.",
        remedy: "mvmhost pool status",
    }
    brake_off(left, why) = "MVM-POOL-242", "9becc42984ef41cab92d8875b2c797d5", Warning {
        message: "flintlockd runs on a pool without room ({subject}) for {left} more: {why}",
        cause: "`mvmhost pool brake off` lets flintlockd run so that microVMs can be deleted. New microVMs take room too, and when none is left, running microVMs cannot write. mvm-guard stops flintlockd again when the time is over, unless the pool has room by then.",
        remedy: "mvmhost vms\n# delete microVMs that are no longer needed: mvmhost vm delete NAMESPACE/NAME, then\nmvmhost pool status\nmvmhost pool brake on  # ends it now",
    }
    brake_on() = "MVM-POOL-243", "76bfe08710ba476fbeaa61dd1aa7c3f5", Info {
        message: "mvm-guard stops flintlockd again when pool {subject} has no room",
        cause: "`mvmhost pool brake on` was run. mvm-guard looks at the pool within half a minute, and stops flintlockd when the pool is past [thinpool.guard] brake-percent.",
        remedy: "",
    }
    brake_not_switched(to, why) = "MVM-POOL-244", "872d4fdb806146308a434543c5b45208", Error {
        message: "the brake of pool {subject} is not switched {to}: {why}",
        cause: "mvm-guard reads a file below /run/mvmhost, and systemd starts flintlockd. One of the two did not work.",
        remedy: "df -h /run\nsystemctl status mvm-guard.service\nmvmhost check",
    }
    brake_free(left) = "MVM-POOL-245", "90870bdfd82c4d36b1e72ad58d5a307d", Info {
        message: "pool {subject} has room, so nothing stops flintlockd; it may run for {left}",
        cause: "`mvmhost pool brake off` was run on a pool that is below [thinpool.guard] brake-percent. Until the time is over mvm-guard does not stop flintlockd, at any fill level.",
        remedy: "",
    }
}
