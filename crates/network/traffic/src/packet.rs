//! The packets that are sent, and what is read of those that arrive.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use etherparse::{
    NetSlice, PacketBuilder, PacketBuilderStep, SlicedPacket, TcpHeader, TcpOptionElement,
    TransportSlice,
};

/// Nobody's: addresses of documentation (RFC 5737, RFC 3849).
pub(crate) const FAR_V4: Ipv4Addr = Ipv4Addr::new(198, 51, 100, 77);
pub(crate) const FAR_V6: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 0x6d76, 0x6d68, 0, 0, 0, 0x77);
/// For how long a packet is waited for: the kernel may have to ask for the gateway's hardware address,
/// three times in three seconds.
pub(crate) const TIMEOUT: Duration = Duration::from_secs(4);
/// The same for what only crosses the bridge or is answered by this host.
pub(crate) const NEAR: Duration = Duration::from_secs(2);
/// Attempts for each of those: a busy server may lose a packet.
pub(crate) const ATTEMPTS: usize = 2;
pub(crate) const DNS: u16 = 53;
/// Where a connection would go.
pub(crate) const SERVICE: u16 = 443;
/// All routers of a link, by their addresses of IPv6 and of Ethernet.
const ROUTERS: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 2);
pub(crate) const ROUTERS_CARD: [u8; 6] = [0x33, 0x33, 0, 0, 0, 2];
/// Types of ICMPv6.
pub(crate) const SOLICITATION: u8 = 133;
pub(crate) const ADVERTISEMENT: u8 = 134;
/// The first router takes one from 2, and the next, which is the gateway, throws the packet away.
const ONE_ROUTER: u8 = 2;
/// What others' packets usually have.
const MANY_ROUTERS: u8 = 60;
const SEQUENCE: u32 = 0x6d76_6d68;
const WINDOW: u16 = 64240;
/// What Ethernet takes.
const SEGMENT: u16 = 1460;

pub(crate) fn far(v6: bool) -> IpAddr {
    if v6 { FAR_V6.into() } else { FAR_V4.into() }
}

/// Addresses and ports of a connection, seen from its first packet's sender.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Ends {
    pub(crate) from: IpAddr,
    pub(crate) to: IpAddr,
    pub(crate) ports: (u16, u16),
}

/// The first packet of a connection, which the router after this host throws away.
pub(crate) fn first(ends: &Ends) -> io::Result<Vec<u8>> {
    let packet = begun(ends, ONE_ROUTER, SEQUENCE)?;
    with_segment(packet.syn())
}

/// The SYN-ACK for a SYN with these ends, which are as it left this host.
pub(crate) fn answer(captured: &Ends) -> io::Result<Vec<u8>> {
    let Ends { from, to, ports } = *captured;
    let back = Ends { from: to, to: from, ports: (ports.1, ports.0) };
    let packet = begun(&back, MANY_ROUTERS, !SEQUENCE)?;
    with_segment(packet.syn().ack(SEQUENCE.wrapping_add(1)))
}

fn begun(ends: &Ends, hops: u8, sequence: u32) -> io::Result<PacketBuilderStep<TcpHeader>> {
    let ip = match (ends.from, ends.to) {
        (IpAddr::V4(from), IpAddr::V4(to)) => PacketBuilder::ipv4(from.octets(), to.octets(), hops),
        (IpAddr::V6(from), IpAddr::V6(to)) => PacketBuilder::ipv6(from.octets(), to.octets(), hops),
        _ => return Err(io::ErrorKind::InvalidInput.into()),
    };
    Ok(ip.tcp(ends.ports.0, ends.ports.1, sequence, WINDOW))
}

fn with_segment(packet: PacketBuilderStep<TcpHeader>) -> io::Result<Vec<u8>> {
    let options = [TcpOptionElement::MaximumSegmentSize(SEGMENT)];
    let packet = packet.options(&options).map_err(io::Error::other)?;
    let mut bytes = Vec::new();
    packet.write(&mut bytes, &[]).map_err(io::Error::other)?;
    Ok(bytes)
}

/// The ends of a packet that is TCP, however broken the rest is.
pub(crate) fn ends(packet: &[u8]) -> Option<Ends> {
    let sliced = SlicedPacket::from_ip(packet).ok()?;
    let (from, to): (IpAddr, IpAddr) = match sliced.net? {
        NetSlice::Ipv4(ip) => {
            let header = ip.header();
            (header.source_addr().into(), header.destination_addr().into())
        }
        NetSlice::Ipv6(ip) => {
            let header = ip.header();
            (header.source_addr().into(), header.destination_addr().into())
        }
        NetSlice::Arp(_) => return None,
    };
    let TransportSlice::Tcp(tcp) = sliced.transport? else { return None };
    Some(Ends { from, to, ports: (tcp.source_port(), tcp.destination_port()) })
}

/// A message of UDP, from an address and a port to others.
pub(crate) fn message(ends: &Ends, payload: &[u8]) -> io::Result<Vec<u8>> {
    let ip = match (ends.from, ends.to) {
        (IpAddr::V4(from), IpAddr::V4(to)) => {
            PacketBuilder::ipv4(from.octets(), to.octets(), MANY_ROUTERS)
        }
        (IpAddr::V6(from), IpAddr::V6(to)) => {
            PacketBuilder::ipv6(from.octets(), to.octets(), MANY_ROUTERS)
        }
        _ => return Err(io::ErrorKind::InvalidInput.into()),
    };
    let mut bytes = Vec::new();
    let packet = ip.udp(ends.ports.0, ends.ports.1);
    packet.write(&mut bytes, payload).map_err(io::Error::other)?;
    Ok(bytes)
}

/// What a packet of UDP from this port carries.
pub(crate) fn udp_payload(packet: &[u8], port: u16) -> Option<&[u8]> {
    let TransportSlice::Udp(udp) = SlicedPacket::from_ip(packet).ok()?.transport? else {
        return None;
    };
    (udp.source_port() == port).then(|| udp.payload())
}

/// Asks everybody for the router, as one without an address (RFC 4861, 4.1).
pub(crate) fn solicitation() -> io::Result<Vec<u8>> {
    let [nobody, routers] = [Ipv6Addr::UNSPECIFIED, ROUTERS].map(|ip| ip.octets());
    let packet = PacketBuilder::ipv6(nobody, routers, 255).icmpv6_raw(SOLICITATION, 0, [0; 4]);
    let mut bytes = Vec::new();
    packet.write(&mut bytes, &[]).map_err(io::Error::other)?;
    Ok(bytes)
}

/// Whether it is a router's advertisement.
pub(crate) fn is_advertisement(packet: &[u8]) -> bool {
    let sliced = SlicedPacket::from_ip(packet).ok().and_then(|sliced| sliced.transport);
    matches!(sliced, Some(TransportSlice::Icmpv6(icmp)) if icmp.type_u8() == ADVERTISEMENT)
}

/// A question that every dnsmasq answers by itself: `version.bind` of class CHAOS, type TXT.
pub(crate) fn question(id: u16) -> Vec<u8> {
    let mut message = id.to_be_bytes().to_vec();
    message.extend([1, 0, 0, 1, 0, 0, 0, 0, 0, 0]);
    message.extend(b"\x07version\x04bind\x00\x00\x10\x00\x03");
    message
}

/// Whether it answers that question, with whatever.
pub(crate) fn answers(id: u16, message: &[u8]) -> bool {
    message.starts_with(&id.to_be_bytes()) && message.get(2).is_some_and(|flags| flags & 0x80 != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_sent_is_what_is_read_and_no_router_but_one_passes_it_on() {
        for v6 in [false, true] {
            let own: IpAddr = if v6 { "fd00:42::9" } else { "10.42.0.9" }.parse().unwrap();
            let sent = Ends { from: own, to: far(v6), ports: (40_001, SERVICE) };
            let packet = first(&sent).unwrap();
            assert_eq!(packet.get(if v6 { 7 } else { 8 }), Some(&2));
            assert_eq!(ends(&packet), Some(sent));
            let back = ends(&answer(&sent).unwrap()).unwrap();
            assert_eq!(back, Ends { from: far(v6), to: own, ports: (SERVICE, 40_001) });
            for length in 0..packet.len() {
                assert_eq!(ends(&packet[..length]), None, "{length}");
            }
        }
        let mixed = Ends { from: far(true), to: far(false), ports: (1, 2) };
        assert!(first(&mixed).is_err());
        assert_eq!(ends(&[]), None);
    }

    #[test]
    fn a_router_is_asked_and_told_from_others() {
        let mut packet = solicitation().unwrap();
        assert_eq!((packet.len(), packet[7], packet[40]), (48, 255, SOLICITATION));
        assert!(!is_advertisement(&packet));
        packet[40] = ADVERTISEMENT;
        assert!(is_advertisement(&packet) && !is_advertisement(&packet[..40]));
    }

    #[test]
    fn a_message_is_read_as_it_was_sent() {
        for (from, to) in [("10.0.7.9", "255.255.255.255"), ("fd00::9", "fd00::1")] {
            let (from, to) = (from.parse().unwrap(), to.parse().unwrap());
            let packet = message(&Ends { from, to, ports: (53, 40_001) }, b"words").unwrap();
            assert_eq!(udp_payload(&packet, 53), Some(b"words".as_slice()));
            assert_eq!((udp_payload(&packet, 67), udp_payload(&packet[..20], 53)), (None, None));
        }
    }

    #[test]
    fn only_an_answer_to_this_question_is_one() {
        let mut message = question(7);
        assert!(!answers(7, &message));
        message[2] = 0x85;
        assert!(answers(7, &message) && !answers(8, &message) && !answers(7, &message[..2]));
    }
}
