//! The bridge of `[network.bridge]`.
//!
//! A bridge that nobody else uses is made to match the file. A bridge with ports that are not
//! microVMs' taps, or that another manager of networks keeps and whose ports may still be to come,
//! belongs to somebody else as well: it gets the addresses and is brought up, and keeps its MAC, MTU
//! and spanning tree, which the machine's own network may hang on.

use ipnet::IpNet;
use mvm_config::model;
use mvm_core::Finding;
use mvm_core::catalogue::net;

use super::{BridgeOptions, Draft, Link, Mac, Observed, Step, Uplink, kind, uplink};

/// The MTU in bytes of a bridge for which the file says nothing.
pub const DEFAULT_MTU: u32 = 1500;
/// USER_HZ: the kernel counts a bridge's forward delay in hundredths of a second.
const DELAY_TICKS_PER_SECOND: u32 = 100;

/// The bridge that the file asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bridge {
    /// `network.bridge.name`, such as `br-mvm`.
    pub name: String,
    /// Its MAC: fixed, because a bridge without one takes its first port's and changes it later.
    pub mac: Mac,
    /// Its MTU in bytes; `None` is [`DEFAULT_MTU`], or what a bridge with others' ports has.
    pub mtu: Option<u32>,
    /// Its addresses with their prefix length.
    pub addresses: Vec<IpNet>,
    /// Whether the file asks for them in so many words: one that carries others' traffic gets no
    /// others.
    pub requested: bool,
}

impl Bridge {
    pub(super) fn new(section: &model::Bridge, machine_id: &str, requested: bool) -> Self {
        let name = section.name.as_str().to_owned();
        Self {
            mac: mac_for(machine_id, &name),
            name,
            mtu: section.mtu,
            addresses: section.addresses.clone(),
            requested,
        }
    }
}

/// A locally administered unicast MAC that depends on nothing but its arguments (FNV-1a, written
/// out here because it must not change with a release of some library).
pub(super) fn mac_for(machine_id: &str, name: &str) -> Mac {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    for byte in machine_id.bytes().chain([0]).chain(name.bytes()) {
        hash = (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
    }
    hash ^= hash >> 32;
    let [a, b, c, d, e, f, ..] = hash.to_le_bytes();
    Mac([(a & 0xfc) | 0x02, b, c, d, e, f])
}

pub(super) fn plan(desired: &Bridge, uplink: Option<&Uplink>, draft: &mut Draft) {
    let joining = match uplink.map(|uplink| uplink::joining(uplink, &desired.name, draft)) {
        Some(Err(finding)) => return draft.findings.push(finding),
        Some(Ok(joining)) => joining,
        None => None,
    };
    let desired = &uplink::shaped(desired, joining.as_ref());
    let link = match draft.link(&desired.name) {
        Some(link) if link.bridge.is_none() => {
            let finding = net::not_a_bridge(&link.name, kind(link));
            return draft.findings.push(finding);
        }
        Some(link) => link.clone(),
        None => {
            let (name, mac) = (desired.name.clone(), desired.mac);
            draft.steps.push(Step::CreateBridge { name, mac });
            let link = as_created(desired);
            draft.observed.links.push(link.clone());
            link
        }
    };
    let managed = link.addressing.owner.is_some() && !draft.observed.is_own(&link.name);
    if managed || draft.observed.is_shared(&link.name) {
        draft.findings.extend(delays(&link));
        draft.steps.extend(mtu_step(&link, desired.mtu));
    } else {
        draft.steps.extend(option_steps(desired, &link));
        draft.steps.extend(mtu_step(&link, Some(desired.mtu.unwrap_or(DEFAULT_MTU))));
    }
    // Before the addresses are looked at: what the uplink has is in nobody's way.
    let joining = joining.map(|port| uplink::merged(&port, &desired.name, draft));
    match withheld(desired, &link, draft) {
        Some(finding) => draft.findings.push(finding),
        None => draft.addresses(&link, &desired.addresses),
    }
    draft.up(&desired.name);
    if let Some(port) = joining {
        uplink::plan(&port, &desired.name, draft);
    }
}

/// Why a bridge that carries others' traffic is not given the addresses that the file does not ask for.
fn withheld(desired: &Bridge, link: &Link, draft: &Draft) -> Option<Finding> {
    let lacks = desired.addresses.iter().any(|address| !link.addresses.contains(address));
    let others = draft.observed.others_on(&desired.name, &desired.addresses);
    let others = others.filter(|_| lacks && !desired.requested)?;
    Some(net::others_traffic(&desired.name, others))
}

/// What the kernel makes of [`Step::CreateBridge`].
pub(super) fn as_created(desired: &Bridge) -> Link {
    Link {
        name: desired.name.clone(),
        kind: "bridge".to_owned(),
        mac: Some(desired.mac),
        mtu: DEFAULT_MTU,
        bridge: Some(BridgeOptions { stp: false, forward_delay: 0 }),
        ..Link::default()
    }
}

impl Observed {
    /// Whether a bridge has ports that are not microVMs' taps.
    pub fn is_shared(&self, bridge: &str) -> bool {
        self.others_ports(bridge).next().is_some()
    }

    /// Whether mvmhost made the bridge.
    pub fn is_own(&self, bridge: &str) -> bool {
        self.own_steps
            .iter()
            .any(|step| matches!(step, Step::CreateBridge { name, .. } if name == bridge))
    }
}

/// What a microVM's DHCP client waits for: with spanning tree a new port listens and learns first,
/// one forward delay each. Without it the delay has no effect.
fn delays(link: &Link) -> Option<Finding> {
    let options = link.bridge.filter(|options| options.stp)?;
    let seconds = options.forward_delay.saturating_mul(2) / DELAY_TICKS_PER_SECOND;
    (seconds > 0)
        .then(|| net::bridge_delays(&link.name, seconds))
        .map(|finding| finding.evidence(format!("forward_delay {}", options.forward_delay)))
}

fn mtu_step(link: &Link, mtu: Option<u32>) -> Option<Step> {
    let mtu = mtu.filter(|&mtu| mtu != link.mtu)?;
    Some(Step::SetMtu { name: link.name.clone(), mtu })
}

fn option_steps(desired: &Bridge, link: &Link) -> Vec<Step> {
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
