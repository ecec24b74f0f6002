//! What mvmhost makes is put on record, and other managers are told, before it is there.

use mvm_core::catalogue::net;
use mvm_core::{Finding, chain};
use mvm_network_plan::network::{Manager, Step, links, made};

use crate::kernel::Network;

/// Before the steps: one that is done and not recorded would stay for ever, and a manager that sees
/// an interface first may take it.
pub(crate) fn before(network: &mut impl Network, had: &[Step], steps: &[Step]) -> Vec<Finding> {
    let made = made(had, steps);
    let all: Vec<Step> = had.iter().chain(&made).cloned().collect();
    let written = if made == had { None } else { keep(network, &all) };
    written.into_iter().chain(tell(network, &all)).collect()
}

/// After the steps of which these were done.
pub(crate) fn after(
    network: &mut impl Network,
    had: &[Step],
    steps: &[Step],
    done: &[Step],
) -> Vec<Finding> {
    // With all of it done, and nothing before, the record is what it is to be.
    if made(had, steps) == had || (had.is_empty() && done == steps) {
        return Vec::new();
    }
    let made = made(had, done);
    keep(network, &made).into_iter().chain(tell(network, &made)).collect()
}

fn keep(network: &mut impl Network, made: &[Step]) -> Option<Finding> {
    let error = network.keep(made).err()?;
    Some(net::not_recorded("/run/mvmhost").evidence(chain(&error)))
}

fn tell(network: &mut impl Network, made: &[Step]) -> Vec<Finding> {
    let names = links(made);
    let failure = |manager: Manager| {
        let error = network.tell(manager, &names).err()?;
        let finding = net::not_told(names.join(", "), manager.name(), manager.reload());
        Some(finding.evidence(chain(&error)))
    };
    Manager::ALL.into_iter().filter_map(failure).collect()
}
