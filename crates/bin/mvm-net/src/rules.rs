//! Forwarding and translation on an observed network, for mvm-net, its watcher and mvm-dhcp.

use mvm_config::Config;
use mvm_core::Roots;
use mvm_core::exec::System;
use mvm_network_kernel::nat::{self, Nat, Outcome};
use mvm_network_kernel::unread;
use mvm_network_plan::network::Observed;

/// Forwarding and translation on this network.
pub(crate) fn rules(
    roots: &Roots,
    config: &Config,
    observed: Result<Observed, mvm_network_kernel::Error>,
    watched: bool,
) -> Outcome {
    let nat = Nat { roots, programs: &System };
    match observed {
        Ok(observed) => {
            nat::bring_up(&nat, mvm_network_plan::nat::desired(config).as_ref(), &observed, watched)
        }
        Err(error) => vec![unread(&error)].into(),
    }
}
