//! From the kernel's messages to what the plan knows. Nothing is sent here.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::IpNet;
use mvm_network_plan::network::{BridgeOptions, Link, Mac, Route};
use rtnetlink::packet_route::AddressFamily;
use rtnetlink::packet_route::address::{AddressAttribute, AddressMessage};
use rtnetlink::packet_route::link::{
    BridgeStpState, InfoBridge, InfoData, InfoVlan, LinkAttribute, LinkFlags, LinkInfo, LinkMessage,
};
use rtnetlink::packet_route::route::{RouteAddress, RouteAttribute, RouteMessage, RouteType};

/// One interface, without its addresses; other interfaces are still numbers.
#[derive(Default)]
pub(crate) struct Numbered {
    /// The kernel's number of the interface.
    pub(crate) index: u32,
    /// IFLA_MASTER: the number of the bridge or bond that it is a port of.
    pub(crate) master: Option<u32>,
    /// That of the one that it sits on. Of a veth it is the other end, which may be in another
    /// namespace and have any number.
    pub(crate) parent: Option<u32>,
    pub(crate) link: Link,
}

pub(crate) fn link(message: &LinkMessage) -> Numbered {
    let mut found = Numbered { index: message.header.index, ..Numbered::default() };
    let link = &mut found.link;
    link.up = message.header.flags.contains(LinkFlags::Up);
    link.carrier = message.header.flags.contains(LinkFlags::LowerUp);
    for attribute in &message.attributes {
        match attribute {
            LinkAttribute::IfName(name) => link.name.clone_from(name),
            LinkAttribute::Mtu(mtu) => link.mtu = *mtu,
            LinkAttribute::Address(octets) => link.mac = octets.as_slice().try_into().ok().map(Mac),
            LinkAttribute::Controller(index) => found.master = Some(*index),
            LinkAttribute::Link(index) => found.parent = Some(*index),
            LinkAttribute::LinkInfo(infos) => infos.iter().for_each(|info| note(link, info)),
            _ => {}
        }
    }
    found
}

fn note(link: &mut Link, info: &LinkInfo) {
    match info {
        LinkInfo::Kind(kind) => link.kind = kind.to_string(),
        LinkInfo::Data(InfoData::Bridge(options)) => link.bridge = Some(bridge(options)),
        LinkInfo::Data(InfoData::Vlan(options)) => {
            link.vlan = options.iter().find_map(|option| match option {
                InfoVlan::Id(id) => Some(*id),
                _ => None,
            });
        }
        _ => {}
    }
}

fn bridge(options: &[InfoBridge]) -> BridgeOptions {
    let mut found = BridgeOptions { stp: false, forward_delay: 0 };
    for option in options {
        match option {
            InfoBridge::StpState(state) => found.stp = *state != BridgeStpState::Disabled,
            InfoBridge::ForwardDelay(ticks) => found.forward_delay = *ticks,
            _ => {}
        }
    }
    found
}

/// The interface's number and the address. For point-to-point interfaces IFA_LOCAL is the own one.
pub(crate) fn address(message: &AddressMessage) -> Option<(u32, IpNet)> {
    let (mut local, mut plain) = (None, None);
    for attribute in &message.attributes {
        match attribute {
            AddressAttribute::Local(ip) => local = Some(*ip),
            AddressAttribute::Address(ip) => plain = Some(*ip),
            _ => {}
        }
    }
    let net = IpNet::new(local.or(plain)?, message.header.prefix_len).ok()?;
    Some((message.header.index, net))
}

/// A unicast route, once for each interface that it uses; empty for every other kind.
pub(crate) fn routes(message: &RouteMessage, names: &HashMap<u32, String>) -> Vec<Route> {
    if message.header.kind != RouteType::Unicast {
        return Vec::new();
    }
    let Some(destination) = destination(message) else {
        return Vec::new();
    };
    let (mut through, mut metric, mut gateway) = (Vec::new(), 0, None);
    let mut table = u32::from(message.header.table);
    for attribute in &message.attributes {
        match attribute {
            RouteAttribute::Oif(index) => through.push(*index),
            RouteAttribute::Gateway(RouteAddress::Inet(ip)) => gateway = Some(IpAddr::V4(*ip)),
            RouteAttribute::Gateway(RouteAddress::Inet6(ip)) => gateway = Some(IpAddr::V6(*ip)),
            RouteAttribute::Priority(priority) => metric = *priority,
            // One above 255 does not fit into the header.
            RouteAttribute::Table(number) => table = *number,
            RouteAttribute::MultiPath(hops) => {
                through.extend(hops.iter().map(|hop| hop.interface_index));
            }
            _ => {}
        }
    }
    let interfaces = through.iter().filter_map(|index| names.get(index));
    let route = |interface: &String| {
        let interface = interface.clone();
        Route { destination, interface, gateway, metric, table }
    };
    interfaces.map(route).collect()
}

fn destination(message: &RouteMessage) -> Option<IpNet> {
    let length = message.header.destination_prefix_length;
    let address = message.attributes.iter().find_map(|attribute| match attribute {
        RouteAttribute::Destination(RouteAddress::Inet(ip)) => Some(IpAddr::V4(*ip)),
        RouteAttribute::Destination(RouteAddress::Inet6(ip)) => Some(IpAddr::V6(*ip)),
        _ => None,
    });
    // No destination is the default route.
    let address = address.or(match message.header.address_family {
        AddressFamily::Inet => Some(IpAddr::V4(Ipv4Addr::UNSPECIFIED)),
        AddressFamily::Inet6 => Some(IpAddr::V6(Ipv6Addr::UNSPECIFIED)),
        _ => None,
    });
    IpNet::new(address?, length).ok()
}
