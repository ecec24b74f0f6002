//! The network: VLANs, and what the microVMs are attached to, a bridge or the parent of their
//! macvtaps.
//!
//! VLANs come first, so that either can use them.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use ipnet::IpNet;
use mvm_config::Config;
use mvm_config::model::NetworkMode;
use mvm_core::catalogue::net;
use mvm_core::{Finding, Plan, names};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

mod addressing;
mod bridge;
mod down;
mod macvtap;
mod managers;
mod others;
mod receipt;
mod routed;
mod step;
mod subnets;
mod trial;
mod undo;
mod uplink;
mod vlan;

pub use addressing::{Addressing, InterfaceAddress, InterfaceRoute};
pub use bridge::{Bridge, DEFAULT_MTU};
pub use down::{Guest, down, guests};
pub use macvtap::{Macvtap, parent};
pub use managers::{Manager, unmanaged_file};
pub use others::{Others, PROBE_PORT};
pub use receipt::{Receipt, links, own_steps_after};
pub use routed::{FAR, FAR_V6, PolicyRule, Question, Refusal, RouteResult, Routed, question};
pub use step::Step;
pub use trial::{Confirmed, Former, Live, Trial, VERSION, former, permit};
pub use undo::{due, undo};
pub use uplink::{Consent, Uplink, gateways};
pub use vlan::Vlan;

/// An Ethernet address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Mac(pub [u8; 6]);

impl FromStr for Mac {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        // from_str_radix takes a sign as well.
        let whole = |word: &str| word.len() == 2 && word.bytes().all(|c| c.is_ascii_hexdigit());
        let octet = |word: &str| u8::from_str_radix(word, 16).ok().filter(|_| whole(word));
        let octets: Option<Vec<u8>> = text.split(':').map(octet).collect();
        let octets = octets.and_then(|octets| <[u8; 6]>::try_from(octets).ok());
        octets.map(Self).ok_or("not an Ethernet address")
    }
}

impl<'de> Deserialize<'de> for Mac {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

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
    /// The interface that becomes a port of the bridge.
    pub uplink: Option<Uplink>,
    /// With mode `macvtap`, or beside the bridge.
    pub macvtap: Option<Macvtap>,
    /// What mvmhost once made a port, and the file does not name any more.
    pub former: Option<Former>,
    /// Whether [validate] ignore has the code of subnets that overlap: the file says that it is meant.
    pub overlaps_allowed: bool,
}

impl Desired {
    /// Whether there is nothing to make: the network is someone else's business.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// What the file asks for. An uplink may not be touched until the caller says so.
///
/// `machine_id` is the text of /etc/machine-id, or empty where there is none: two machines with
/// the same file on one LAN then have different MACs, and one machine has the same at every boot.
pub fn desired(config: &Config, machine_id: &str) -> Desired {
    let network = &config.network;
    let tap = network.mode == NetworkMode::Tap;
    let uplink = network.bridge.uplink.as_ref().filter(|_| tap);
    let mut vlans: Vec<Vlan> = network.vlans.iter().map(Vlan::from).collect();
    let requested = network.explicit.addresses || network.explicit.dhcp || uplink.is_some();
    let mut bridge = tap.then(|| Bridge::new(&network.bridge, machine_id.trim(), requested));
    let uplink = uplink.map(|name| Uplink::new(name.as_str()));
    if let (Some(bridge), Some(uplink)) = (&mut bridge, &uplink) {
        uplink::take_addresses(bridge, &mut vlans, uplink);
    }
    Desired {
        vlans,
        bridge,
        uplink,
        macvtap: network.macvtap.enabled.then(|| Macvtap::from(&network.macvtap)),
        former: None,
        overlaps_allowed: config
            .validate
            .ignore
            .iter()
            .any(|one| one.code == net::subnet_taken::ROW.code),
    }
}

/// What a bridge says about itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct BridgeOptions {
    /// Whether spanning tree is on.
    pub stp: bool,
    /// In hundredths of a second.
    pub forward_delay: u32,
}

/// An interface as rtnetlink tells it; in a plan also one that is to be made.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Link {
    /// IFLA_IFNAME, such as `br-mvm`.
    pub name: String,
    /// The kernel's word: `bridge`, `tun`, `vlan`; empty for hardware.
    pub kind: String,
    /// Whether it is up administratively.
    pub up: bool,
    /// IFLA_ADDRESS; `None` where that is not six bytes.
    pub mac: Option<Mac>,
    /// IFLA_MTU, in bytes.
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
    /// Whether IPv6 is turned off for it alone.
    pub no_ipv6: bool,
    /// What would go with it if it became a port of a bridge.
    pub addressing: Addressing,
}

/// One unicast route, of any table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Route {
    /// RTA_DST; a prefix length of 0 is the default route.
    pub destination: IpNet,
    /// The interface through which it leads there.
    pub interface: String,
    /// By whom it leads there; `None` is directly.
    pub gateway: Option<IpAddr>,
    /// The lower, the better.
    pub metric: u32,
    /// The table that it is in; [`MAIN_TABLE`] is what applies unless a rule names another.
    pub table: u32,
}

/// What the names of flintlock's tap devices begin with.
pub const TAPS: &str = names::FLINTLOCK_TAP;

/// RT_TABLE_MAIN (linux/rtnetlink.h).
pub const MAIN_TABLE: u32 = 254;

/// The machine's network.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Observed {
    /// Every interface.
    pub links: Vec<Link>,
    /// Every unicast route.
    pub routes: Vec<Route>,
    /// The steps that made what is there, as far as mvmhost made it in this boot.
    pub own_steps: Vec<Step>,
    /// Whom the host asks for names.
    pub name_servers: Vec<IpAddr>,
    /// Whether the kernel has no IPv6, or has it turned off.
    pub no_ipv6: bool,
}

impl Observed {
    /// Whether this interface cannot have IPv6.
    pub fn lacks_ipv6(&self, name: &str) -> bool {
        self.no_ipv6 || self.links.iter().any(|link| link.name == name && link.no_ipv6)
    }
}

/// The steps from `observed` to `desired`. What the file does not name is left alone, unless mvmhost
/// made it.
pub fn plan(desired: &Desired, observed: &Observed) -> Plan<Step> {
    if let Some(refused) = desired.former.as_ref().and_then(|former| former.still(observed)) {
        return Plan::new(Vec::new(), vec![refused]);
    }
    let mut draft = Draft {
        observed: observed.clone(),
        steps: Vec::new(),
        findings: Vec::new(),
        overlaps_allowed: desired.overlaps_allowed,
    };
    receipt::plan(desired, &mut draft);
    for vlan in &desired.vlans {
        vlan::plan(vlan, &mut draft);
    }
    if let Some(bridge) = &desired.bridge {
        bridge::plan(bridge, desired.uplink.as_ref(), &mut draft);
    }
    if let Some(macvtap) = &desired.macvtap {
        macvtap::plan(macvtap, &mut draft);
    }
    Plan::new(draft.steps, draft.findings)
}

/// Whether subnets that overlap are in the way of this plan, and nothing else is.
pub fn is_refused_for_overlaps(desired: &Desired, observed: &Observed) -> bool {
    let allowed = Desired { overlaps_allowed: true, ..desired.clone() };
    plan(desired, observed).is_refused() && !plan(&allowed, observed).is_refused()
}

/// A plan in the making.
struct Draft {
    /// The machine as it will be after the steps so far.
    observed: Observed,
    steps: Vec<Step>,
    findings: Vec<Finding>,
    /// Whether the file allows subnets that overlap.
    overlaps_allowed: bool,
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
        self.findings.extend(subnets::overlaps(
            addresses,
            link,
            &self.observed,
            self.overlaps_allowed,
        ));
        let name = || link.name.clone();
        let missing = addresses.iter().filter(|address| !link.addresses.contains(address));
        let off = self.observed.lacks_ipv6(&link.name);
        let (missing, without): (Vec<&IpNet>, Vec<&IpNet>) =
            missing.partition(|address| address.addr().is_ipv4() || !off);
        // Off for this interface alone: the switches that the remedy shows do not tell.
        let own = if self.observed.no_ipv6 {
            String::new()
        } else {
            format!("net/ipv6/conf/{}/disable_ipv6 = 1", link.name)
        };
        self.findings
            .extend(without.iter().map(|address| net::no_ipv6(name(), address).evidence(&own)));
        self.steps
            .extend(missing.into_iter().map(|&address| Step::AddAddress { name: name(), address }));
    }
}

/// What an interface is, for people.
fn kind(link: &Link) -> &str {
    if link.kind.is_empty() { "a hardware interface" } else { link.kind.as_str() }
}

#[cfg(test)]
mod tests;
