//! The beginning of mvm-dhcp.service: dnsmasq's configuration, and whether it can serve.

use std::net::IpAddr;
use std::path::Path;

use mvm_config::{Config, Roots};
use mvm_diagnostics::Finding;
use mvm_diagnostics::catalogue::dhcp as said;
use mvm_host::oneshot::Report;
use mvm_host::port::{self, Port};
use mvm_host::{atomic, chain, exec};
use mvm_plan::dhcp::render;

/// Read by dnsmasq, which is not root.
const MODE: u32 = 0o644;

/// Writes the file, or says why dnsmasq could not serve by it.
pub(crate) fn write(roots: &Roots, config: &Config, path: &Path) -> Report {
    let Some(text) = render(config) else {
        return Report::default();
    };
    let interface = config.network.dhcp.interface.as_ref();
    let interface = interface.map_or("dhcp", |name| name.as_str());
    if exec::find(roots, "dnsmasq").is_none() {
        return Report::of(vec![Finding::new(&said::NOT_INSTALLED, interface)]);
    }
    let mut findings = taken(roots, config, interface);
    if findings.is_empty()
        && let Err(error) = atomic::write(&roots.at(path), text.as_bytes(), MODE)
    {
        let path = path.display().to_string();
        findings.push(Finding::new(&said::NOT_WRITTEN, path).evidence(chain(&error)));
    }
    Report::of(findings)
}

/// A finding for each port that somebody else holds where dnsmasq has to have it.
fn taken(roots: &Roots, config: &Config, interface: &str) -> Vec<Finding> {
    let own: Vec<IpAddr> = config.network.dhcp_addresses().iter().map(ipnet::IpNet::addr).collect();
    let dns = config.network.dhcp.dns_server.then_some(53);
    let dhcp = own.iter().any(IpAddr::is_ipv4).then_some(67);
    let mut findings = Vec::new();
    for port in dns.into_iter().chain(dhcp) {
        let address = own.first().copied().filter(|_| port == 53);
        if let Port::Taken { pid, comm } = port::probe_udp(roots, address, port) {
            let holder = match (pid, comm) {
                (Some(pid), Some(comm)) => format!("{comm} (pid {pid})"),
                _ => "a process that is not shown".to_owned(),
            };
            let finding = Finding::new(&said::PORT_TAKEN, interface);
            findings.push(finding.with("port", port).with("holder", holder));
        }
    }
    findings
}
