//! What Docker's chain for its users has of ours.

use super::{Carries, Desired, Step};

/// Rules for the chain DOCKER-USER, as words for iptables. Docker drops what is forwarded for
/// anybody else; that chain is where it lets others have a say. The first two are for those whom this
/// host serves, the last for a bridge that is only a bridge: a LAN on it gets no way to containers.
pub fn docker_rules(interface: &str) -> [Vec<String>; 3] {
    let rule = |words: &str| words.split(' ').map(str::to_owned).collect();
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
    lacks: Option<&[usize]>,
    changed: bool,
) -> Vec<Step> {
    let Some(lacks) = lacks else { return Vec::new() };
    let wanted: &[usize] = match desired.carries {
        Carries::Host => &[],
        _ if desired.serves() => &[0, 1],
        _ => &[2],
    };
    let rules = docker_rules(&desired.interface).into_iter().enumerate();
    let interface = || desired.interface.clone();
    let step = |(place, rule)| match (wanted.contains(&place), lacks.contains(&place)) {
        (true, true) => Some(Step::AcceptBesideDocker { interface: interface(), rule }),
        (false, false) if changed => Some(Step::ForgetBesideDocker { rule }),
        _ => None,
    };
    rules.filter_map(step).collect()
}
