//! What mvmhost makes is put on record, and other managers are told, before it is there.

use mvm_core::catalogue::net;
use mvm_core::{Finding, chain};
use mvm_network_plan::network::{Manager, Step, links, own_steps_after};

use crate::kernel::Network;

/// Before the steps: one that is done and not recorded would stay for ever, and a manager that sees
/// an interface first may take it.
pub(crate) fn before(network: &mut impl Network, had: &[Step], steps: &[Step]) -> Vec<Finding> {
    let own_steps = own_steps_after(had, steps);
    let all: Vec<Step> = had.iter().chain(&own_steps).cloned().collect();
    let written = if own_steps == had { None } else { keep(network, &all) };
    written.into_iter().chain(set_unmanaged(network, &all)).collect()
}

/// After the steps of which these were done.
pub(crate) fn after(
    network: &mut impl Network,
    had: &[Step],
    steps: &[Step],
    applied: &[Step],
) -> Vec<Finding> {
    // With all of it done, and nothing before, the record is what it is to be.
    if own_steps_after(had, steps) == had || (had.is_empty() && applied == steps) {
        return Vec::new();
    }
    let own_steps = own_steps_after(had, applied);
    keep(network, &own_steps).into_iter().chain(set_unmanaged(network, &own_steps)).collect()
}

fn keep(network: &mut impl Network, own_steps: &[Step]) -> Option<Finding> {
    let error = network.keep(own_steps).err()?;
    Some(net::not_recorded("/run/mvmhost").evidence(chain(&error)))
}

fn set_unmanaged(network: &mut impl Network, own_steps: &[Step]) -> Vec<Finding> {
    let names = links(own_steps);
    let failure = |manager: Manager| {
        let error = network.set_unmanaged(manager, &names).err()?;
        let finding = net::not_told(names.join(", "), manager.name(), manager.reload());
        Some(finding.evidence(chain(&error)))
    };
    Manager::ALL.into_iter().filter_map(failure).collect()
}
