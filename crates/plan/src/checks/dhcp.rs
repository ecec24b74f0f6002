//! Where this host serves DHCP, somebody does.

use mvm_config::Config;
use mvm_diagnostics::{Finding, catalogue::dhcp};

use super::Facts;

pub(super) fn check(config: &Config, facts: &Facts) -> Vec<Finding> {
    let interface = config.network.dhcp.interface.as_ref();
    let own = config.network.dhcp_addresses();
    let asked = config.network.dhcp.enabled && own.iter().any(|net| net.addr().is_ipv4());
    let served = facts.dhcp_served || !asked;
    let interface = interface.filter(|_| !served);
    let finding =
        |name: &str| Finding::new(&dhcp::NOT_SERVED, name).evidence("no socket on UDP port 67");
    interface.map(|name| finding(name.as_str())).into_iter().collect()
}
