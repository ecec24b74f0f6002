//! The parent of the microVMs' macvtaps.

use ipnet::IpNet;
use mvm_config::model;
use mvm_core::catalogue::net;

use super::{Draft, Link, MAIN_TABLE, Observed};

/// `[network.macvtap]`
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Macvtap {
    /// `None` is the interface of the default route.
    pub parent: Option<String>,
    /// Addresses of the parent itself, with their prefix length.
    pub addresses: Vec<IpNet>,
}

impl From<&model::Macvtap> for Macvtap {
    fn from(section: &model::Macvtap) -> Self {
        Self {
            parent: section.parent.as_ref().map(|name| name.as_str().to_owned()),
            addresses: section.addresses.clone(),
        }
    }
}

/// The name of the parent: the one that is named, or the interface of the best default route, of
/// IPv4 where there is one. Those of other tables are for what a VPN lets through.
pub fn parent(configured: Option<&str>, observed: &Observed) -> Option<String> {
    let best = || {
        let main = observed.routes.iter().filter(|route| route.table == MAIN_TABLE);
        main.filter(|route| route.destination.prefix_len() == 0)
            .min_by_key(|route| (route.destination.addr().is_ipv6(), route.metric))
            .map(|route| route.interface.clone())
    };
    configured.map(str::to_owned).or_else(best)
}

pub(super) fn plan(desired: &Macvtap, draft: &mut Draft) {
    let Some(name) = parent(desired.parent.as_deref(), &draft.observed) else {
        return draft.findings.push(net::no_parent("network.macvtap.parent"));
    };
    let link = match draft.link(&name) {
        None => return draft.findings.push(net::parent_missing(&name)),
        Some(link) => link.clone(),
    };
    if let Some(why) = unfit(&link, &draft.observed) {
        return draft.findings.push(net::parent_unfit(&name, why));
    }
    if link.up && !link.carrier {
        draft.findings.push(net::no_carrier(&name));
    }
    draft.addresses(&link, &desired.addresses);
    draft.up(&name);
}

/// Why the kernel, or an access point, lets nobody else use the interface.
fn unfit(link: &Link, observed: &Observed) -> Option<String> {
    if link.wireless {
        return Some("is wireless: its access point drops frames from a microVM's MAC".to_owned());
    }
    if link.bridge.is_some() {
        return Some("is a bridge: microVMs join it with mode = \"tap\"".to_owned());
    }
    let master = observed.links.iter().find(|master| Some(&master.name) == link.master.as_ref())?;
    // A VRF is a master as well, and takes nothing away from its ports.
    let takes = matches!(master.kind.as_str(), "bridge" | "bond" | "team" | "openvswitch");
    takes.then(|| format!("is a port of the {} {}", master.kind, master.name))
}
