//! Addresses and routes, whole: from the kernel's messages, and back into messages that give them
//! to another interface. Nothing is sent here.

use std::fs;
use std::net::IpAddr;
use std::path::Path;

use ipnet::IpNet;
use mvm_network_plan::network::{Addressing, InterfaceAddress, InterfaceRoute};
use rtnetlink::packet_core::{DefaultNla, Nla};
use rtnetlink::packet_route::AddressFamily;
use rtnetlink::packet_route::address::{
    AddressAttribute, AddressFlags, AddressHeaderFlags, AddressMessage, CacheInfo,
};
use rtnetlink::packet_route::route::{
    RouteAddress, RouteAttribute, RouteFlags, RouteHeader, RouteMessage, RouteMetric,
    RouteProtocol, RouteType,
};

/// USER_HZ: a route's remaining time is told in hundredths of a second and set in seconds.
const TICKS_PER_SECOND: u32 = 100;
/// RT_TABLE_LOCAL: the kernel's own.
const LOCAL_TABLE: u32 = 255;

/// What the interface of this number has.
pub(crate) fn of_link(
    index: u32,
    name: &str,
    addresses: &[AddressMessage],
    routes: &[RouteMessage],
) -> Addressing {
    let own = || addresses.iter().filter(|message| message.header.index == index);
    let addresses = own().filter_map(|message| address(message, name)).collect();
    let proving =
        |message: &AddressMessage| message.header.flags.contains(AddressHeaderFlags::Tentative);
    let mut addressing =
        Addressing { addresses, proving: own().any(proving), ..Addressing::default() };
    for message in routes.iter().filter(|message| uses(message, index)) {
        match route(message) {
            Some(Ok(route)) => addressing.routes.push(route),
            Some(Err(what)) => addressing.unmovable.push(what),
            None => {}
        }
    }
    addressing
}

/// Who gives the interface its addresses, by what networkd and NetworkManager keep in /run.
pub(crate) fn owner(run: &Path, index: u32) -> Option<String> {
    let read = |folder: &str| fs::read_to_string(run.join(folder).join(index.to_string()));
    let networkd = read("systemd/netif/links").unwrap_or_default();
    let state = networkd.lines().find_map(|line| line.strip_prefix("ADMIN_STATE="));
    if matches!(state, Some("configuring" | "configured" | "failed")) {
        return Some("systemd-networkd".to_owned());
    }
    let manager = read("NetworkManager/devices").unwrap_or_default();
    let managed = manager.lines().any(|line| line.trim() == "managed=true");
    managed.then(|| "NetworkManager".to_owned())
}

/// An address that would have to move: the kernel makes link-local ones for each interface.
fn address(message: &AddressMessage, name: &str) -> Option<InterfaceAddress> {
    let (mut local, mut other) = (None, None);
    let (mut label, mut broadcast, mut lifetimes) = (None, None, None);
    let (mut metric, mut protocol) = (None, None);
    let mut flags = u32::from(message.header.flags.bits());
    for attribute in &message.attributes {
        match attribute {
            AddressAttribute::Local(ip) => local = Some(*ip),
            AddressAttribute::Address(ip) => other = Some(*ip),
            AddressAttribute::Label(text) => label = Some(text.clone()),
            AddressAttribute::Broadcast(ip) => broadcast = Some(*ip),
            AddressAttribute::CacheInfo(info) => {
                lifetimes = Some((info.ifa_preferred, info.ifa_valid));
            }
            AddressAttribute::Flags(all) => flags = all.bits(),
            AddressAttribute::RoutePriority(priority) => metric = Some(*priority),
            AddressAttribute::Protocol(number) => protocol = Some(u8::from(*number)),
            _ => {}
        }
    }
    let ip = local.or(other)?;
    if matches!(ip, IpAddr::V6(ip) if ip.is_unicast_link_local()) {
        return None;
    }
    Some(InterfaceAddress {
        address: IpNet::new(ip, message.header.prefix_len).ok()?,
        peer: other.filter(|other| *other != ip),
        broadcast,
        label: label.filter(|label| label != name),
        scope: u8::from(message.header.scope),
        flags: flags & settable().bits(),
        lifetimes: lifetimes.filter(|lifetimes| *lifetimes != (u32::MAX, u32::MAX)),
        metric,
        protocol,
    })
}

/// The flags that a program may set; the others tell what became of the address.
fn settable() -> AddressFlags {
    AddressFlags::Nodad
        | AddressFlags::Homeaddress
        | AddressFlags::Managetempaddr
        | AddressFlags::Noprefixroute
        | AddressFlags::Mcautojoin
}

/// Writes the whole address into a message that has its interface, address and prefix already.
pub(crate) fn fill(message: &mut AddressMessage, whole: &InterfaceAddress) {
    message.header.scope = whole.scope.into();
    // The low ones of the flags are in the header as well.
    message.header.flags = AddressHeaderFlags::from_bits_retain(whole.flags.to_le_bytes()[0]);
    let own = whole.address.addr();
    let attributes = &mut message.attributes;
    attributes.retain(|attribute| {
        matches!(attribute, AddressAttribute::Local(_) | AddressAttribute::Address(_))
    });
    if let Some(peer) = whole.peer {
        *attributes = vec![AddressAttribute::Local(own), AddressAttribute::Address(peer)];
    }
    attributes.extend(whole.broadcast.map(AddressAttribute::Broadcast));
    attributes.extend(whole.label.clone().map(AddressAttribute::Label));
    attributes.extend(whole.lifetimes.map(|(preferred, valid)| {
        let mut info = CacheInfo::default();
        info.ifa_preferred = preferred;
        info.ifa_valid = valid;
        AddressAttribute::CacheInfo(info)
    }));
    attributes.push(AddressAttribute::Flags(AddressFlags::from_bits_retain(whole.flags)));
    attributes.extend(whole.metric.map(AddressAttribute::RoutePriority));
    attributes.extend(whole.protocol.map(|number| AddressAttribute::Protocol(number.into())));
}

fn uses(message: &RouteMessage, index: u32) -> bool {
    message.attributes.iter().any(|attribute| match attribute {
        RouteAttribute::Oif(through) => *through == index,
        RouteAttribute::MultiPath(hops) => hops.iter().any(|hop| hop.interface_index == index),
        _ => false,
    })
}

/// A route that would have to move, or what is so special about it; `None` for the kernel's own.
fn route(message: &RouteMessage) -> Option<Result<InterfaceRoute, String>> {
    let header = &message.header;
    let of_kernel = header.protocol == RouteProtocol::Kernel;
    let mut route = InterfaceRoute {
        destination: destination(message)?,
        gateway: None,
        source: None,
        table: u32::from(header.table),
        protocol: header.protocol.into(),
        scope: header.scope.into(),
        tos: header.tos,
        onlink: header.flags.contains(RouteFlags::Onlink),
        metric: None,
        preference: None,
        expires: None,
        metrics: Vec::new(),
    };
    let understood = message.attributes.iter().all(|attribute| note(&mut route, attribute));
    let own = route.table == LOCAL_TABLE || is_local(&route.destination);
    if own || header.flags.contains(RouteFlags::Cloned) || of_kernel && !is_unicast(header) {
        return None;
    }
    let plain = understood && is_unicast(header) && header.source_prefix_length == 0;
    Some(if plain { Ok(route) } else { Err(route.to_string()) })
}

fn is_unicast(header: &RouteHeader) -> bool {
    header.kind == RouteType::Unicast
}

fn is_local(destination: &IpNet) -> bool {
    let multicast = destination.addr().is_multicast();
    multicast || matches!(destination, IpNet::V6(net) if net.addr().is_unicast_link_local())
}

fn destination(message: &RouteMessage) -> Option<IpNet> {
    let address = message.attributes.iter().find_map(|attribute| match attribute {
        RouteAttribute::Destination(address) => Some(ip(address)),
        _ => None,
    });
    let any = match message.header.address_family {
        AddressFamily::Inet => Some(IpAddr::from([0; 4])),
        AddressFamily::Inet6 => Some(IpAddr::from([0; 16])),
        _ => None,
    };
    IpNet::new(address.unwrap_or(any)?, message.header.destination_prefix_length).ok()
}

fn ip(address: &RouteAddress) -> Option<IpAddr> {
    match address {
        RouteAddress::Inet(ip) => Some(IpAddr::V4(*ip)),
        RouteAddress::Inet6(ip) => Some(IpAddr::V6(*ip)),
        _ => None,
    }
}

/// Whether the attribute can be written again; notes what it says.
fn note(route: &mut InterfaceRoute, attribute: &RouteAttribute) -> bool {
    match attribute {
        RouteAttribute::Destination(_) | RouteAttribute::Oif(_) => {}
        RouteAttribute::Gateway(address) => route.gateway = ip(address),
        RouteAttribute::PrefSource(address) => route.source = ip(address),
        RouteAttribute::Table(table) => route.table = *table,
        RouteAttribute::Priority(metric) => route.metric = Some(*metric),
        RouteAttribute::Preference(preference) => route.preference = Some((*preference).into()),
        RouteAttribute::CacheInfo(info) => {
            let seconds = info.expires / TICKS_PER_SECOND;
            route.expires = Some(seconds).filter(|seconds| *seconds > 0);
        }
        RouteAttribute::Metrics(metrics) => {
            let numbers: Option<Vec<_>> = metrics.iter().map(number).collect();
            let whole = numbers.is_some();
            route.metrics = numbers.unwrap_or_default();
            return whole;
        }
        _ => return false,
    }
    true
}

/// RTAX_* and its value; the one that is a name is none.
fn number(metric: &RouteMetric) -> Option<(u16, u32)> {
    let mut value = [0; 4];
    let is_number = metric.value_len() == value.len() && !matches!(metric, RouteMetric::CcAlgo(_));
    is_number.then(|| metric.emit_value(&mut value));
    is_number.then(|| (metric.kind(), u32::from_ne_bytes(value)))
}

/// The message of the route through the interface of this number.
pub(crate) fn message(index: u32, route: &InterfaceRoute) -> RouteMessage {
    let mut message = RouteMessage::default();
    let header = &mut message.header;
    header.address_family = match route.destination {
        IpNet::V4(_) => AddressFamily::Inet,
        IpNet::V6(_) => AddressFamily::Inet6,
    };
    header.destination_prefix_length = route.destination.prefix_len();
    header.tos = route.tos;
    header.protocol = route.protocol.into();
    header.scope = route.scope.into();
    header.kind = RouteType::Unicast;
    if route.onlink {
        header.flags = RouteFlags::Onlink;
    }
    let attributes = &mut message.attributes;
    attributes.push(RouteAttribute::Oif(index));
    attributes.push(RouteAttribute::Table(route.table));
    if route.destination.prefix_len() > 0 {
        attributes.push(RouteAttribute::Destination(route.destination.network().into()));
    }
    attributes.extend(route.gateway.map(|ip| RouteAttribute::Gateway(ip.into())));
    attributes.extend(route.source.map(|ip| RouteAttribute::PrefSource(ip.into())));
    attributes.extend(route.metric.map(RouteAttribute::Priority));
    attributes.extend(route.preference.map(|value| RouteAttribute::Preference(value.into())));
    attributes.extend(route.expires.map(RouteAttribute::Expires));
    if !route.metrics.is_empty() {
        let raw = |&(kind, value): &(u16, u32)| {
            RouteMetric::Other(DefaultNla::new(kind, value.to_ne_bytes().to_vec()))
        };
        attributes.push(RouteAttribute::Metrics(route.metrics.iter().map(raw).collect()));
    }
    message
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_looks_after_an_interface_is_known_by_what_he_keeps() {
        let run = tempfile::tempdir().unwrap();
        let put = |folder: &str, text: &str| {
            fs::create_dir_all(run.path().join(folder)).unwrap();
            fs::write(run.path().join(folder).join("3"), text).unwrap();
            owner(run.path(), 3)
        };
        assert_eq!(owner(run.path(), 3), None);
        for state in ["unmanaged", "pending", "initialized", "linger"] {
            let text = format!("# private\nADMIN_STATE={state}\nOPER_STATE=routable\n");
            assert_eq!(put("systemd/netif/links", &text), None, "{state}");
        }
        let networkd = put("systemd/netif/links", "ADMIN_STATE=configured\n");
        assert_eq!(networkd.as_deref(), Some("systemd-networkd"));
        assert_eq!(put("systemd/netif/links", ""), None);
        assert_eq!(put("NetworkManager/devices", "[device]\nmanaged=false\n"), None);
        let manager = put("NetworkManager/devices", "[device]\nconnection-uuid=1\nmanaged=true\n");
        assert_eq!(manager.as_deref(), Some("NetworkManager"));
        assert_eq!(owner(run.path(), 4), None);
    }

    #[test]
    fn a_route_comes_back_from_its_message() {
        let whole = InterfaceRoute {
            destination: "203.0.113.0/24".parse().unwrap(),
            gateway: Some([192, 0, 2, 1].into()),
            source: Some([192, 0, 2, 2].into()),
            table: 1000,
            tos: 8,
            onlink: true,
            metric: Some(7),
            metrics: vec![(2, 1300), (8, 1260)],
            ..default_route()
        };
        let v6 = InterfaceRoute {
            destination: "::/0".parse().unwrap(),
            gateway: Some("fe80::1".parse().unwrap()),
            preference: Some(1),
            ..default_route()
        };
        for one in [whole, v6, default_route()] {
            let sent = message(9, &one);
            assert!(uses(&sent, 9) && !uses(&sent, 8));
            assert_eq!(route(&sent), Some(Ok(one)));
        }
        let mut special = message(9, &default_route());
        special.attributes.push(RouteAttribute::NhId(5));
        assert_eq!(route(&special), Some(Err("the default route".to_owned())));
    }

    fn default_route() -> InterfaceRoute {
        InterfaceRoute {
            destination: "0.0.0.0/0".parse().unwrap(),
            gateway: None,
            source: None,
            table: 254,
            protocol: 3,
            scope: 0,
            tos: 0,
            onlink: false,
            metric: None,
            preference: None,
            expires: None,
            metrics: Vec::new(),
        }
    }
}
