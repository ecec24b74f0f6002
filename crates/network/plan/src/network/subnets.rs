//! Subnets that get in each other's way, judged by what would break.
//!
//! The more specific of two routes wins. A subnet that is a part of a wider network takes nothing from
//! this host unless a gateway, a name server or an address of the host is in that part.

use std::collections::BTreeMap;
use std::net::IpAddr;

use ipnet::IpNet;
use mvm_core::Finding;
use mvm_core::catalogue::net;

use super::{Link, Observed};

/// One finding for each address and interface that get in each other's way. The verdict depends on the
/// networks alone, and not on who came first. With `meant` the file has allowed it.
pub(super) fn overlaps(
    addresses: &[IpNet],
    link: &Link,
    observed: &Observed,
    allowed: bool,
) -> Vec<Finding> {
    let mut findings = Vec::new();
    for address in addresses {
        for (interface, neighbour) in neighbours(address, &link.name, observed) {
            let broken = neighbour.broken(address, &link.name, observed);
            let (name, other) = (&link.name, &neighbour.description);
            let finding = match (&broken, allowed) {
                (None, _) => net::route_narrowed(name, address, other, interface),
                (Some(_), true) => net::subnet_shared(name, address, other, interface),
                (Some(_), false) => net::subnet_taken(name, address, other, interface),
            };
            findings.push(finding.evidence(broken.unwrap_or_default()));
        }
    }
    findings
}

/// What another interface has of the subnet.
struct Neighbour {
    net: IpNet,
    description: String,
}

impl Neighbour {
    /// What of this host the subnet would take, in words; `None` when nothing.
    fn broken(&self, subnet: &IpNet, own: &str, observed: &Observed) -> Option<String> {
        if self.net.prefix_len() >= subnet.prefix_len() {
            return Some(format!("{} is a part of {}", self.description, subnet.trunc()));
        }
        let others = observed.links.iter().filter(|link| link.name != own);
        let addresses = others
            .flat_map(|link| &link.addresses)
            .map(|address| ("this host's address", address.addr()));
        let gateways = observed.routes.iter().filter(|route| route.interface != own);
        let gateways = gateways.filter_map(|route| route.gateway).map(|ip| ("the gateway", ip));
        let servers = observed.name_servers.iter().map(|ip| ("the name server", *ip));
        let is_own = |ip: &IpAddr| {
            let link = observed.links.iter().find(|link| link.name == own);
            link.is_some_and(|link| link.addresses.iter().any(|address| address.addr() == *ip))
        };
        addresses
            .chain(gateways)
            .chain(servers)
            .find(|(_, ip)| subnet.contains(ip) && !is_own(ip) && *ip != subnet.addr())
            .map(|(kind, ip)| format!("{kind} {ip} is in {}", subnet.trunc()))
    }
}

/// The other interfaces with an address or a route that overlaps `subnet`, and the most specific such.
fn neighbours<'a>(
    subnet: &IpNet,
    own: &str,
    observed: &'a Observed,
) -> BTreeMap<&'a str, Neighbour> {
    let mut found: BTreeMap<&str, Neighbour> = BTreeMap::new();
    let of_links = observed.links.iter().flat_map(|link| {
        link.addresses.iter().map(move |address| (link.name.as_str(), *address, "address"))
    });
    let of_routes =
        observed.routes.iter().map(|route| (route.interface.as_str(), route.destination, "route"));
    for (interface, net, kind) in of_links.chain(of_routes) {
        let closer = |neighbour: &Neighbour| neighbour.net.prefix_len() < net.prefix_len();
        if interface != own
            && !is_everywhere(&net)
            && overlap(subnet, &net)
            && found.get(interface).is_none_or(closer)
        {
            found.insert(interface, Neighbour { net, description: format!("the {kind} {net}") });
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
