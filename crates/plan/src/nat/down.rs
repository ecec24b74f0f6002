//! Taking away what is not the bridge's own: the table, the switches' file, and what firewalls of
//! others were told.

use super::{Desired, Firewalld, Observed, Step, ZONE, docker_rules, plan};
use crate::Plan;

/// The steps that take away what `desired` needed. The switches stay as they are: others may need
/// them by now; and so does a zone of firewalld that the operator chose.
pub fn down(desired: Option<&Desired>, observed: &Observed) -> Plan<Step> {
    let mut steps = plan(None, &[], observed).steps;
    let Some(desired) = desired else {
        return Plan::new(steps, Vec::new());
    };
    if let Some(lacks) = &observed.docker_lacks {
        let rules = docker_rules(desired).into_iter().enumerate();
        let there = rules.filter(|(place, _)| !lacks.contains(place));
        steps.extend(there.map(|(_, rule)| Step::ForgetBesideDocker { rule }));
    }
    if observed.firewalld == Firewalld::Ours {
        steps.push(Step::Unassign { interface: desired.interface.clone(), zone: ZONE });
    }
    Plan::new(steps, Vec::new())
}
