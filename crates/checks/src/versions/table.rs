//! The table. A row is added when somebody has seen it, or when a source says it.

use super::{Feature, Pair, Part, Range, Verdict};

const ANY: Range = Range { from: (0, 0), before: None };

const fn from(major: u32, minor: u32) -> Range {
    Range { from: (major, minor), before: None }
}

const fn between(from: (u32, u32), before: (u32, u32)) -> Range {
    Range { from, before: Some(before) }
}

/// flintlockd's README has the pairs that its makers try.
const README: &str = "flintlock, README.md, compatibility";

/// Every row, in the order in which mvmhost(8) lists them.
pub static PAIRS: &[Pair] = &[
    Pair {
        program: Part::Mvmhost,
        versions: ANY,
        needs: Part::Systemd,
        needed: from(247, 0),
        verdict: Verdict::Fails,
        why: "the units use settings that an older systemd ignores",
        source: "systemd, NEWS of 247",
    },
    Pair {
        program: Part::Mvmhost,
        versions: ANY,
        needs: Part::Containerd,
        needed: from(1, 6),
        verdict: Verdict::Fails,
        why: "an older containerd does not read the configuration that mvmhost writes",
        source: "containerd, RELEASES.md",
    },
    Pair {
        program: Part::Mvmhost,
        versions: ANY,
        needs: Part::Flintlockd,
        needed: from(0, 4),
        verdict: Verdict::Untried,
        why: "mvmhost's command line is compared with the flags of 0.4 to 0.11",
        source: "flintlock, internal/command/flags",
    },
    Pair {
        program: Part::Flintlockd,
        versions: from(0, 3),
        needs: Part::Firecracker,
        needed: from(1, 0),
        verdict: Verdict::Fails,
        why: "an older Firecracker refuses the configuration that flintlockd writes",
        source: README,
    },
    Pair {
        program: Part::Flintlockd,
        versions: between((0, 7), (0, 9)),
        needs: Part::Firecracker,
        needed: from(1, 10),
        verdict: Verdict::Untried,
        why: "the makers of flintlock try it with these",
        source: README,
    },
    Pair {
        program: Part::Flintlockd,
        versions: from(0, 9),
        needs: Part::Firecracker,
        needed: from(1, 11),
        verdict: Verdict::Untried,
        why: "the makers of flintlock try it with these",
        source: README,
    },
    Pair {
        program: Part::Flintlockd,
        versions: between((0, 5), (0, 7)),
        needs: Part::CloudHypervisor,
        needed: from(26, 0),
        verdict: Verdict::Untried,
        why: "the makers of flintlock try it with these",
        source: README,
    },
    Pair {
        program: Part::Flintlockd,
        versions: from(0, 7),
        needs: Part::CloudHypervisor,
        needed: from(41, 0),
        verdict: Verdict::Untried,
        why: "the makers of flintlock try it with these",
        source: README,
    },
    Pair {
        program: Part::Firecracker,
        versions: from(1, 0),
        needs: Part::Kernel,
        needed: from(4, 14),
        verdict: Verdict::Fails,
        why: "no Firecracker was made for an older kernel of the host",
        source: "firecracker, docs/kernel-policy.md of v1.0.0 to v1.8.0",
    },
    Pair {
        program: Part::Firecracker,
        versions: from(1, 9),
        needs: Part::Kernel,
        needed: from(5, 10),
        verdict: Verdict::Untried,
        why: "the makers of Firecracker try it with kernels from 5.10 on",
        source: "firecracker, CHANGELOG.md of 1.9.0 (pull request 4689)",
    },
];

/// With the provider `firecracker`; no flintlockd since 0.7 does it.
pub const MACVTAP_FIRECRACKER: Feature = Feature {
    name: "macvtap with Liquid Metal's fork of Firecracker",
    flintlockd: Range { from: (0, 0), before: Some((0, 7)) },
    source: "flintlock, issue 856 and pull request 953",
};
/// With the provider `cloudhypervisor`; flintlockd does it since 0.7.
pub const MACVTAP_CLOUD_HYPERVISOR: Feature = Feature {
    name: "macvtap with Cloud Hypervisor",
    flintlockd: from(0, 7),
    source: "flintlock, issue 856 and pull request 953",
};
/// The flag `--default-provider`.
pub const PROVIDERS: Feature = Feature {
    name: "Cloud Hypervisor as a provider",
    flintlockd: from(0, 6),
    source: "flintlock, release notes of v0.6.0",
};

/// What flintlockd does from which version on.
pub static FEATURES: &[Feature] = &[
    Feature { name: "tap with Firecracker", flintlockd: from(0, 3), source: README },
    PROVIDERS,
    MACVTAP_FIRECRACKER,
    MACVTAP_CLOUD_HYPERVISOR,
    Feature {
        name: "going on with microVMs that a flintlockd before 0.7 made",
        flintlockd: Range { from: (0, 0), before: Some((0, 7)) },
        source: "flintlock, release notes of v0.7.0: labels in containerd have another name",
    },
    Feature {
        name: "virtiofs volumes, with Cloud Hypervisor",
        flintlockd: from(0, 8),
        source: "flintlock, release notes of v0.8.0",
    },
    Feature {
        name: "one start of Cloud Hypervisor for each microVM",
        flintlockd: from(0, 10),
        source: "flintlock, issue 999",
    },
    Feature {
        name: "the guest agent over vsock",
        flintlockd: from(0, 11),
        source: "flintlock, release notes of v0.11.0",
    },
];
