//! Where this host serves DHCP, somebody does; and where it may not, that is said.

use mvm_config::Config;
use mvm_core::Finding;
use mvm_core::catalogue::dhcp;

use super::Facts;

pub(super) fn check(config: &Config, facts: &Facts) -> Vec<Finding> {
    let interface = config.network.dhcp.interface.as_ref();
    let own = config.network.dhcp_addresses();
    let asked = config.network.dhcp.enabled && own.iter().any(|net| net.addr().is_ipv4());
    let Some(name) = interface.filter(|_| asked) else { return Vec::new() };
    let also = facts.network.also.iter();
    let mut findings: Vec<Finding> =
        also.filter_map(|(interface, permit)| permit.finding(interface)).collect();
    let permit = facts.network.permit.as_ref();
    if let Some(withheld) = permit.and_then(|permit| permit.finding(name.as_str())) {
        findings.push(withheld);
    } else if !facts.dhcp_served {
        let finding = dhcp::not_served(name.as_str());
        findings.push(finding.evidence("no socket on UDP port 67"));
    }
    findings
}
