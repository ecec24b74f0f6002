//! Refusals about what DHCP tells besides, and about addresses that it does not give out.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr};

use ipnet::Ipv4Net;

use super::Refusals;
use super::subnets::{ipv4, own_addresses};
use crate::model::{Also, NetworkMode};

const RANGE: &str = "network.dhcp.range";

pub(super) fn combinations(refusals: &mut Refusals<'_, '_, '_>) {
    reserved(refusals);
    routes(refusals);
    also(refusals);
}

/// Addresses that are kept from DHCP: in the microVMs' network, and nobody else's by this file.
fn reserved(refusals: &mut Refusals<'_, '_, '_>) {
    let network = &refusals.config.network;
    let path = ["network.reserved"];
    let own = own_addresses(refusals);
    let (mut addresses, mut names) = (BTreeSet::new(), BTreeSet::new());
    for (index, entry) in network.reserved.iter().enumerate() {
        let address = entry.address;
        let mut refuse = |field, message: String, instead: &str| {
            refusals.refuse_entry(&path, index, field, message, instead);
        };
        if !addresses.insert(address) {
            refuse("address", "reserved twice".to_owned(), "write another address");
        }
        let name = entry.name.as_ref().map(|name| name.to_ascii_lowercase());
        if name.is_some_and(|name| !names.insert(name)) {
            refuse("name", "reserved twice".to_owned(), "write another name");
        }
        if own.iter().any(|one| one.net.addr() == address) || network.dhcp.router == Some(address) {
            let message = "the address of this host or of the router".to_owned();
            refuse("address", message, "write another address");
        }
        let ends = own.iter().filter_map(|one| ipv4(&one.net)).any(|net| {
            let end = |ip: Ipv4Addr| net.prefix_len() < 31 && IpAddr::V4(ip) == address;
            end(net.network()) || end(net.broadcast())
        });
        if ends {
            let message = "the address of a whole subnet or its broadcast".to_owned();
            refuse("address", message, "write another address");
        }
        // An uplink's network is not in this file.
        let in_file = network.mode != NetworkMode::None && network.bridge.uplink.is_none();
        if in_file && !own.is_empty() && !own.iter().any(|one| one.net.contains(&address)) {
            let nets: Vec<String> = own.iter().map(|one| one.net.trunc().to_string()).collect();
            let message = format!("outside the subnet {}", nets.join(", "));
            refuse("address", message, "write an address inside");
        }
    }
    if network.dhcp.enabled
        && network.dhcp.range.is_some()
        && network.leased(network.dhcp.range).is_empty()
    {
        let message = "every address of the DHCP range is reserved";
        refusals.refuse(&[path[0], RANGE], message, "write a larger range, or reserve fewer");
    }
}

/// Machines that microVMs are to reach without a router.
fn routes(refusals: &mut Refusals<'_, '_, '_>) {
    let own: Vec<Ipv4Net> =
        refusals.config.network.dhcp_addresses().iter().filter_map(ipv4).collect();
    let config = refusals.config;
    for (index, route) in config.network.dhcp.routes.iter().enumerate() {
        if !own.is_empty() && !own.iter().any(|net| net.contains(&route.via)) {
            let message = "outside the subnet, so microVMs could not reach it";
            let instead = "write an address inside";
            refusals.refuse_entry(&["network.dhcp.routes"], index, "via", message, instead);
        }
        if route.to.prefix_len() == 0 {
            let message = "the default route, which is that of the router";
            let instead = "use router of [network.dhcp]";
            refusals.refuse_entry(&["network.dhcp.routes"], index, "to", message, instead);
        }
    }
}

/// Further interfaces that are served.
fn also(refusals: &mut Refusals<'_, '_, '_>) {
    let network = &refusals.config.network;
    let path = ["network.dhcp.also"];
    let mut interfaces: BTreeSet<_> = network.dhcp.interface.iter().collect();
    for (index, entry) in network.dhcp.also.iter().enumerate() {
        let mut refuse = |field, message: &str, instead: &str| {
            refusals.refuse_entry(&path, index, field, message, instead);
        };
        if !network.dhcp.enabled {
            refuse("interface", "served, and DHCP is off", "add enabled = true to [network.dhcp]");
        }
        if !interfaces.insert(&entry.interface) {
            refuse("interface", "served already", "name another interface");
        }
        let own = network.addresses_of(&entry.interface);
        let own: Vec<Ipv4Net> = own.iter().filter_map(ipv4).collect();
        if own.is_empty() {
            let message = "an interface without an IPv4 address in this file";
            refuse("interface", message, "give it one, or leave the entry out");
        } else if let Some((field, message)) = unfit(entry, &own) {
            refuse(field, message, "write addresses of its subnet, beside those of this host");
        }
    }
}

/// What is wrong with range and router on an interface with these addresses.
fn unfit(entry: &Also, own: &[Ipv4Net]) -> Option<(&'static str, &'static str)> {
    let Some((first, last)) = entry.range else {
        return Some(("range", "no room for a range in its subnet"));
    };
    let holds = |address: Ipv4Addr| first <= address && address <= last;
    let subnet = own.iter().find(|net| net.contains(&first) && net.contains(&last));
    match (subnet, entry.router) {
        (None, _) => Some(("range", "outside the subnet of the interface")),
        (Some(net), _) if first <= net.network() || last >= net.broadcast() => {
            Some(("range", "holds the address of the whole subnet or its broadcast"))
        }
        _ if own.iter().any(|net| holds(net.addr())) => {
            Some(("range", "holds this host's own address"))
        }
        (_, Some(IpAddr::V4(router))) if holds(router) => Some(("range", "holds the router")),
        (Some(net), Some(router)) if !matches!(router, IpAddr::V4(ip) if net.contains(&ip)) => {
            Some(("router", "outside the subnet, so microVMs could not reach it"))
        }
        _ => None,
    }
}
