//! Forwarding and address translation: the nftables table `inet mvmhost` and the kernel's switches.
//!
//! The table is loaded in one transaction. Whether it is still what was loaded is told by the kernel
//! itself: its listing is kept right after the load and compared as a whole, so that no rule has to be
//! understood to be missed.

use std::collections::BTreeMap;
use std::fmt;

use ipnet::IpNet;
use mvm_config::Config;
use mvm_config::model::{self, Explicit, NetworkMode};
use mvm_core::catalogue::nat;
use mvm_core::{Finding, Plan};
use serde::{Deserialize, Serialize};

use crate::dhcp::{Answers, Service};
use crate::{network, tailscale};

mod docker;
mod down;
mod egress;
mod firewalld;
mod more;
mod step;
mod table;

use docker::beside_docker;
pub use docker::{Iptables, docker_rules};
pub use down::down;
use down::forget;
pub use egress::{Egress, egress};
use firewalld::beside_firewalld;
pub use firewalld::{Firewalld, ZONE};
pub use more::More;
use more::more;
pub use step::Step;
pub use table::{Action, Chain, Kind, Match, Rule, Table};

/// A switch that somebody turned.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Turned {
    /// Such as `net/ipv4/conf/br-mvm/forwarding`.
    pub path: String,
    /// The text of the file below /proc/sys, trimmed.
    pub is: String,
    /// The value that microVMs need.
    pub value: u8,
}

/// What the file asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Desired {
    /// Where the microVMs are: the bridge, or the interface on which DHCP is served.
    pub interface: String,
    /// Whose addresses are translated; empty when none are.
    pub sources: Vec<IpNet>,
    /// The interface towards which they are; `None` is every one but `interface`.
    pub uplink: Option<String>,
    /// Whether DHCP is served on `interface`.
    pub dhcp: bool,
    /// Whether microVMs are reached over the tailnet.
    pub tailnet: bool,
    /// Who else sends on `interface`, which decides what others' firewalls are told of it.
    pub carries: Carries,
    /// What the file asks for in so many words.
    pub requested: Explicit,
    /// The addresses that the file gives `interface`.
    pub own: Vec<IpNet>,
    /// By which interfaces packets leave this host, as far as the machine was seen.
    pub egress: Egress,
    /// Whether answers of DHCP and router advertisements are kept off `interface`.
    pub withheld: bool,
    /// The interfaces on which DHCP is served besides.
    pub more: Vec<More>,
}

/// Whose traffic an interface carries: what others' firewalls are told of it depends on that.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Carries {
    /// MicroVMs' alone.
    MicroVms,
    /// The host's as well: a bridge with its way in as a port, or a parent of macvtaps that is served.
    Both,
    /// The host's own: a parent of macvtaps, whose microVMs it does not forward.
    Host,
}

/// What the file asks for; `None` where nobody has to be told of an interface. Of a bridge Docker is
/// told even where nothing is translated: it has the kernel drop frames between its ports as well
/// (net.bridge.bridge-nf-call-iptables).
pub fn desired(config: &Config) -> Option<Desired> {
    let network = &config.network;
    let interface = network.dhcp.interface.as_ref()?.as_str().to_owned();
    let bridge = network.mode == NetworkMode::Tap && interface == network.bridge.name.as_str();
    let translated = network.nat.enabled;
    let tailnet = !network.tailscale_routes.is_empty();
    (translated || network.dhcp.enabled || tailnet || bridge).then(|| Desired {
        interface,
        sources: if translated { network.nat.sources.clone() } else { Vec::new() },
        uplink: network.nat.uplink.as_ref().map(|name| name.as_str().to_owned()),
        dhcp: network.dhcp.enabled,
        tailnet,
        carries: carries(network),
        requested: network.explicit,
        own: network.dhcp_addresses().to_vec(),
        egress: Egress::default(),
        withheld: false,
        more: network
            .dhcp
            .also
            .iter()
            .filter(|_| network.dhcp.enabled)
            .map(more(network))
            .collect(),
    })
}

fn carries(network: &model::Network) -> Carries {
    let interface = network.dhcp.interface.as_ref();
    let bridge = network.mode == NetworkMode::Tap && interface == Some(&network.bridge.name);
    let vlan = network.vlans.iter().any(|vlan| interface == Some(&vlan.name));
    match bridge {
        true if network.bridge.uplink.is_some() => Carries::Both,
        true => Carries::MicroVms,
        false if vlan => Carries::MicroVms,
        // A wired port that the file serves: who is on it is forwarded like microVMs.
        false if network.dhcp.enabled || network.nat.enabled => Carries::Both,
        false => Carries::Host,
    }
}

impl Desired {
    /// Whether this host does more for those on the interface than to pass their frames on.
    fn serves(&self) -> bool {
        (self.dhcp && !self.withheld) || self.tailnet || !self.sources.is_empty()
    }

    /// By what the machine shows: the bridge may be somebody else's, with the host's own uplink as a
    /// port. `answers` is what was asked of other DHCP servers.
    pub fn on_network(mut self, network: &network::Observed, answers: Option<&Answers>) -> Self {
        self.egress = egress(&self, network);
        if network.lacks_ipv6(&self.interface) {
            self.sources.retain(|net| net.addr().is_ipv4());
        }
        let service =
            Service { interface: &self.interface, own: &self.own, requested: self.requested.dhcp };
        self.withheld = self.dhcp && !service.permit(network, answers).is_granted();
        if self.is_put_off(network) {
            self.sources.clear();
        }
        let bridge_of_others =
            network.is_shared(&self.interface) && !network.is_own(&self.interface);
        if self.carries == Carries::MicroVms && bridge_of_others {
            self.carries = Carries::Both;
        }
        self
    }

    /// Whether nothing is translated, because the interface carries others' traffic, the file does not
    /// ask for it, and the interface does not even have the addresses.
    fn is_put_off(&self, network: &network::Observed) -> bool {
        let link = network.links.iter().find(|link| link.name == self.interface);
        let bare =
            link.is_some_and(|link| !self.own.iter().any(|one| link.addresses.contains(one)));
        let requested = self.requested.nat || self.requested.dhcp || self.requested.addresses;
        bare && !requested && network.others_on(&self.interface, &self.own).is_some()
    }
}

/// A switch of the kernel below /proc/sys.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Switch {
    /// Its path, such as `net/ipv4/conf/br-mvm/forwarding`.
    pub path: String,
    /// The value that microVMs need, written to the file in decimal.
    pub value: u8,
}

impl fmt::Display for Switch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} = {}", self.path, self.value)
    }
}

/// The table that was loaded last, as it stands in /run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoadedTable {
    /// `nat.nft`: the [`Table`] as text, by which a change of the plan is seen.
    pub table: String,
    /// What the kernel listed right after it.
    pub listing: String,
}

/// What the machine shows.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Observed {
    /// What the kernel lists as `inet mvmhost`; `None` when there is no such table.
    pub listing: Option<String>,
    /// What was loaded last since the boot.
    pub loaded: Option<LoadedTable>,
    /// Whether the kernel knows no nftables.
    pub no_nftables: bool,
    /// The kernel's switches that were asked for and exist, by path.
    pub switches: BTreeMap<String, String>,
    /// The text of the file for sysctl(8), if there is one.
    pub sysctl: Option<String>,
    /// Firewalls of others, for the interface that was asked for.
    pub firewalls: Firewalls,
    /// The same for those that are served besides, in their order.
    pub more: Vec<Firewalls>,
    /// The same for the interface that they were told of before, where it is another one.
    pub previous: Option<(String, Firewalls)>,
}

/// What firewalls of others hold for an interface.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Firewalls {
    /// Whether the interface is in a zone of firewalld, and in whose.
    pub firewalld: Firewalld,
    /// Each of Docker's chains for its users, and which of [`docker_rules`] it lacks, by their place
    /// in that list.
    pub docker_lacks: Vec<(Iptables, Vec<usize>)>,
    /// Those that iptables does not tell of, and why.
    pub docker_unread: Vec<(Iptables, String)>,
}

impl Firewalls {
    /// Whether anything of ours is in them.
    pub fn have_own_entries(&self) -> bool {
        let all = docker_rules("").len();
        let docker = self.docker_lacks.iter().any(|(_, lacks)| lacks.len() < all);
        docker || self.firewalld == Firewalld::InZone
    }
}

/// The switches that `desired` needs on a machine with these links and routes, in their order.
///
/// Forwarding is asked of the interface that a packet comes in by, so answers need it on the way
/// back: on the uplink, or on whatever the default route uses. For IPv6 the kernel has one switch
/// for all interfaces, and a router ignores advertisements unless it is told otherwise before.
///
/// `accept_ra` names the interfaces that take router advertisements.
pub fn switches(
    desired: &Desired,
    network: &network::Observed,
    accept_ra: &[String],
) -> Vec<Switch> {
    let mut switches = Vec::new();
    let v4 = desired.sources.iter().any(|net| matches!(net, IpNet::V4(_)));
    let v6 = desired.sources.iter().any(|net| matches!(net, IpNet::V6(_)));
    let tailnet = desired.tailnet && is_there(tailscale::INTERFACE, network);
    if v4 || tailnet {
        let mut interfaces = vec![desired.interface.as_str()];
        let more = desired.interfaces().skip(1);
        interfaces.extend(more.filter(|name| v4 && is_there(name, network)));
        let leaving = desired.egress.v4.iter().map(String::as_str);
        interfaces.extend(leaving.filter(|name| v4 && is_there(name, network)));
        interfaces.extend(tailnet.then_some(tailscale::INTERFACE));
        interfaces.dedup();
        switches.extend(
            interfaces
                .into_iter()
                .map(|name| Switch { path: format!("net/ipv4/conf/{name}/forwarding"), value: 1 }),
        );
    }
    if v6 {
        // A port of a bridge takes no advertisements, and each microVM brings one.
        let is_port = |name: &str| {
            let port = network.links.iter().find(|link| link.name == name);
            let master = port.and_then(|port| port.master.as_deref());
            master.is_some_and(|master| desired.interfaces().any(|own| own == master))
        };
        let others = accept_ra
            .iter()
            .filter(|name| desired.interfaces().all(|own| own != name.as_str()) && !is_port(name));
        switches.extend(
            others.map(|name| Switch { path: format!("net/ipv6/conf/{name}/accept_ra"), value: 2 }),
        );
        switches.push(Switch { path: "net/ipv6/conf/all/forwarding".to_owned(), value: 1 });
    }
    switches
}

fn is_there(name: &str, network: &network::Observed) -> bool {
    network.links.iter().any(|link| link.name == name)
}

/// The text for /run/sysctl.d: slashes, because a name of an interface may have dots in it.
fn sysctl(switches: &[Switch]) -> String {
    let lines: String = switches.iter().map(|switch| format!("{switch}\n")).collect();
    format!("# Written by mvm-net from /etc/mvmhost.toml; gone at the next boot.\n{lines}")
}

/// The steps from `observed` to `desired`, with the switches that [`switches`] gave; with `None`
/// they take the table away.
pub fn plan(desired: Option<&Desired>, switches: &[Switch], observed: &Observed) -> Plan<Step> {
    let previous = observed.previous.as_ref();
    let mut steps =
        previous.map_or_else(Vec::new, |(interface, firewalls)| forget(interface, firewalls));
    let Some(desired) = desired else {
        // The record of what others were told goes with the table.
        steps.extend((observed.listing.is_some() || previous.is_some()).then_some(Step::Remove));
        steps.extend(observed.sysctl.as_ref().map(|_| Step::RemoveSysctl));
        return Plan::new(steps, Vec::new());
    };
    let table = Table::new(desired);
    if observed.no_nftables {
        let needed = !table.chains.is_empty();
        let missing = needed.then(|| nat::no_nftables(&desired.interface));
        return Plan::new(Vec::new(), missing.into_iter().collect());
    }
    let text = (!switches.is_empty()).then(|| sysctl(switches));
    if observed.sysctl != text {
        steps.push(text.map_or(Step::RemoveSysctl, |text| Step::WriteSysctl { text }));
    }
    for switch in switches {
        let is = observed.switches.get(&switch.path);
        if is.is_none_or(|is| is.trim() != switch.value.to_string()) {
            steps.push(Step::Set(switch.clone()));
        }
    }
    let text = table.to_string();
    let changed = observed.loaded.as_ref().is_some_and(|loaded| loaded.table != text);
    let listed = observed.loaded.as_ref().map(|loaded| &loaded.listing);
    if table.chains.is_empty() {
        steps.extend((listed.is_some() || observed.listing.is_some()).then_some(Step::Remove));
    } else if changed || listed.is_none() || observed.listing.as_ref() != listed {
        let interface = desired.interface.clone();
        let lost = listed.is_some() && observed.listing.as_ref() != listed;
        steps.push(Step::Load { table, interface, replace: observed.listing.is_some(), lost });
    }
    for (iptables, lacks) in &observed.firewalls.docker_lacks {
        steps.extend(beside_docker(desired, *iptables, lacks, changed));
    }
    let (step, finding) = beside_firewalld(desired, observed.firewalls.firewalld);
    steps.extend(step);
    let mut findings: Vec<Finding> = finding.into_iter().collect();
    for (more, firewalls) in desired.more.iter().zip(&observed.more) {
        let besides = desired.besides(more);
        for (iptables, lacks) in &firewalls.docker_lacks {
            steps.extend(beside_docker(&besides, *iptables, lacks, false));
        }
        let (step, finding) = beside_firewalld(&besides, firewalls.firewalld);
        steps.extend(step);
        findings.extend(finding);
    }
    let unread = observed.firewalls.docker_unread.iter().map(|(iptables, why)| {
        let unread = nat::docker_unread(&desired.interface, iptables);
        unread.evidence(why)
    });
    Plan::new(steps, findings.into_iter().chain(unread).collect())
}

#[cfg(test)]
mod tests;
