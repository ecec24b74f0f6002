//! What the kernel has to do for microVMs' network: switches, sizes of packets, drivers.

use mvm_config::Config;
use mvm_core::Finding;
use mvm_core::catalogue::checked;
use mvm_network_plan::dhcp::Permit;
use mvm_network_plan::nat::Turned;
use mvm_network_plan::network::Routed;
use serde::Deserialize;

use super::{Observed, routes};

/// What the kernel shows.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct ObservedNetwork {
    /// Whether DHCP may be served; `None` where it is not asked for.
    pub permit: Option<Permit>,
    /// The same of each further interface that is to be served.
    pub also: Vec<(String, Permit)>,
    /// The switches below /proc/sys that are not as microVMs need them.
    pub turned: Vec<Turned>,
    /// The interface by which microVMs' packets leave, where the default route leads by another one and
    /// the kernel checks strictly; and that other one.
    pub strict: Option<(String, String)>,
    /// Where the kernel leads packets of microVMs.
    pub routes: Vec<Routed>,
    /// The MTU of the interface that microVMs are on, in bytes; 0 when it is not there.
    pub mtu: u32,
    /// The least MTU of the interfaces by which packets leave.
    pub leaving_mtu: Option<u32>,
    /// Ports of microVMs with their MTU.
    pub ports: Vec<(String, u32)>,
    /// Whether the running kernel has no driver of macvtaps.
    pub no_macvtap: bool,
}

pub(super) fn check(config: &Config, observed: &Observed) -> Vec<Finding> {
    let network = &observed.network;
    let Some(interface) = config.network.dhcp.interface.as_ref() else {
        return driver(config, network).into_iter().collect();
    };
    let name = interface.as_str();
    let mut findings: Vec<Finding> =
        network.turned.iter().map(|turned| switch(turned, name)).collect();
    findings.extend(network.strict.as_ref().map(|(uplink, route)| {
        let path = format!("net.ipv4.conf.{}.rp_filter", dotted(uplink));
        let strict = checked::strict_path(uplink, route, path);
        strict.evidence("rp_filter 1")
    }));
    findings.extend(routes::check(network, &observed.forward.leaving, name));
    let split = network.ports.iter().find(|(_, mtu)| *mtu < network.mtu);
    findings.extend(split.map(|(port, mtu)| {
        let evidence = format!("{name}: mtu {}, {port}: mtu {mtu}", network.mtu);
        checked::mtu_split(name, port, mtu, network.mtu).evidence(evidence)
    }));
    let less = network.leaving_mtu.filter(|mtu| *mtu < network.mtu && config.network.nat.enabled);
    findings.extend(less.map(|mtu| {
        let less = checked::mtu_less(name, network.mtu, mtu);
        less.evidence(format!("mtu {} against {mtu}", network.mtu))
    }));
    findings.extend(driver(config, network));
    findings
}

/// Whether [`check`] says that packets leave by an interface that has no translation.
pub(super) fn leads_elsewhere(config: &Config, observed: &Observed) -> bool {
    let leads = |routed| routes::elsewhere(routed, &observed.forward.leaving).is_some();
    config.network.dhcp.interface.is_some() && observed.network.routes.iter().any(leads)
}

fn switch(turned: &Turned, name: &str) -> Finding {
    // sysctl(8) reads a path with slashes as it is, whatever dots a name has.
    checked::forwarding_off(name, &turned.path, &turned.is, turned.value, &turned.path)
        .evidence(format!("{} = {}", turned.path, turned.is))
}

/// A name with dots, as sysctl(8) reads it among dots.
fn dotted(name: &str) -> String {
    name.replace('.', "/")
}

fn driver(config: &Config, network: &ObservedNetwork) -> Option<Finding> {
    let needed = config.network.macvtap.enabled && network.no_macvtap;
    needed.then(|| checked::no_macvtap("macvtap").evidence("modules.dep"))
}
