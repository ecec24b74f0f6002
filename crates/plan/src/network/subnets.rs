//! Subnets that get in each other's way.

use std::collections::BTreeMap;

use ipnet::IpNet;
use mvm_diagnostics::Finding;
use mvm_diagnostics::catalogue::net;

use super::{Link, Observed};

/// One finding for each address and interface that get in each other's way: a refusal while the
/// address is still to be added, a warning when `link` already has it.
pub(super) fn overlaps(addresses: &[IpNet], link: &Link, observed: &Observed) -> Vec<Finding> {
    let mut findings = Vec::new();
    for address in addresses {
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
