//! What Docker's chain for its users has of ours.

use std::fmt;

use serde::Serialize;

use super::{Carries, Desired, Step};

/// One of the firewalls that iptables' programs write to. Each may have Docker's chains.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Iptables {
    /// IPv4, in nftables.
    V4,
    /// IPv6, in nftables.
    V6,
    /// IPv4, in the kernel's old tables.
    OldV4,
    /// IPv6, in the kernel's old tables.
    OldV6,
}

impl Iptables {
    /// All that may have Docker's chains.
    pub const ALL: [Self; 4] = [Self::V4, Self::V6, Self::OldV4, Self::OldV6];

    /// The programs that write to it, the surest first: without a suffix it is the operator's choice.
    pub fn programs(self) -> [&'static str; 2] {
        match self {
            Self::V4 => ["iptables-nft", "iptables"],
            Self::V6 => ["ip6tables-nft", "ip6tables"],
            Self::OldV4 => ["iptables-legacy", "iptables"],
            Self::OldV6 => ["ip6tables-legacy", "ip6tables"],
        }
    }

    /// Whether it is for IPv6.
    pub fn is_v6(self) -> bool {
        matches!(self, Self::V6 | Self::OldV6)
    }

    /// Whether it is in the kernel's old tables.
    pub fn is_old(self) -> bool {
        matches!(self, Self::OldV4 | Self::OldV6)
    }
}

impl fmt::Display for Iptables {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::V4 => "iptables",
            Self::V6 => "ip6tables",
            Self::OldV4 => "iptables-legacy",
            Self::OldV6 => "ip6tables-legacy",
        })
    }
}

/// Rules for the chain DOCKER-USER, as words for iptables. Docker drops what is forwarded for
/// anybody else; that chain is where it lets others have a say. The first two are for those whom this
/// host serves, the last for a bridge that is only a bridge: a LAN on it gets no way to containers.
pub fn docker_rules(interface: &str) -> [Vec<String>; 3] {
    let rule = |options: &str| options.split(' ').map(str::to_owned).collect();
    [
        rule(&format!("-i {interface} -j ACCEPT")),
        rule(&format!("-o {interface} -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT")),
        rule(&format!("-i {interface} -o {interface} -j ACCEPT")),
    ]
}

/// The steps after which Docker's chain has those that `desired` needs. Others of ours go when it has
/// just `changed`; later they are somebody else's, who wrote the same.
pub(super) fn beside_docker(
    desired: &Desired,
    iptables: Iptables,
    lacks: &[usize],
    changed: bool,
) -> Vec<Step> {
    let needed: &[usize] = match desired.carries {
        Carries::Host => &[],
        _ if desired.serves() => &[0, 1],
        _ => &[2],
    };
    let rules = docker_rules(&desired.interface).into_iter().enumerate();
    let interface = || desired.interface.clone();
    let step = |(place, rule)| match (needed.contains(&place), lacks.contains(&place)) {
        (true, true) => Some(Step::AcceptBesideDocker { interface: interface(), iptables, rule }),
        (false, false) if changed => Some(Step::ForgetBesideDocker { iptables, rule }),
        _ => None,
    };
    rules.filter_map(step).collect()
}
