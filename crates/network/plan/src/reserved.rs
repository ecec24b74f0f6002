//! Addresses that the file keeps from DHCP, such as a control plane's: on which interface they are, and
//! who answers there.
//!
//! They are asked for as a machine does before it takes an address, by ARP (RFC 5227) and by neighbour
//! discovery (RFC 4862): nobody's tables change by the question.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use mvm_config::Config;
use mvm_config::model::{NetworkMode, Reserved};
use mvm_core::Finding;
use mvm_core::catalogue::{deep, reserved as messages};

use crate::network::{Mac, Observed, parent};

const ETHERNET: [u8; 2] = [0, 1];
const IPV4: [u8; 2] = [8, 0];
const REQUEST: [u8; 2] = [0, 1];
const REPLY: [u8; 2] = [0, 2];
/// The length of an ARP packet about IPv4 on Ethernet, in bytes.
const ARP: usize = 28;
/// The lengths of an IPv6 header and of a neighbour solicitation without options, in bytes.
const HEADER: usize = 40;
const SOLICITATION: usize = 24;
const ICMPV6: u8 = 58;
const SOLICIT: u8 = 135;
const ADVERTISE: u8 = 136;
/// The option with the hardware address of who answers.
const TARGET_ADDRESS: u8 = 2;

/// Who answers for an address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AddressOwners {
    /// An address of `network.reserved`.
    pub address: IpAddr,
    /// The interface of this host that has it.
    pub own: Option<String>,
    /// The hardware addresses of other machines that answer for it.
    pub others: Vec<Mac>,
}

/// Each entry as people see it: `10.42.0.5 (lab)`, or the address alone where it has no name.
pub fn labels(reserved: &[Reserved]) -> Vec<String> {
    let one = |entry: &Reserved| match &entry.name {
        Some(name) => format!("{} ({name})", entry.address),
        None => entry.address.to_string(),
    };
    reserved.iter().map(one).collect()
}

/// The interface on which an address of microVMs' network is: the one that the file gives an address of
/// the same subnet, else the one that microVMs are on.
pub fn interface(config: &Config, observed: &Observed, address: IpAddr) -> Option<String> {
    let network = &config.network;
    let vlans = network.vlans.iter().map(|vlan| &vlan.name);
    let configured = [Some(&network.bridge.name), network.macvtap.parent.as_ref()];
    let mut all = configured.into_iter().flatten().chain(vlans);
    let within =
        all.find(|name| network.addresses_of(name).iter().any(|net| net.contains(&address)));
    match (within, network.mode) {
        (Some(name), _) => Some(name.to_string()),
        (None, NetworkMode::Tap) => Some(network.bridge.name.to_string()),
        (None, NetworkMode::Macvtap) => {
            parent(network.macvtap.parent.as_ref().map(|name| name.as_str()), observed)
        }
        (None, NetworkMode::None) => None,
    }
}

/// Which interface of this host has the address.
pub fn own(observed: &Observed, address: IpAddr) -> Option<String> {
    let has = |net: &ipnet::IpNet| net.addr() == address;
    let link = observed.links.iter().find(|link| link.addresses.iter().any(has))?;
    Some(link.name.clone())
}

/// The question who has the address, as the payload of a frame.
pub fn question(address: IpAddr, mac: Mac) -> Vec<u8> {
    match address {
        IpAddr::V4(address) => arp(address, mac),
        IpAddr::V6(address) => solicitation(address),
    }
}

/// The hardware address that the question goes to.
pub fn group(address: IpAddr) -> [u8; 6] {
    match address {
        IpAddr::V4(_) => [0xff; 6],
        IpAddr::V6(address) => {
            let octets = address.octets();
            [0x33, 0x33, 0xff, octets[13], octets[14], octets[15]]
        }
    }
}

/// Who says in this payload that he has the address; `None` for everything else, however broken.
pub fn answer(address: IpAddr, packet: &[u8]) -> Option<Mac> {
    match address {
        IpAddr::V4(address) => {
            let begins = [&ETHERNET[..], &IPV4, &[6, 4], &REPLY].concat();
            let is_reply = packet.len() >= ARP && packet.starts_with(&begins);
            let sender = packet.get(14..18).filter(|_| is_reply)?;
            let mac = <[u8; 6]>::try_from(packet.get(8..14)?).ok()?;
            (sender == address.octets()).then_some(Mac(mac))
        }
        IpAddr::V6(address) => {
            let is_icmp = packet.first()? >> 4 == 6 && packet.get(6)? == &ICMPV6;
            let icmp = packet.get(HEADER..).filter(|_| is_icmp)?;
            let about = icmp.get(8..24)? == address.octets();
            if icmp.first()? != &ADVERTISE || !about {
                return None;
            }
            let option = icmp.get(SOLICITATION..SOLICITATION + 8)?;
            let mac = <[u8; 6]>::try_from(option.get(2..)?).ok()?;
            option.starts_with(&[TARGET_ADDRESS, 1]).then_some(Mac(mac))
        }
    }
}

/// From nobody's address: whoever hears it learns nothing.
fn arp(address: Ipv4Addr, mac: Mac) -> Vec<u8> {
    let nobody = [0; 4];
    [&ETHERNET[..], &IPV4, &[6, 4], &REQUEST, &mac.0, &nobody, &[0; 6], &address.octets()].concat()
}

fn solicitation(address: Ipv6Addr) -> Vec<u8> {
    let octets = address.octets();
    let mut to = [0_u8; 16];
    to[..13].copy_from_slice(&[0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0xff]);
    to[13..].copy_from_slice(&octets[13..]);
    let message = [&[SOLICIT, 0, 0, 0, 0, 0, 0, 0][..], &octets].concat();
    // RFC 4443: over both addresses, the length, the next header and the message.
    let pseudo = [&[0; 16][..], &to, &[0, 0, 0, 24], &[0, 0, 0, ICMPV6], &message].concat();
    let words = pseudo.chunks_exact(2).map(|two| u32::from(two[0]) << 8 | u32::from(two[1]));
    let sum: u32 = words.sum();
    let sum = (sum & 0xffff) + (sum >> 16);
    let checksum = !u16::try_from((sum & 0xffff) + (sum >> 16)).unwrap_or_default();
    let mut message = message;
    message[2..4].copy_from_slice(&checksum.to_be_bytes());
    // 255 hops: a router cannot have passed it on.
    let header = [&[0x60, 0, 0, 0, 0, 24, ICMPV6, 255][..], &[0; 16], &to].concat();
    [header, message].concat()
}

/// What is wrong with an address that one machine at most is to have, and what was seen of it.
pub fn finding(owners: &AddressOwners) -> Finding {
    let subject = owners.address.to_string();
    let macs: Vec<String> = owners.others.iter().map(ToString::to_string).collect();
    let macs = macs.join(", ");
    match (&owners.own, owners.others.len()) {
        (Some(interface), _) => {
            let own = messages::own(subject, interface);
            own.evidence(macs)
        }
        (None, 0) => deep::proven(subject, "nobody answers there yet"),
        (None, 1) => deep::proven(subject, format!("one machine answers, {macs}")),
        (None, count) => {
            let several = messages::several(subject, count);
            several.evidence(macs)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MAC: Mac = Mac([2, 0, 0, 0, 0, 9]);

    fn v4() -> IpAddr {
        "10.42.0.5".parse().unwrap()
    }

    fn v6() -> IpAddr {
        "fd00:42::12:3456".parse().unwrap()
    }

    #[test]
    fn who_asks_by_arp_says_nothing_of_itself() {
        let question = question(v4(), MAC);
        assert_eq!(question.len(), ARP);
        assert_eq!(&question[..8], &[0, 1, 8, 0, 6, 4, 0, 1]);
        assert_eq!((&question[14..18], &question[24..]), (&[0; 4][..], &[10, 42, 0, 5][..]));
        assert_eq!(answer(v4(), &question), None, "a question is no answer");
    }

    #[test]
    fn only_an_answer_about_this_address_is_one() {
        let mut reply = question(v4(), MAC);
        reply[7] = 2;
        reply[14..18].copy_from_slice(&[10, 42, 0, 5]);
        assert_eq!(answer(v4(), &reply), Some(MAC));
        assert_eq!(answer("10.42.0.6".parse().unwrap(), &reply), None);
        for length in 0..ARP {
            assert_eq!(answer(v4(), &reply[..length]), None, "{length}");
        }
    }

    #[test]
    fn a_solicitation_is_one_that_the_kernel_answers() {
        let question = question(v6(), MAC);
        assert_eq!(question.len(), HEADER + SOLICITATION);
        assert_eq!(group(v6()), [0x33, 0x33, 0xff, 0x12, 0x34, 0x56]);
        assert_eq!((question[6], question[7], question[40]), (58, 255, 135));
        let mut reply = question;
        reply[40] = ADVERTISE;
        reply.extend([TARGET_ADDRESS, 1, 2, 0, 0, 0, 0, 9]);
        assert_eq!(answer(v6(), &reply), Some(MAC));
        for length in 0..reply.len() {
            assert_eq!(answer(v6(), &reply[..length]), None, "{length}");
        }
    }

    #[test]
    fn one_machine_may_have_it_and_this_host_may_not() {
        let code = |own: Option<&str>, others: Vec<Mac>| {
            let own = own.map(str::to_owned);
            finding(&AddressOwners { address: v4(), own, others }).code()
        };
        assert_eq!(code(None, vec![]), "MVM-HOST-206");
        assert_eq!(code(None, vec![MAC]), "MVM-HOST-206");
        assert_eq!(code(None, vec![MAC, Mac([2; 6])]), "MVM-NET-471");
        assert_eq!(code(Some("eth0"), vec![]), "MVM-NET-470");
    }

    #[test]
    fn an_address_is_asked_for_where_it_belongs() {
        let config = |text: &str| {
            let source = mvm_config::Source { name: "t".to_owned(), text: text.to_owned() };
            mvm_config::load::parse(&[source]).unwrap().config
        };
        let place = |text: &str, address: &str| {
            interface(&config(text), &Observed::default(), address.parse().unwrap())
        };
        assert_eq!(place("", "10.42.0.5").as_deref(), Some("br-mvm"));
        let uplink = "[network.bridge]\nuplink = \"eth0\"\naddresses = []\n";
        assert_eq!(place(uplink, "192.0.2.5").as_deref(), Some("br-mvm"));
        let vlan =
            "[[network.vlan]]\nparent = \"eth0\"\nid = 7\naddresses = [\"192.168.10.2/25\"]\n";
        assert_eq!(place(vlan, "192.168.10.5").as_deref(), Some("eth0.7"));
        assert_eq!(place("[network]\nmode = \"none\"", "10.42.0.5"), None);
    }
}
