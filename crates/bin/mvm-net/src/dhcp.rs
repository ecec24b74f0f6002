//! The beginning of mvm-dhcp.service: whether an interface may be served, dnsmasq's configuration, and
//! whether it can serve.

use std::net::IpAddr;
use std::path::Path;
use std::{fs, io};

use mvm_config::Config;
use mvm_core::catalogue::dhcp as messages;
use mvm_core::port::{self, Port};
use mvm_core::{Finding, Roots, atomic, chain, exec, exit};
use mvm_network_kernel::{Kernel, Network, unread};
use mvm_network_plan::dhcp::{Permit, Service, lan, only_permitted, permits, render_on};
use mvm_network_plan::network::Observed;
use mvm_oneshot::Report;

use crate::rules::rules;

/// Read by dnsmasq, which is not root.
const MODE: u32 = 0o644;
/// Of an `ExecCondition=`: whether the unit may start could not be found out. A smaller number skips it.
const UNKNOWN: u8 = 255;

/// Whether mvm-dhcp.service starts: the interface is microVMs' alone, or the file asks for it and no
/// other server answers there.
pub(crate) fn may_serve(roots: &Roots, config: &Config) -> Report {
    match ask_for_permit(roots, config) {
        Ok((Permit::Granted, _)) => Report::default(),
        Ok((permit, _)) => {
            let subject = subject(config);
            Report { findings: permit.finding(subject).into_iter().collect(), code: exit::FINDINGS }
        }
        Err(finding) => Report { findings: vec![finding], code: UNKNOWN },
    }
}

/// Writes the file, or says why dnsmasq could not serve by it.
pub(crate) fn write(roots: &Roots, config: &Config, path: &Path) -> Report {
    if !config.network.dhcp.enabled {
        return Report::default();
    }
    let interface = subject(config);
    let observed = match observed_where_permitted(roots, config) {
        Ok(Ok(observed)) => observed,
        Ok(Err(permit)) => {
            let failure = remove(&roots.at(path)).err();
            let unwritten = failure.map(|error| {
                messages::not_written(path.display().to_string()).evidence(error.to_string())
            });
            return Report::of(permit.finding(interface).into_iter().chain(unwritten).collect());
        }
        Err(finding) => return Report::of(vec![finding]),
    };
    let (served, mut findings) = beside(roots, config, &observed);
    let Some(text) = render_on(&served, lan(config, &observed)) else {
        return Report::default();
    };
    if exec::find(roots, "dnsmasq").is_none() {
        return Report::of(vec![messages::not_installed(interface)]);
    }
    let taken = taken(roots, config, interface);
    let free = taken.is_empty();
    findings.extend(taken);
    if free && let Err(error) = atomic::write(&roots.at(path), text.as_bytes(), MODE) {
        let path = path.display().to_string();
        findings.push(messages::not_written(path).evidence(chain(&error)));
    }
    Report::of(findings)
}

/// The file with those further interfaces alone that may be served, and why the others may not. Others
/// are asked who serves there, where that is not known yet.
fn beside(roots: &Roots, config: &Config, observed: &Observed) -> (Config, Vec<Finding>) {
    let mut findings = Vec::new();
    let own: Vec<IpAddr> =
        observed.links.iter().flat_map(|link| &link.addresses).map(ipnet::IpNet::addr).collect();
    let interfaces = permits(config, observed, &mvm_network_kernel::answers_beside(roots, config));
    for (interface, _) in interfaces.iter().filter(|(_, permit)| *permit == Permit::Unasked) {
        if let Err(error) = mvm_network_kernel::ask_beside(roots, observed, interface, &own) {
            findings.push(messages::not_asked(interface).evidence(chain(&error)));
        }
    }
    let interfaces = permits(config, observed, &mvm_network_kernel::answers_beside(roots, config));
    findings.extend(interfaces.iter().filter_map(|(interface, permit)| permit.finding(interface)));
    (only_permitted(config, &interfaces), findings)
}

fn subject(config: &Config) -> &str {
    config.network.dhcp.interface.as_ref().map_or("dhcp", |name| name.as_str())
}

/// The machine, where the interface is served; else why not. mvm-dhcp.service has asked just before, so
/// that what was answered is not asked again.
fn observed_where_permitted(
    roots: &Roots,
    config: &Config,
) -> Result<Result<Observed, Permit>, Finding> {
    let observed = observe(roots)?;
    let answers = mvm_network_kernel::answers(roots);
    match Service::of(config).map(|service| service.permit(&observed, answers.as_ref())) {
        None | Some(Permit::Granted) => Ok(Ok(observed)),
        Some(Permit::Unasked) => match ask_for_permit(roots, config)? {
            (Permit::Granted, observed) => Ok(Ok(observed)),
            (permit, _) => Ok(Err(permit)),
        },
        Some(permit) => Ok(Err(permit)),
    }
}

fn observe(roots: &Roots) -> Result<Observed, Finding> {
    let observed = Kernel::connect(roots).and_then(|mut kernel| kernel.observe());
    observed.map_err(|error| unread(&error))
}

/// Asks others who use the interface as well, where the file asks that it is served.
fn ask_for_permit(roots: &Roots, config: &Config) -> Result<(Permit, Observed), Finding> {
    let observed = observe(roots)?;
    let Some(service) = Service::of(config) else { return Ok((Permit::Granted, observed)) };
    match service.permit(&observed, None) {
        Permit::Unasked => {}
        permit => return Ok((permit, observed)),
    }
    let permit = ask(roots, config, &observed)?;
    // What was kept off the interface until now.
    let failures = rules(roots, config, Ok(observed.clone()), false).findings;
    failures.iter().for_each(mvm_core::sink::report);
    Ok((permit, observed))
}

/// Asks on the wire, and keeps what was answered.
pub(crate) fn ask(roots: &Roots, config: &Config, observed: &Observed) -> Result<Permit, Finding> {
    let Some(service) = Service::of(config) else { return Ok(Permit::Granted) };
    let links = observed.links.iter().flat_map(|link| &link.addresses);
    let own: Vec<IpAddr> = links.map(ipnet::IpNet::addr).collect();
    let answers = mvm_network_kernel::ask(roots, observed, service.interface, &own)
        .map_err(|error| messages::not_asked(service.interface).evidence(chain(&error)))?;
    Ok(service.permit(observed, Some(&answers)))
}

/// One that is not there is removed.
fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
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
            let finding = messages::port_taken(interface, port, holder);
            findings.push(finding);
        }
    }
    findings
}
