//! Refusals about addresses: subnets, the DHCP range, reservations.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr};

use ipnet::{IpNet, Ipv4Net};

use super::Refusals;
use crate::defaults::is_link_local;
use crate::model::NetworkMode;
use crate::names::IfName;

pub(super) fn combinations(refusals: &mut Refusals<'_, '_, '_>) {
    overlaps(refusals);
    if refusals.config.network.dhcp.enabled {
        range(refusals);
        router(refusals);
    }
    reservations(refusals);
}

/// An address of this host, and where it is written.
pub(super) struct Own<'c> {
    pub(super) net: IpNet,
    interface: Option<&'c IfName>,
    path: &'static str,
    /// The VLAN's place in the list, then the address' place in its own.
    vlan: Option<usize>,
    entry: usize,
}

pub(super) fn own_addresses<'c>(refusals: &Refusals<'c, '_, '_>) -> Vec<Own<'c>> {
    let network = &refusals.config.network;
    let (path, interface, addresses) = match network.mode {
        NetworkMode::Tap => {
            ("network.bridge.addresses", Some(&network.bridge.name), &network.bridge.addresses[..])
        }
        NetworkMode::Macvtap => (
            "network.macvtap.addresses",
            network.macvtap.parent.as_ref(),
            &network.macvtap.addresses[..],
        ),
        NetworkMode::None => ("network.bridge.addresses", None, &[][..]),
    };
    let first = addresses.iter().enumerate();
    let first = first.map(|(entry, net)| Own { net: *net, interface, path, vlan: None, entry });
    let beside = if network.has_both() { &network.macvtap.addresses[..] } else { &[] };
    let parent = network.macvtap.parent.as_ref();
    let beside = beside.iter().enumerate().map(|(entry, net)| Own {
        net: *net,
        interface: parent,
        path: "network.macvtap.addresses",
        vlan: None,
        entry,
    });
    let vlans = network.vlans.iter().enumerate().flat_map(|(index, vlan)| {
        vlan.addresses.iter().enumerate().map(move |(entry, net)| Own {
            net: *net,
            interface: Some(&vlan.name),
            path: "network.vlan",
            vlan: Some(index),
            entry,
        })
    });
    first.chain(beside).chain(vlans).filter(|own| !is_link_local(&own.net)).collect()
}

/// Two interfaces in one subnet, or one address twice. Several addresses of one interface in the
/// same subnet are nothing unusual.
fn overlaps(refusals: &mut Refusals<'_, '_, '_>) {
    let mut own = own_addresses(refusals);
    let mut addresses = BTreeSet::new();
    for twice in own.iter().filter(|own| !addresses.insert(own.net.addr())) {
        refuse_address(refusals, twice, format!("{} twice", twice.net.addr()), "write it once");
    }
    // Sorted by their first address, subnets that overlap with any other overlap with a neighbour.
    own.sort_by_key(|own| (own.net.network(), own.net.prefix_len(), own.vlan, own.entry));
    own.dedup_by(|later, earlier| {
        later.interface == earlier.interface && later.net.trunc() == earlier.net.trunc()
    });
    for pair in own.windows(2) {
        let [first, second] = pair else { continue };
        if !first.net.contains(&second.net.network()) || first.net.addr() == second.net.addr() {
            continue;
        }
        let (earlier, later) = if (first.vlan, first.entry) <= (second.vlan, second.entry) {
            (first, second)
        } else {
            (second, first)
        };
        let on = earlier.interface.map_or("this host".to_owned(), ToString::to_string);
        let message =
            format!("{} overlaps with {} on {on}", later.net.trunc(), earlier.net.trunc());
        refuse_address(refusals, later, message, "give each interface a subnet of its own");
    }
}

fn refuse_address(
    refusals: &mut Refusals<'_, '_, '_>,
    own: &Own<'_>,
    message: String,
    instead: &str,
) {
    match own.vlan {
        Some(index) => refusals.refuse_entry(&[own.path], index, "addresses", message, instead),
        None => refusals.refuse_entry(&[own.path], own.entry, "", message, instead),
    }
}

pub(super) fn ipv4(net: &IpNet) -> Option<Ipv4Net> {
    match net {
        IpNet::V4(net) => Some(*net),
        IpNet::V6(_) => None,
    }
}

const RANGE: &str = "network.dhcp.range";
const ROUTER: &str = "network.dhcp.router";

/// The IPv4 subnets of the DHCP interface, as far as this file makes them.
fn dhcp_subnets(refusals: &Refusals<'_, '_, '_>) -> Vec<Ipv4Net> {
    refusals.config.network.dhcp_addresses().iter().filter_map(ipv4).collect()
}

fn range(refusals: &mut Refusals<'_, '_, '_>) {
    let dhcp = &refusals.config.network.dhcp;
    let subnets = dhcp_subnets(refusals);
    let Some((first, last)) = dhcp.range else {
        let message = match subnets.first() {
            Some(subnet) => format!("no room for a DHCP range in {}", subnet.trunc()),
            None => "the DHCP interface has no IPv4 address in this file".to_owned(),
        };
        let instead = "add range = [\"FIRST\", \"LAST\"], or write enabled = false";
        refusals.refuse(
            &["network.dhcp.enabled", "network.bridge.addresses", RANGE],
            message,
            instead,
        );
        return;
    };
    if subnets.is_empty() {
        return;
    }
    let inside = |net: &&Ipv4Net| net.contains(&first) && net.contains(&last);
    let Some(subnet) = subnets.iter().find(inside) else {
        let nets: Vec<String> = subnets.iter().map(|net| net.trunc().to_string()).collect();
        let message = format!("outside the subnet {}", nets.join(", "));
        let instead = format!("write addresses of {}", nets.join(" or "));
        refusals.refuse(&[RANGE, "network.bridge.addresses"], message, instead);
        return;
    };
    if first <= subnet.network() || last >= subnet.broadcast() {
        let message = "holds the address of the whole subnet or its broadcast";
        refusals.refuse(
            &[RANGE],
            message,
            "leave the first and the last address of the subnet out",
        );
    }
    let holds = |address: Ipv4Addr| first <= address && address <= last;
    let router = dhcp.router;
    if let Some(IpAddr::V4(router)) =
        router.filter(|router| matches!(router, IpAddr::V4(r) if holds(*r)))
    {
        let message = format!("holds the router {router}");
        refusals.refuse(&[RANGE, ROUTER], message, "write a range beside it");
    }
    let own = subnets.iter().map(Ipv4Net::addr);
    for address in own.filter(|own| holds(*own) && router != Some(IpAddr::V4(*own))) {
        let message = format!("holds this host's own address {address}");
        refusals.refuse(&[RANGE], message, "write a range beside it");
    }
}

fn router(refusals: &mut Refusals<'_, '_, '_>) {
    let dhcp = &refusals.config.network.dhcp;
    let subnets = dhcp_subnets(refusals);
    match dhcp.router {
        Some(IpAddr::V6(_)) => refusals.refuse(
            &[ROUTER],
            "an IPv6 address, which DHCP for IPv4 cannot tell",
            "write the IPv4 address of the router",
        ),
        Some(IpAddr::V4(router))
            if !subnets.is_empty() && !subnets.iter().any(|net| net.contains(&router)) =>
        {
            refusals.refuse(
                &[ROUTER, "network.bridge.addresses"],
                "outside the subnet, so microVMs could not reach it",
                "write an address inside",
            );
        }
        _ => {}
    }
    if dhcp.lease_time.as_secs() < 120 {
        let message = "shorter than two minutes, dnsmasq's least";
        refusals.refuse(&["network.dhcp.lease-time"], message, "write for example \"10m\"");
    }
}

fn reservations(refusals: &mut Refusals<'_, '_, '_>) {
    let network = &refusals.config.network;
    let path = ["network.dhcp.reservations"];
    let own = network.served_addresses();
    let reserved: BTreeSet<IpAddr> = network.reserved.iter().map(|one| one.address).collect();
    let (mut macs, mut addresses, mut names) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
    for (index, entry) in network.dhcp.reservations.iter().enumerate() {
        if !macs.insert(entry.mac) {
            refusals.refuse_entry(&path, index, "mac", "reserved twice", "write each MAC once");
        }
        if !addresses.insert(entry.address) {
            refusals.refuse_entry(
                &path,
                index,
                "address",
                "reserved twice",
                "write another address",
            );
        }
        let name = entry.name.as_ref().map(|name| name.to_ascii_lowercase());
        if name.is_some_and(|name| !names.insert(name)) {
            refusals.refuse_entry(&path, index, "name", "reserved twice", "write another name");
        }
        let nets: Vec<String> = own.iter().map(|net| net.trunc().to_string()).collect();
        if !own.is_empty() && !own.iter().any(|net| net.contains(&entry.address)) {
            let message = format!("outside the subnet {}", nets.join(", "));
            refusals.refuse_entry(&path, index, "address", message, "write an address inside");
        }
        if reserved.contains(&entry.address) {
            let message = "reserved for nobody below [network] as well";
            refusals.refuse_entry(&path, index, "address", message, "write it in one of the two");
        }
        let host = own.iter().any(|net| net.addr() == entry.address);
        if host || network.dhcp.router == Some(entry.address) {
            let message = "the address of this host or of the router";
            refusals.refuse_entry(&path, index, "address", message, "write another address");
        }
    }
}
