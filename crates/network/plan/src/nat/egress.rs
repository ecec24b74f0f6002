//! By which interfaces packets of microVMs leave this host.

use ipnet::IpNet;
use serde::Serialize;

use super::Desired;
use crate::network::{MAIN_TABLE, Observed};

/// The interfaces of the default routes, sorted; or the one that the file names.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Egress {
    /// Those by which IPv4 leaves; empty where no default route does.
    pub v4: Vec<String>,
    /// Those by which IPv6 leaves; empty where no default route does.
    pub v6: Vec<String>,
    /// The least MTU of these interfaces, in bytes; `None` without any.
    pub mtu: Option<u32>,
}

impl Egress {
    /// Those of the family of this network.
    pub fn of(&self, net: &IpNet) -> &[String] {
        match net {
            IpNet::V4(_) => &self.v4,
            IpNet::V6(_) => &self.v6,
        }
    }
}

/// What `desired` uses on a machine with these links and routes. An interface that the file names is one
/// even before it is there.
pub fn egress(desired: &Desired, network: &Observed) -> Egress {
    let (v4, v6) = match &desired.uplink {
        Some(name) => (vec![name.clone()], vec![name.clone()]),
        None => (default(network, desired, true), default(network, desired, false)),
    };
    let leads = |name: &String| v4.contains(name) || v6.contains(name);
    let used = network.links.iter().filter(|link| leads(&link.name));
    let mtu = used.map(|link| link.mtu).filter(|mtu| *mtu > 0).min();
    Egress { v4, v6, mtu }
}

/// The interfaces of the default routes of a family: of the main table where that has one, because the
/// others are for what a VPN or a policy lets through.
fn default(network: &Observed, desired: &Desired, v4: bool) -> Vec<String> {
    // A VPN may write its default route in halves.
    let of_family = network.routes.iter().filter(|route| {
        route.destination.prefix_len() <= 1 && route.destination.addr().is_ipv4() == v4
    });
    let interfaces = |main: bool| -> Vec<String> {
        let routes = of_family.clone().filter(|route| main == (route.table == MAIN_TABLE));
        let there = |name: &&str| network.links.iter().any(|link| link.name == **name);
        let names = routes.map(|route| route.interface.as_str());
        let leaves = |name: &&str| desired.interfaces().all(|own| own != *name);
        let names = names.filter(leaves).filter(there);
        names.map(str::to_owned).collect()
    };
    let mut names = [interfaces(true), interfaces(false)].concat();
    names.sort_unstable();
    names.dedup();
    names
}
