//! The network: VLANs, and what the microVMs are attached to, a bridge or the parent of their
//! macvtaps.
//!
//! VLANs come first, so that either can use them.

use std::fmt;

use ipnet::IpNet;
use mvm_config::Config;
use mvm_config::model::NetworkMode;
use mvm_diagnostics::Finding;
use serde::{Serialize, Serializer};

use crate::Plan;

mod bridge;
mod macvtap;
mod subnets;
mod vlan;

pub use bridge::{Bridge, DEFAULT_MTU};
pub use macvtap::{Macvtap, parent};
pub use vlan::Vlan;

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

/// What the file asks for.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Desired {
    /// In the order of the file: one may be the parent of a later one.
    pub vlans: Vec<Vlan>,
    /// With mode `tap`.
    pub bridge: Option<Bridge>,
    /// With mode `macvtap`.
    pub macvtap: Option<Macvtap>,
}

impl Desired {
    /// Whether there is nothing to make: the network is someone else's business.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// What the file asks for.
///
/// `machine_id` is the text of /etc/machine-id, or empty where there is none: two machines with
/// the same file on one LAN then have different MACs, and one machine has the same at every boot.
pub fn desired(config: &Config, machine_id: &str) -> Desired {
    let network = &config.network;
    Desired {
        vlans: network.vlans.iter().map(Vlan::from).collect(),
        bridge: (network.mode == NetworkMode::Tap)
            .then(|| Bridge::new(&network.bridge, machine_id.trim())),
        macvtap: (network.mode == NetworkMode::Macvtap).then(|| Macvtap::from(&network.macvtap)),
    }
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
#[derive(Debug, Clone, PartialEq, Eq, Default)]
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
    /// The interface that it sits on, as a VLAN does.
    pub parent: Option<String>,
    /// Its VLAN id, when it is a VLAN.
    pub vlan: Option<u16>,
    /// Whether something answers at the other end of its wire.
    pub carrier: bool,
    /// Whether it is a radio: its access point takes frames from its own MAC only.
    pub wireless: bool,
}

/// One unicast route, of any table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Route {
    /// Where it leads.
    pub destination: IpNet,
    /// The interface through which it leads there.
    pub interface: String,
    /// The lower, the better.
    pub metric: u32,
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
    /// Make a VLAN, down.
    CreateVlan {
        /// Its name.
        name: String,
        /// The interface that it sits on.
        parent: String,
        /// 1 to 4094.
        id: u16,
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
        /// The interface.
        name: String,
        /// The address with its prefix length.
        #[serde(serialize_with = "as_text")]
        address: IpNet,
    },
    /// Bring an interface up.
    SetUp {
        /// The interface.
        name: String,
    },
}

fn as_text<S: Serializer>(value: &IpNet, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(value)
}

impl Step {
    /// The interface that it changes.
    pub fn interface(&self) -> &str {
        match self {
            Self::CreateBridge { name, .. }
            | Self::CreateVlan { name, .. }
            | Self::SetMac { name, .. }
            | Self::SetMtu { name, .. }
            | Self::SetStpOff { name }
            | Self::SetForwardDelayOff { name }
            | Self::AddAddress { name, .. }
            | Self::SetUp { name } => name,
        }
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::CreateBridge { name, mac } => write!(f, "create bridge {name} with MAC {mac}"),
            Self::CreateVlan { name, parent, id } => {
                write!(f, "create {name}, VLAN {id} on {parent}")
            }
            Self::SetMac { name, mac } => write!(f, "give bridge {name} the MAC {mac}"),
            Self::SetMtu { name, mtu } => write!(f, "give bridge {name} the MTU {mtu}"),
            Self::SetStpOff { name } => write!(f, "turn spanning tree of bridge {name} off"),
            Self::SetForwardDelayOff { name } => {
                write!(f, "turn the forward delay of bridge {name} off")
            }
            Self::AddAddress { name, address } => write!(f, "add {address} to {name}"),
            Self::SetUp { name } => write!(f, "bring {name} up"),
        }
    }
}

/// The steps from `observed` to `desired`; addresses that the file does not name are left alone.
pub fn plan(desired: &Desired, observed: &Observed) -> Plan<Step> {
    let mut draft = Draft { observed: observed.clone(), steps: Vec::new(), findings: Vec::new() };
    for vlan in &desired.vlans {
        vlan::plan(vlan, &mut draft);
    }
    if let Some(bridge) = &desired.bridge {
        bridge::plan(bridge, &mut draft);
    }
    if let Some(macvtap) = &desired.macvtap {
        macvtap::plan(macvtap, &mut draft);
    }
    Plan::new(draft.steps, draft.findings)
}

/// A plan in the making.
struct Draft {
    /// The machine as it will be after the steps so far.
    observed: Observed,
    steps: Vec<Step>,
    findings: Vec<Finding>,
}

impl Draft {
    fn link(&self, name: &str) -> Option<&Link> {
        self.observed.links.iter().find(|link| link.name == name)
    }

    /// Brings an interface up that is not.
    fn up(&mut self, name: &str) {
        let down = |link: &&mut Link| link.name == name && !link.up;
        if let Some(link) = self.observed.links.iter_mut().find(down) {
            link.up = true;
            self.steps.push(Step::SetUp { name: name.to_owned() });
        }
    }

    /// Gives `link` the addresses that it lacks, unless they are in somebody's way.
    fn addresses(&mut self, link: &Link, addresses: &[IpNet]) {
        self.findings.extend(subnets::overlaps(addresses, link, &self.observed));
        let missing = addresses.iter().filter(|address| !link.addresses.contains(address));
        let name = || link.name.clone();
        self.steps.extend(missing.map(|&address| Step::AddAddress { name: name(), address }));
    }
}

/// What an interface is, for people.
fn kind(link: &Link) -> &str {
    if link.kind.is_empty() { "a hardware interface" } else { link.kind.as_str() }
}

#[cfg(test)]
mod tests;
