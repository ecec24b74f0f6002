//! Where this host serves DHCP, somebody does; and where it may not, that is said.

use mvm_config::Config;
use mvm_diagnostics::{Finding, catalogue::dhcp};

use super::Facts;

pub(super) fn check(config: &Config, facts: &Facts) -> Vec<Finding> {
    let interface = config.network.dhcp.interface.as_ref();
    let own = config.network.dhcp_addresses();
    let asked = config.network.dhcp.enabled && own.iter().any(|net| net.addr().is_ipv4());
    let Some(name) = interface.filter(|_| asked) else { return Vec::new() };
    let permit = facts.network.permit.as_ref();
    if let Some(withheld) = permit.and_then(|permit| permit.finding(name.as_str())) {
        return vec![withheld];
    }
    if facts.dhcp_served {
        return Vec::new();
    }
    let finding = Finding::new(&dhcp::NOT_SERVED, name.as_str());
    vec![finding.evidence("no socket on UDP port 67")]
}
