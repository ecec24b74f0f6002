//! Where this host serves DHCP, somebody does; and where it may not, that is said.

use mvm_config::Config;
use mvm_core::Finding;
use mvm_core::catalogue::dhcp;

use super::Observed;

pub(super) fn check(config: &Config, observed: &Observed) -> Vec<Finding> {
    permits(config, observed).into_iter().chain(not_served(config, observed)).collect()
}

/// Where it may not be served.
pub(super) fn permits(config: &Config, observed: &Observed) -> Vec<Finding> {
    let Some(name) = requested_interface(config) else { return Vec::new() };
    let also = observed.network.also.iter().map(|(interface, permit)| (interface.as_str(), permit));
    let first = observed.network.permit.iter().map(|permit| (name, permit));
    also.chain(first).filter_map(|(interface, permit)| permit.finding(interface)).collect()
}

/// An interface where it may be served and nobody has UDP port 67 open.
fn not_served(config: &Config, observed: &Observed) -> Option<Finding> {
    let name = requested_interface(config)?;
    let permit = observed.network.permit.as_ref();
    let withheld = permit.is_some_and(|permit| permit.finding(name).is_some());
    let silent = !withheld && !observed.dhcp_served;
    silent.then(|| dhcp::not_served(name).evidence("no socket on UDP port 67"))
}

/// The interface on which the file asks for DHCP.
fn requested_interface(config: &Config) -> Option<&str> {
    let interface = config.network.dhcp.interface.as_ref();
    let own = config.network.dhcp_addresses();
    let requested = config.network.dhcp.enabled && own.iter().any(|net| net.addr().is_ipv4());
    interface.filter(|_| requested).map(|name| name.as_str())
}
