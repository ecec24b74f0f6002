//! VLANs, on any parent.

use ipnet::IpNet;
use mvm_config::model;
use mvm_core::Finding;
use mvm_core::catalogue::net;

use super::{Draft, Link, Step, kind};

/// One `[[network.vlan]]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Vlan {
    /// The interface that it sits on.
    pub parent: String,
    /// 1 to 4094.
    pub id: u16,
    /// `name` of the file, else `PARENT.ID` such as `bond0.7`.
    pub name: String,
    /// Its addresses with their prefix length.
    pub addresses: Vec<IpNet>,
}

impl From<&model::Vlan> for Vlan {
    fn from(vlan: &model::Vlan) -> Self {
        Self {
            parent: vlan.parent.as_str().to_owned(),
            id: vlan.id,
            name: vlan.name.as_str().to_owned(),
            addresses: vlan.addresses.clone(),
        }
    }
}

pub(super) fn plan(vlan: &Vlan, draft: &mut Draft) {
    if let Some(refusal) = refused(vlan, draft) {
        return draft.findings.push(refusal);
    }
    // The kernel brings no VLAN up on a parent that is down.
    draft.up(&vlan.parent);
    let link = match draft.link(&vlan.name) {
        Some(link) => link.clone(),
        None => {
            let (name, parent) = (vlan.name.clone(), vlan.parent.clone());
            draft.steps.push(Step::CreateVlan { name, parent, id: vlan.id });
            let over = draft.link(&vlan.parent).map(|parent| (parent.mac, parent.mtu));
            let (mac, mtu) = over.unwrap_or_default();
            let link = Link { mac, mtu, ..as_created(vlan) };
            draft.observed.links.push(link.clone());
            link
        }
    };
    draft.addresses(&link, &vlan.addresses);
    draft.up(&vlan.name);
}

/// What the kernel makes of [`Step::CreateVlan`], with MAC and MTU of the parent.
pub(super) fn as_created(vlan: &Vlan) -> Link {
    Link {
        name: vlan.name.clone(),
        kind: "vlan".to_owned(),
        parent: Some(vlan.parent.clone()),
        vlan: Some(vlan.id),
        // Its parent's, which was asked before.
        carrier: true,
        ..Link::default()
    }
}

fn refused(vlan: &Vlan, draft: &Draft) -> Option<Finding> {
    if draft.link(&vlan.parent).is_none() {
        return Some(net::parent_missing(&vlan.parent));
    }
    let is_desired =
        |link: &Link| link.vlan == Some(vlan.id) && link.parent.as_ref() == Some(&vlan.parent);
    match draft.link(&vlan.name) {
        Some(link) if is_desired(link) => None,
        Some(link) => {
            let other = match (link.vlan, &link.parent) {
                (Some(id), Some(parent)) => format!("VLAN {id} on {parent}"),
                _ => kind(link).to_owned(),
            };
            Some(net::not_the_vlan(&vlan.name, vlan.id, &vlan.parent, other))
        }
        None => {
            let other = draft.observed.links.iter().find(|link| is_desired(link))?;
            Some(net::vlan_taken(&vlan.name, vlan.id, &vlan.parent, &other.name))
        }
    }
}
