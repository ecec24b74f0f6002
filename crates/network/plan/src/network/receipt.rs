//! What was made in this boot: what the file no longer names is taken away again, and nothing else.
//!
//! An entry is the step that made it. One that somebody has replaced by his own since is no entry.

use ipnet::IpNet;
use mvm_core::catalogue::net;
use serde::{Deserialize, Serialize};

use super::addressing::BY_KERNEL;
use super::{Desired, Draft, Link, Observed, Step, parent};

/// `version` of the record.
const VERSION: u32 = 1;

/// Kept in /run: after a boot everything is new.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Receipt {
    version: u32,
    /// In the order in which it was made.
    made: Vec<Step>,
}

impl Receipt {
    /// Of these steps, those that make something.
    pub fn new(steps: &[Step]) -> Self {
        Self { version: VERSION, made: steps.iter().filter(|step| makes(step)).cloned().collect() }
    }

    /// The steps that made what is still there.
    pub fn standing(self, observed: &Observed) -> Vec<Step> {
        let there = |step: &Step| makes(step) && stands(step, observed);
        self.made.into_iter().filter(there).collect()
    }
}

/// What has been made once `steps` are done as well.
pub fn own_steps_after(before: &[Step], steps: &[Step]) -> Vec<Step> {
    let mut own_steps = before.to_vec();
    for step in steps {
        match step {
            Step::DeleteLink { name } => own_steps.retain(|one| one.interface() != name),
            Step::DeleteAddress { name, address } => {
                own_steps.retain(|one| address_of(one) != (name, Some(*address)));
            }
            // By it the bridge is known again; an uplink brings its own.
            Step::SetMac { name, mac } => {
                for one in &mut own_steps {
                    if let Step::CreateBridge { name: own, mac: recorded } = one
                        && own == name
                    {
                        *recorded = *mac;
                    }
                }
            }
            step if makes(step) && !own_steps.contains(step) => own_steps.push(step.clone()),
            _ => {}
        }
    }
    own_steps
}

/// The interfaces that were made.
pub fn links(own_steps: &[Step]) -> Vec<String> {
    let links = own_steps.iter().filter(|step| !matches!(step, Step::AddAddress { .. }));
    let mut names: Vec<String> = links.map(|step| step.interface().to_owned()).collect();
    names.sort_unstable();
    names.dedup();
    names
}

/// The interface of a step, and the address that it adds.
fn address_of(step: &Step) -> (&str, Option<IpNet>) {
    let added = match step {
        Step::AddAddress { address, .. } => Some(*address),
        _ => None,
    };
    (step.interface(), added)
}

fn makes(step: &Step) -> bool {
    matches!(step, Step::CreateBridge { .. } | Step::CreateVlan { .. } | Step::AddAddress { .. })
}

fn stands(step: &Step, observed: &Observed) -> bool {
    let Some(link) = observed.links.iter().find(|link| link.name == step.interface()) else {
        return false;
    };
    match step {
        Step::CreateBridge { mac, .. } => link.bridge.is_some() && link.mac == Some(*mac),
        Step::CreateVlan { parent, id, .. } => {
            link.vlan == Some(*id) && link.parent.as_ref() == Some(parent)
        }
        Step::AddAddress { address, .. } => link.addresses.contains(address),
        _ => false,
    }
}

/// Takes away what was made and is not desired any more, the youngest first. What others use stays.
pub(super) fn plan(desired: &Desired, draft: &mut Draft) {
    let parent =
        desired.macvtap.as_ref().map(|macvtap| parent(macvtap.parent.as_deref(), &draft.observed));
    if parent == Some(None) {
        // Whose addresses these are is told by a default route, which may come back.
        return;
    }
    let configured = Configured { desired, parent: parent.flatten() };
    for step in draft.observed.own_steps.clone().iter().rev() {
        let (name, address) = address_of(step);
        let Some(link) = draft.link(name).cloned() else { continue };
        let away = match address {
            Some(address) if configured.address(name, address) => continue,
            Some(address) => Step::DeleteAddress { name: name.to_owned(), address },
            None if configured.link(name) => continue,
            None => Step::DeleteLink { name: name.to_owned() },
        };
        // With its interface an address goes anyway.
        if address.is_some() && !configured.link(name) && was_made(name, draft) {
            continue;
        }
        match used(&away, &link, draft) {
            Some(why) => {
                let stays = net::stays(name, &away, why);
                draft.findings.push(stays);
            }
            None => take_away(away, draft),
        }
    }
}

fn was_made(name: &str, draft: &Draft) -> bool {
    links(&draft.observed.own_steps).iter().any(|link| link == name)
}

fn take_away(step: Step, draft: &mut Draft) {
    let Observed { links, routes, .. } = &mut draft.observed;
    match &step {
        Step::DeleteAddress { name, address } => {
            let link = links.iter_mut().filter(|link| link.name == *name);
            link.for_each(|link| link.addresses.retain(|one| one != address));
            // The kernel's route by it goes with it, unless another address keeps it.
            let subnet = address.trunc();
            let of = links.iter().filter(|link| link.name == *name);
            if !of.flat_map(|link| &link.addresses).any(|one| one.trunc() == subnet) {
                routes.retain(|route| route.interface != *name || route.destination != subnet);
            }
        }
        _ => {
            links.retain(|link| link.name != step.interface());
            routes.retain(|route| route.interface != step.interface());
        }
    }
    draft.steps.push(step);
}

/// What the file names.
struct Configured<'a> {
    desired: &'a Desired,
    /// The interface that macvtaps are on; `None` without `[network.macvtap]`.
    parent: Option<String>,
}

impl Configured<'_> {
    fn link(&self, name: &str) -> bool {
        let Desired { vlans, bridge, uplink, .. } = self.desired;
        bridge.as_ref().is_some_and(|bridge| bridge.name == name)
            || uplink.as_ref().is_some_and(|uplink| uplink.name == name)
            || self.parent.as_deref() == Some(name)
            || vlans.iter().any(|vlan| vlan.name == name || vlan.parent == name)
    }

    fn address(&self, name: &str, address: IpNet) -> bool {
        let Desired { vlans, bridge, uplink, macvtap, .. } = self.desired;
        let of_bridge = bridge.iter().map(|bridge| (bridge.name.as_str(), &bridge.addresses));
        let of_vlans = vlans.iter().map(|vlan| (vlan.name.as_str(), &vlan.addresses));
        let of_parent = self.parent.as_deref().zip(macvtap.as_ref().map(|one| &one.addresses));
        let mut all = of_bridge.chain(of_vlans).chain(of_parent);
        // What an uplink has moves to the bridge with it.
        uplink.as_ref().is_some_and(|uplink| uplink.name == name)
            || all.any(|(of, addresses)| of == name && addresses.contains(&address))
    }
}

/// Who would lose something with it.
fn used(step: &Step, link: &Link, draft: &Draft) -> Option<String> {
    let routes = link.addressing.routes.iter();
    if let Some(route) = routes.into_iter().find(|route| route.protocol != BY_KERNEL) {
        return Some(format!("{route} leads through it"));
    }
    match step {
        Step::DeleteAddress { address, .. } => {
            let beside = |one: &&IpNet| *one != address && one.trunc() == address.trunc();
            // Without the first address of a subnet the kernel drops those that follow.
            let other = link.addresses.iter().find(|one| {
                beside(one) && !is_made(&link.name, **one, draft) && one.addr().is_ipv4()
            })?;
            Some(format!("the kernel would take {other} with it"))
        }
        _ => {
            if let Some(master) = &link.master {
                return Some(format!("it is a port of {master}"));
            }
            let name = Some(&link.name);
            let links = draft.observed.links.iter();
            let mut on =
                links.filter(|one| one.master.as_ref() == name || one.parent.as_ref() == name);
            let own = |one: &&IpNet| !is_made(&link.name, **one, draft) && !is_link_local(one);
            let on = on.next().map(|one| format!("{} is on it", one.name));
            on.or_else(|| link.addresses.iter().find(own).map(|one| format!("it has {one}")))
        }
    }
}

fn is_made(name: &str, address: IpNet, draft: &Draft) -> bool {
    draft.observed.own_steps.iter().any(|step| address_of(step) == (name, Some(address)))
}

fn is_link_local(address: &IpNet) -> bool {
    matches!(address, IpNet::V6(net) if net.addr().is_unicast_link_local())
}
