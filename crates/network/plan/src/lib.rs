//! Decisions about the network, as pure functions from what the file asks for and what the machine
//! shows to the steps that lead from one to the other.
//!
//! Belongs here: bridges, VLANs, uplinks, addresses, NAT, DHCP, tailscale. Does not belong here:
//! anything that reads or changes a machine (`mvm-network-kernel`); `.clippy.toml` makes that a build
//! error.

use mvm_config::Config;
use mvm_core::names;

pub mod dhcp;
pub mod nat;
pub mod network;
pub mod reserved;
pub mod tailscale;

/// The network's units that this configuration wants beside [`names::NET_UNIT`].
pub fn units(config: &Config) -> Vec<&'static str> {
    let dhcp = config.network.dhcp.enabled.then_some(names::DHCP_UNIT);
    let watch = nat::desired(config).map(|_| names::WATCH_UNIT);
    dhcp.into_iter().chain(watch).collect()
}
