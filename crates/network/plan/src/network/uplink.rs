//! The uplink of the bridge: the interface that leads out becomes a port, and its addresses and
//! routes move to the bridge.
//!
//! At every moment both directions work. The bridge has the addresses before frames arrive on it;
//! the port still has them then, and a port may send. Each route changes its interface in one
//! message, and only what nothing uses any more is taken away from the port.

use std::net::IpAddr;

use mvm_core::Finding;
use mvm_core::catalogue::{net, uplink as messages};
use mvm_core::names::FLINTLOCK_TAP;

use super::addressing::{InterfaceAddress, InterfaceRoute};
use super::{Addressing, Bridge, Draft, Link, Route, Step, Vlan};

/// Whether the uplink may be made a port.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Consent {
    /// Nobody has said that the host is reached afterwards.
    #[default]
    Refused,
    /// It is put back unless somebody says so in time.
    OnTrial,
    /// Somebody has said so.
    Confirmed,
}

/// The interface that is to be a port of the bridge.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Uplink {
    /// `network.bridge.uplink`, such as `eth0` or `bond0.7`.
    pub name: String,
    /// Whether it may be made one.
    pub consent: Consent,
}

impl Uplink {
    /// Not to be touched yet.
    pub fn new(name: &str) -> Self {
        Self { name: name.to_owned(), consent: Consent::default() }
    }
}

/// A VLAN of the file that is the uplink has its addresses on the bridge from the beginning.
pub(super) fn take_addresses(bridge: &mut Bridge, vlans: &mut [Vlan], uplink: &Uplink) {
    for vlan in vlans.iter_mut().filter(|vlan| vlan.name == uplink.name) {
        let own = std::mem::take(&mut vlan.addresses);
        let new = own.into_iter().filter(|address| !bridge.addresses.contains(address));
        let new: Vec<_> = new.collect();
        bridge.addresses.extend(new);
    }
}

/// The link that is to become a port of `bridge`; `None` when it is one.
pub(super) fn joining(
    uplink: &Uplink,
    bridge: &str,
    draft: &Draft,
) -> Result<Option<Link>, Finding> {
    let Some(link) = draft.link(&uplink.name) else {
        return Err(net::parent_missing(&uplink.name));
    };
    if link.master.as_deref() == Some(bridge) {
        return Ok(None);
    }
    if let Some(why) = unfit(link, bridge, draft) {
        return Err(messages::unfit(&uplink.name, bridge, why));
    }
    let addressing = &link.addressing;
    if let Some(owner) = &addressing.owner {
        return Err(messages::kept_by(&uplink.name, bridge, owner));
    }
    if let Some(leased) = addressing.addresses.iter().find(|address| address.is_leased()) {
        return Err(messages::leased(&uplink.name, bridge, leased));
    }
    if let Some(what) = addressing.unmovable.first() {
        return Err(messages::unmovable(&uplink.name, bridge, what));
    }
    if uplink.consent == Consent::Refused {
        return Err(messages::unconfirmed(&uplink.name, bridge));
    }
    Ok(Some(link.clone()))
}

/// Why the kernel or the network beyond would not have it.
fn unfit(link: &Link, bridge: &str, draft: &Draft) -> Option<String> {
    let links = &draft.observed.links;
    if link.wireless {
        return Some("is wireless: its access point drops frames from a microVM's MAC".to_owned());
    }
    if link.bridge.is_some() {
        return Some("is a bridge itself".to_owned());
    }
    if link.mac.is_none_or(|mac| mac.0 == [0; 6]) {
        return Some("is no Ethernet interface".to_owned());
    }
    if let Some(master) = &link.master {
        return Some(format!("is a port of {master} already"));
    }
    if link.parent.as_deref() == Some(bridge) {
        return Some(format!("sits on {bridge}"));
    }
    let above = |kind: &str| matches!(kind, "macvtap" | "macvlan" | "ipvlan" | "ipvtap");
    let above = |other: &&Link| above(&other.kind) && other.parent.as_ref() == Some(&link.name);
    if let Some(other) = links.iter().find(above) {
        return Some(format!("has the {} {} on it", other.kind, other.name));
    }
    // Spanning tree is off.
    draft.link(bridge).filter(|bridge| draft.observed.is_shared(&bridge.name))?;
    let foreign = |other: &&Link| {
        other.master.as_deref() == Some(bridge) && !other.name.starts_with(FLINTLOCK_TAP)
    };
    let other = links.iter().find(foreign)?;
    Some(format!("could form a loop with {}, which is a port already", other.name))
}

/// The bridge as it has to be with this uplink. It takes the uplink's MAC: DHCP servers,
/// neighbours and switches know the host by it.
pub(super) fn shaped(desired: &Bridge, joining: Option<&Link>) -> Bridge {
    let Some(port) = joining else {
        return desired.clone();
    };
    let has = |address| port.addresses.contains(address);
    Bridge {
        name: desired.name.clone(),
        mac: port.mac.unwrap_or(desired.mac),
        mtu: desired.mtu.or(Some(port.mtu)),
        addresses: desired.addresses.iter().filter(|address| !has(address)).copied().collect(),
        requested: desired.requested,
    }
}

/// Lets the machine of the plan have the uplink's addresses and routes on the bridge.
pub(super) fn merged(port: &Link, bridge: &str, draft: &mut Draft) -> Link {
    let observed = &mut draft.observed;
    for link in &mut observed.links {
        if link.name == port.name {
            link.addresses.clear();
            link.master = Some(bridge.to_owned());
        }
        if link.name == bridge {
            link.addresses.extend(&port.addresses);
        }
    }
    let through = |route: &&mut Route| route.interface == port.name;
    observed.routes.iter_mut().filter(through).for_each(|route| {
        bridge.clone_into(&mut route.interface);
    });
    port.clone()
}

/// The steps, once the bridge is up.
pub(super) fn plan(port: &Link, bridge: &str, draft: &mut Draft) {
    let (name, bridge) = (|| port.name.clone(), || bridge.to_owned());
    draft.up(&port.name);
    let addresses = in_order(&port.addressing);
    let routes = moving(&port.addressing);
    let steps = &mut draft.steps;
    if !addresses.is_empty() {
        let addresses = addresses.iter().map(InterfaceAddress::on_bridge).collect();
        steps.push(Step::GiveAddresses { name: bridge(), addresses });
    }
    steps.push(Step::Enslave { name: name(), bridge: bridge() });
    if !routes.is_empty() {
        steps.push(Step::SetRoutes { name: bridge(), from: name(), routes });
    }
    if !addresses.is_empty() {
        steps.push(Step::TakeAddresses { name: name(), addresses });
    }
}

/// The order of adding that gives the kernel's order again: it appends IPv4 addresses, and puts
/// an IPv6 address before those of its scope.
fn in_order(addressing: &Addressing) -> Vec<InterfaceAddress> {
    let (v4, mut v6): (Vec<_>, Vec<_>) =
        addressing.addresses.iter().cloned().partition(|address| address.address.addr().is_ipv4());
    v6.reverse();
    [v4, v6].concat()
}

/// All but the routes that come with the addresses; direct ones first.
fn moving(addressing: &Addressing) -> Vec<InterfaceRoute> {
    let explicit =
        |route: &&InterfaceRoute| !addressing.addresses.iter().any(|address| address.brings(route));
    let mut routes: Vec<_> = addressing.routes.iter().filter(explicit).cloned().collect();
    routes.sort_by_key(|route| route.gateway.is_some());
    routes
}

/// Who leads out of the subnet, as the recorded steps of a move have it.
pub fn gateways(steps: &[Step]) -> Vec<IpAddr> {
    let routes = steps.iter().filter_map(|step| match step {
        Step::SetRoutes { routes, .. } => Some(routes),
        _ => None,
    });
    let default = routes.flatten().filter(|route| route.destination.prefix_len() == 0);
    let mut found: Vec<IpAddr> = default.filter_map(|route| route.gateway).collect();
    found.sort_unstable();
    found.dedup();
    found
}
