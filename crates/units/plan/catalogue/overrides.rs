//! MVM-HOST 25x: unit files of others that override what mvmhost sets.

catalogue! {
    line(key, unit) = "MVM-HOST-251", "22cd91a93f4c69a5f09ef522d3ccecee", Warning {
        message: "{subject} overrides {key} of {unit}",
        cause: "This drop-in is read after that of mvmhost, so its line wins. The setting in /etc/mvmhost.toml has no effect.",
        remedy: "mvmhost adopt --drop-ins  # first: put what is worth keeping into /etc/mvmhost.toml\nmvmhost apply",
    }
    whole(unit) = "MVM-HOST-252", "4d9f132422dad249847f6791ba10d167", Warning {
        message: "{subject} replaces the whole of {unit}",
        cause: "A file of this name wins over the one of the package, or over what mvmhost generates. A link to /dev/null turns the unit off.",
        remedy: "mvmhost adopt --drop-ins  # first: put what is worth keeping into /etc/mvmhost.toml\nmvmhost apply",
    }
    moved(to) = "MVM-HOST-253", "01aecdfa070bb6f39a5aa4b115cc805d", Info {
        message: "{subject} is moved aside to {to}",
        cause: "systemd does not read a file of that name. The next mvmhost apply reloads systemd and restarts what that changes.",
        remedy: "",
    }
    not_moved(why, unit) = "MVM-HOST-254", "3818622d30c6e9deb3bb21d8f03a5e3c", Error {
        message: "{subject} is not moved aside: {why}",
        cause: "The file still overrides what mvmhost sets.",
        remedy: "ls -l {subject}*\nsystemctl cat {unit}",
    }
    nothing() = "MVM-HOST-255", "641a45dd104f39fd3006911173ec88d3", Info {
        message: "no drop-in and no unit overrides what mvmhost sets",
        cause: "Every unit of the chain was looked at: {subject}.",
        remedy: "",
    }
}
