//! Every file of mvmhost's own: FILES of mvmhost(8) is made from this table. A purge takes
//! /var/lib/mvmhost and /etc/mvmhost as a whole; what is in /run ends with the boot.

use super::{Damaged, Home};

/// A file that only root reads, with the version 1.
const fn home(path: &'static str, description: &'static str, limit: u64, damaged: Damaged) -> Home {
    Home { path, description, version: 1, limit, mode: 0o600, damaged }
}

/// The pool, and what `mvmhost pool create` has begun.
pub static RECEIPT: Home = home(
    "/var/lib/mvmhost/receipt.json",
    "What was made on this machine and how to recognise it.",
    1 << 20,
    Damaged::Refused,
);
/// Until a thin device is removed that a check has made.
pub static PROOF: Home = Home {
    version: 0,
    ..home(
        "/var/lib/mvmhost/proof.json",
        "Thin devices that **mvmhost check \\--deep** made and could not remove.",
        4096,
        Damaged::Absent,
    )
};
/// Interfaces and addresses of this boot.
pub static NETWORK: Home = home(
    "/run/mvmhost/network.json",
    "Interfaces and addresses that mvm-net made in this boot.",
    1 << 20,
    Damaged::Absent,
);
/// An uplink that is moved in this boot.
pub static UPLINK: Home = home(
    "/run/mvmhost/uplink.json",
    "How to put the uplink back, and for how long it is on trial.",
    1 << 20,
    Damaged::Refused,
);
/// Written by `mvmhost confirm`, removed by `mvmhost undo`; without it the next boot moves no
/// uplink.
pub static UPLINK_CONFIRMED: Home = home(
    "/var/lib/mvmhost/uplink.json",
    "That the uplink was confirmed.",
    1 << 20,
    Damaged::Refused,
);
/// What tailscale was given.
pub static TAILSCALE: Home = home(
    "/var/lib/mvmhost/tailscale.json",
    "Subnets that mvmhost gave tailscale.",
    64 << 10,
    Damaged::Absent,
);
/// Images that may be removed.
pub static IMAGES: Home = home(
    "/var/lib/mvmhost/images.json",
    "Images that mvmhost pulled or imported, and may remove.",
    4 << 20,
    Damaged::Refused,
);
/// The last run of mvm-images.
pub static IMAGES_REPORT: Home = Home {
    mode: 0o644,
    ..home(
        "/run/mvmhost/images.json",
        "Images that the last run of mvm-images left incomplete, and why.",
        1 << 20,
        Damaged::Absent,
    )
};
/// The last apply.
pub static APPLIED: Home = Home {
    mode: 0o644,
    ..home(
        "/var/lib/mvmhost/applied.json",
        "The versions that the last **mvmhost apply** left, for **mvmhost facts**.",
        64 << 10,
        Damaged::Absent,
    )
};
/// For `mvmhost undo`.
pub static HISTORY: Home = home(
    "/var/lib/mvmhost/history.json",
    "The operator's files at the last two applies, for **mvmhost undo**.",
    4 << 20,
    Damaged::Absent,
);
/// The report of the last apply.
pub static REPORT: Home = home(
    "/run/mvmhost/report.json",
    "What the last **mvmhost apply** reported.",
    16 << 20,
    Damaged::Absent,
);
/// The figures of mvm-guard that other programs go by.
pub static POOL: Home = Home {
    mode: 0o644,
    ..home(
        "/run/mvmhost/pool.json",
        "Whether the pool takes writes, as mvm-guard saw it last.",
        4096,
        Damaged::Absent,
    )
};
/// What mvm-validate has said, by gate.
pub static REPORTED: Home = Home {
    version: 0,
    ..home(
        "/run/mvmhost/said-*.json",
        "What mvm-validate reported in this boot and still stands.",
        1 << 20,
        Damaged::Absent,
    )
};
/// Devices of snapshots that containerd could not activate.
pub static DEVICES_TRIED: Home = home(
    "/run/mvmhost/devices.json",
    "Devices of snapshots that mvmhost had containerd activate once more.",
    1 << 20,
    Damaged::Absent,
);
/// Who else serves DHCP on the interface that mvmhost serves.
pub static DHCP_ANSWERS: Home = Home {
    version: 0,
    ..home(
        "/run/mvmhost/dhcp.asked",
        "Which DHCP servers answered where mvmhost serves.",
        64 << 10,
        Damaged::Absent,
    )
};
/// The same for interfaces that are served beside it, by name.
pub static DHCP_ANSWERS_BESIDE: Home = Home {
    version: 0,
    ..home(
        "/run/mvmhost/dhcp.asked.*",
        "The same for a further interface.",
        64 << 10,
        Damaged::Absent,
    )
};

/// All of them.
pub static HOMES: &[&Home] = &[
    &RECEIPT,
    &PROOF,
    &NETWORK,
    &UPLINK,
    &UPLINK_CONFIRMED,
    &TAILSCALE,
    &IMAGES,
    &IMAGES_REPORT,
    &APPLIED,
    &HISTORY,
    &REPORT,
    &POOL,
    &REPORTED,
    &DEVICES_TRIED,
    &DHCP_ANSWERS,
    &DHCP_ANSWERS_BESIDE,
];

/// The entries of FILES of mvmhost(8).
pub fn man_body() -> String {
    let entry =
        |home: &&Home| format!("*{}*\n:   {}\n\n", home.path.replace('*', "\\*"), home.description);
    HOMES.iter().map(entry).collect()
}
