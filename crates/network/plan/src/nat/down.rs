//! Taking away what is not the bridge's own: the table, the switches' file, and what firewalls of
//! others were told.

use mvm_core::Plan;

use super::{Desired, Firewalld, Firewalls, Observed, Step, ZONE, docker_rules, plan};

/// The steps that take away what `desired` needed. The switches stay as they are: others may need
/// them by now; and so does a zone of firewalld that the operator chose.
pub fn down(desired: Option<&Desired>, observed: &Observed) -> Plan<Step> {
    let mut steps = plan(None, &[], observed).steps;
    if let Some(desired) = desired {
        steps.extend(forget(&desired.interface, &observed.firewalls));
        let more = desired.more.iter().zip(&observed.more);
        steps.extend(more.flat_map(|(more, firewalls)| forget(&more.interface, firewalls)));
    }
    Plan::new(steps, Vec::new())
}

/// The steps after which firewalls of others hold nothing of ours for an interface.
pub(super) fn forget(interface: &str, firewalls: &Firewalls) -> Vec<Step> {
    let mut steps = Vec::new();
    for (iptables, lacks) in &firewalls.docker_lacks {
        let rules = docker_rules(interface).into_iter().enumerate();
        let there = rules.filter(|(place, _)| !lacks.contains(place));
        let forget = |rule| Step::ForgetBesideDocker { iptables: *iptables, rule };
        steps.extend(there.map(|(_, rule)| forget(rule)));
    }
    if firewalls.firewalld == Firewalld::InZone {
        steps.push(Step::Unassign { interface: interface.to_owned(), zone: ZONE });
    }
    steps
}
