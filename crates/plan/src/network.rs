//! The network: for now the bridge of `[network.bridge]` in mode `tap`.
//!
//! A bridge that nobody else uses is made to match the file. A bridge with ports that are not
//! microVMs' taps belongs to somebody else as well: it gets the addresses and is brought up, and
//! keeps its MAC, MTU and spanning tree, which the machine's own network may hang on.

use std::collections::BTreeMap;
use std::fmt;

use ipnet::IpNet;
use mvm_config::Config;
use mvm_config::model::NetworkMode;
use mvm_diagnostics::Finding;
use mvm_diagnostics::catalogue::net;
use serde::{Serialize, Serializer};

use crate::Plan;

/// The MTU in bytes of a bridge for which the file says nothing.
pub const DEFAULT_MTU: u32 = 1500;
/// What the names of flintlock's tap devices begin with.
const FLINTLOCK_TAP: &str = "fltap";
/// USER_HZ: the kernel counts a bridge's forward delay in hundredths of a second.
const DELAY_TICKS_PER_SECOND: u32 = 100;

/// An Ethernet address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Mac(pub [u8; 6]);

impl fmt::Display for Mac {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d, e, g] = self.0;
        write!(f, "{a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{g:02x}")
    }
}

impl Serialize for Mac {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// The bridge that the file asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Desired {
    /// Its name.
    pub name: String,
    /// Its MAC: fixed, because a bridge without one takes its first port's and changes it later.
    pub mac: Mac,
    /// Its MTU in bytes; `None` is [`DEFAULT_MTU`], or what a bridge with others' ports has.
    pub mtu: Option<u32>,
    /// Its addresses with their prefix length.
    pub addresses: Vec<IpNet>,
}

/// What the file asks for; `None` when it asks for no bridge.
///
/// `machine_id` is the text of /etc/machine-id, or empty where there is none: two machines with
/// the same file on one LAN then have different MACs, and one machine has the same at every boot.
pub fn desired(config: &Config, machine_id: &str) -> Option<Desired> {
    let bridge = match config.network.mode {
        NetworkMode::Tap => &config.network.bridge,
        NetworkMode::Macvtap | NetworkMode::None => return None,
    };
    let name = bridge.name.as_str().to_owned();
    Some(Desired {
        mac: mac_for(machine_id.trim(), &name),
        name,
        mtu: bridge.mtu,
        addresses: bridge.addresses.clone(),
    })
}

/// A locally administered unicast MAC that depends on nothing but its arguments (FNV-1a, written
/// out here because it must not change with a release of some library).
fn mac_for(machine_id: &str, name: &str) -> Mac {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    for byte in machine_id.bytes().chain([0]).chain(name.bytes()) {
        hash = (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
    }
    hash ^= hash >> 32;
    let [a, b, c, d, e, f, ..] = hash.to_le_bytes();
    Mac([(a & 0xfc) | 0x02, b, c, d, e, f])
}

/// What a bridge says about itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BridgeOptions {
    /// Whether spanning tree is on.
    pub stp: bool,
    /// In hundredths of a second.
    pub forward_delay: u32,
}

/// One interface.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    /// Its name.
    pub name: String,
    /// The kernel's word: `bridge`, `tun`, `vlan`; empty for hardware.
    pub kind: String,
    /// Whether it is up administratively.
    pub up: bool,
    /// Its MAC, where it has one.
    pub mac: Option<Mac>,
    /// Its MTU in bytes.
    pub mtu: u32,
    /// Present when it is a bridge.
    pub bridge: Option<BridgeOptions>,
    /// Its addresses with their prefix length.
    pub addresses: Vec<IpNet>,
    /// The bridge or bond that it is a port of.
    pub master: Option<String>,
}

/// One unicast route, of any table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Route {
    /// Where it leads.
    pub destination: IpNet,
    /// The interface through which it leads there.
    pub interface: String,
}

/// The machine's network.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Observed {
    /// Every interface.
    pub links: Vec<Link>,
    /// Every unicast route.
    pub routes: Vec<Route>,
}

/// One change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "do")]
pub enum Step {
    /// Make a bridge, down, without spanning tree and forward delay.
    CreateBridge {
        /// Its name.
        name: String,
        /// Its MAC.
        mac: Mac,
    },
    /// Give it its MAC.
    SetMac {
        /// The bridge.
        name: String,
        /// The new MAC.
        mac: Mac,
    },
    /// Give it its MTU.
    SetMtu {
        /// The bridge.
        name: String,
        /// In bytes.
        mtu: u32,
    },
    /// Turn spanning tree off.
    SetStpOff {
        /// The bridge.
        name: String,
    },
    /// Let a new port forward at once.
    SetForwardDelayOff {
        /// The bridge.
        name: String,
    },
    /// Add an address.
    AddAddress {
        /// The bridge.
        name: String,
        /// The address with its prefix length.
        #[serde(serialize_with = "as_text")]
        address: IpNet,
    },
    /// Bring it up.
    SetUp {
        /// The bridge.
        name: String,
    },
}

fn as_text<S: Serializer>(value: &IpNet, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(value)
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::CreateBridge { name, mac } => write!(f, "create bridge {name} with MAC {mac}"),
            Self::SetMac { name, mac } => write!(f, "give bridge {name} the MAC {mac}"),
            Self::SetMtu { name, mtu } => write!(f, "give bridge {name} the MTU {mtu}"),
            Self::SetStpOff { name } => write!(f, "turn spanning tree of bridge {name} off"),
            Self::SetForwardDelayOff { name } => {
                write!(f, "turn the forward delay of bridge {name} off")
            }
            Self::AddAddress { name, address } => write!(f, "add {address} to bridge {name}"),
            Self::SetUp { name } => write!(f, "bring bridge {name} up"),
        }
    }
}

/// The steps from `observed` to `desired`; addresses on the bridge that the file does not name are
/// left alone.
pub fn plan(desired: Option<&Desired>, observed: &Observed) -> Plan<Step> {
    let Some(desired) = desired else {
        return Plan::new(Vec::new(), Vec::new());
    };
    let existing = observed.links.iter().find(|link| link.name == desired.name);
    let (mut steps, mut findings) = (Vec::new(), Vec::new());
    let fresh;
    let link = match existing {
        Some(link) if link.bridge.is_none() => {
            return Plan::new(Vec::new(), vec![not_a_bridge(link)]);
        }
        Some(link) => link,
        None => {
            let (name, mac) = (desired.name.clone(), desired.mac);
            steps.push(Step::CreateBridge { name, mac });
            fresh = as_created(desired);
            &fresh
        }
    };
    findings.extend(overlaps(desired, link, observed));
    if is_shared(link, observed) {
        findings.extend(delays(link));
        steps.extend(mtu_step(link, desired.mtu));
    } else {
        steps.extend(option_steps(desired, link));
        steps.extend(mtu_step(link, Some(desired.mtu.unwrap_or(DEFAULT_MTU))));
    }
    let missing = desired.addresses.iter().filter(|address| !link.addresses.contains(address));
    steps.extend(missing.map(|&address| Step::AddAddress { name: link.name.clone(), address }));
    if !link.up {
        steps.push(Step::SetUp { name: link.name.clone() });
    }
    Plan::new(steps, findings)
}

/// What the kernel makes of [`Step::CreateBridge`].
fn as_created(desired: &Desired) -> Link {
    Link {
        name: desired.name.clone(),
        kind: "bridge".to_owned(),
        up: false,
        mac: Some(desired.mac),
        mtu: DEFAULT_MTU,
        bridge: Some(BridgeOptions { stp: false, forward_delay: 0 }),
        addresses: Vec::new(),
        master: None,
    }
}

fn not_a_bridge(link: &Link) -> Finding {
    let kind = if link.kind.is_empty() { "a hardware interface" } else { link.kind.as_str() };
    Finding::new(&net::NOT_A_BRIDGE, &link.name).with("kind", kind)
}

/// Whether the bridge has ports that are not microVMs' taps.
fn is_shared(bridge: &Link, observed: &Observed) -> bool {
    observed.links.iter().any(|link| {
        link.master.as_deref() == Some(&bridge.name) && !link.name.starts_with(FLINTLOCK_TAP)
    })
}

/// What a microVM's DHCP client waits for: with spanning tree a new port listens and learns first,
/// one forward delay each. Without it the delay has no effect.
fn delays(link: &Link) -> Option<Finding> {
    let options = link.bridge.filter(|options| options.stp)?;
    let seconds = options.forward_delay.saturating_mul(2) / DELAY_TICKS_PER_SECOND;
    (seconds > 0)
        .then(|| Finding::new(&net::BRIDGE_DELAYS, &link.name).with("seconds", seconds))
        .map(|finding| finding.evidence(format!("forward_delay {}", options.forward_delay)))
}

fn mtu_step(link: &Link, mtu: Option<u32>) -> Option<Step> {
    let mtu = mtu.filter(|&mtu| mtu != link.mtu)?;
    Some(Step::SetMtu { name: link.name.clone(), mtu })
}

fn option_steps(desired: &Desired, link: &Link) -> Vec<Step> {
    let name = || link.name.clone();
    let mut steps = Vec::new();
    if link.mac != Some(desired.mac) {
        steps.push(Step::SetMac { name: name(), mac: desired.mac });
    }
    // In this order: the kernel refuses a forward delay of 0 while spanning tree is on.
    if link.bridge.is_some_and(|options| options.stp) {
        steps.push(Step::SetStpOff { name: name() });
    }
    if link.bridge.is_some_and(|options| options.forward_delay != 0) {
        steps.push(Step::SetForwardDelayOff { name: name() });
    }
    steps
}

/// One finding for each address and interface that get in each other's way: a refusal while the
/// address is still to be added, a warning when the bridge already has it.
fn overlaps(desired: &Desired, link: &Link, observed: &Observed) -> Vec<Finding> {
    let mut findings = Vec::new();
    for address in &desired.addresses {
        let entry =
            if link.addresses.contains(address) { &net::SUBNET_SHARED } else { &net::SUBNET_TAKEN };
        for (interface, other) in neighbours(address, &link.name, observed) {
            findings.push(
                Finding::new(entry, &link.name)
                    .with("address", address)
                    .with("other", other)
                    .with("interface", interface),
            );
        }
    }
    findings
}

/// The other interfaces with an address or a route that overlaps `subnet`, and the first such.
fn neighbours<'a>(subnet: &IpNet, own: &str, observed: &'a Observed) -> BTreeMap<&'a str, String> {
    let mut found = BTreeMap::new();
    let of_links = observed.links.iter().flat_map(|link| {
        link.addresses.iter().map(move |address| (link.name.as_str(), *address, "address"))
    });
    let of_routes =
        observed.routes.iter().map(|route| (route.interface.as_str(), route.destination, "route"));
    for (interface, other, what) in of_links.chain(of_routes) {
        if interface != own && !is_everywhere(&other) && overlap(subnet, &other) {
            found.entry(interface).or_insert_with(|| format!("the {what} {other}"));
        }
    }
    found
}

fn overlap(a: &IpNet, b: &IpNet) -> bool {
    a.contains(&b.network()) || b.contains(&a.network())
}

/// Default routes, in halves as VPNs write them, and what every interface has: no conflict.
fn is_everywhere(net: &IpNet) -> bool {
    match net {
        IpNet::V4(net) => net.prefix_len() <= 1,
        IpNet::V6(net) => {
            let first = net.addr().segments()[0];
            net.prefix_len() <= 3 || first & 0xffc0 == 0xfe80 || first & 0xff00 == 0xff00
        }
    }
}

#[cfg(test)]
mod tests;
