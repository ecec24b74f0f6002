//! What packets are sent from and seen at.

use std::net::{IpAddr, Ipv6Addr, UdpSocket};
use std::time::{Duration, Instant};
use std::{fs, thread};

use futures_util::TryStreamExt;
use ipnet::IpNet;
use mvm_core::Roots;
use mvm_network_plan::dhcp::Offer;
use mvm_network_plan::network::{PROBE_PORT, Step};
use nix::unistd::{Pid, gettid};
use rtnetlink::packet_route::link::LinkAttribute;
use rtnetlink::packet_route::neighbour::{NeighbourAddress, NeighbourAttribute, NeighbourMessage};

use super::packet::{ADVERTISEMENT, SERVICE, SOLICITATION};
use super::scratch::Scratch;
use crate::discover::INSIDE;
use crate::error::{Answer, Error};
use crate::gateway::Probe;
use crate::kernel::{Kernel, Network};
use crate::link::Link;
use crate::nft::{Ear, Mark, Trace};

/// What the name of the table of marks begins with.
pub(super) const TABLE: &str = "mvmhost-probe-";
/// The second port.
const OTHER: &str = "eth1";
/// A bridge with STP takes in a port after twice its forward delay, which is 15 s.
const FORWARDS: Duration = Duration::from_secs(35);
const USABLE: Duration = Duration::from_secs(3);
const POLL_INTERVAL: Duration = Duration::from_millis(100);
/// Of brport/state: frames pass.
const FORWARDING: &str = "3";
/// Addresses that are looked at, from the end of the subnet, before none is taken.
const CANDIDATES: usize = 4;
/// For how long the owner of an address is asked for.
const OWNED: Duration = Duration::from_millis(1500);
/// Numbers of protocols.
const TCP: u8 = 6;
const UDP: u8 = 17;
const ICMPV6: u8 = 58;
/// Where a message of DHCP has the client's hardware address, after the header of UDP.
const CLIENT: u32 = 8 + 28;

/// A scratch namespace with two ports of the bridge, and ears on this host.
#[derive(Debug)]
pub(super) struct Bench {
    pub(super) scratch: Scratch,
    /// The bridge, by name and hardware address.
    name: String,
    pub(super) bridge: [u8; 6],
    /// Its addresses.
    pub(super) addresses: Vec<IpNet>,
    /// Whether machines of others are on it.
    pub(super) shared: bool,
    /// The first port inside.
    pub(super) link: Link,
    pub(super) card: [u8; 6],
    /// The second one.
    pub(super) other: Link,
    pub(super) other_card: [u8; 6],
    /// `None` where the kernel has no nftables.
    pub(super) trace: Option<Trace>,
    /// The sender's port.
    pub(super) port: u16,
    used: Vec<IpAddr>,
}

impl Bench {
    /// In a namespace of this thread's own; thread `home` stays in that of the bridge.
    pub(super) fn set_up(roots: &Roots, home: Pid, bridge: &str) -> Result<Self, Error> {
        let (mut scratch, ear) = Scratch::leave(roots, home)?;
        let index = scratch.outside.number(bridge)?;
        let observed = scratch.outside.observe()?;
        let found = observed.links.iter().find(|link| link.name == bridge);
        let addresses = found.map(|link| link.addresses.clone()).unwrap_or_default();
        let shared = observed.others_ports(bridge).next().is_some();
        let Scratch { outside, inside, .. } = &scratch;
        let ports = [(INSIDE, ""), (OTHER, "b")].map(|(inside, end)| (inside, port(end)));
        let mut cards = Vec::new();
        for (within, port) in &ports {
            inside.wire(within, port, home)?;
            outside.plug(port, bridge)?;
            cards.push(inside.up(within)?);
        }
        for (_, port) in &ports {
            wait_for_frames(roots, port);
        }
        let [card, other_card] = [cards.first(), cards.last()].map(|card| *card.unwrap_or(&[0; 6]));
        let [link, other] = [INSIDE, OTHER].map(|name| {
            inside.number(name).and_then(|index| Link::on(index).map_err(Error::Packet))
        });
        let (link, other) = (link?, other?);
        // The bridge learns where the second card is, so that no other port gets what is for it.
        let bridge_card = outside.card(index)?;
        let _ = other.send(bridge_card, &[0x45]);
        let (sender, trace) = traced(ear, card);
        Ok(Self {
            scratch,
            name: bridge.to_owned(),
            bridge: bridge_card,
            addresses,
            shared,
            link,
            card,
            other,
            other_card,
            trace,
            port: sender,
            used: Vec::new(),
        })
    }

    /// An address that the first port has from now on: one that was offered, or else one that nobody
    /// has. Of IPv6 it is made of the hardware address, which is random.
    pub(super) fn address(&mut self, own: &IpNet, offers: &[Offer]) -> Result<IpAddr, Error> {
        let address = match own {
            IpNet::V6(net) => {
                let [a, b, c, d, e, f] = self.card;
                let host = [a ^ 2, b, c, 0xff, 0xfe, d, e, f];
                let host = u128::from(u64::from_be_bytes(host));
                let mask = net.hostmask().to_bits();
                IpAddr::V6(Ipv6Addr::from_bits(net.network().to_bits() | host & mask))
            }
            IpNet::V4(_) => {
                let offered = offers.iter().map(|offer| IpAddr::V4(offer.address));
                let mut offered = offered.filter(|ip| own.contains(ip) && *ip != own.addr());
                match offered.next() {
                    Some(ip) => ip,
                    None => self.unused(own)?,
                }
            }
        };
        let name = INSIDE.to_owned();
        let net = IpNet::new(address, own.prefix_len());
        let address_in_net = net.map_err(|_| Error::Gone { step: format!("use {address}") })?;
        self.scratch.inside.apply(&Step::AddAddress { name, address: address_in_net })?;
        self.used.push(address);
        // The kernel makes an address of IPv6 usable a moment later.
        let until = Instant::now() + USABLE;
        while UdpSocket::bind((address, 0)).is_err() && Instant::now() < until {
            thread::sleep(POLL_INTERVAL);
        }
        Ok(address)
    }

    fn unused(&mut self, own: &IpNet) -> Result<IpAddr, Error> {
        let IpNet::V4(net) = own else { return Ok(own.addr()) };
        let (first, last) = (net.network().to_bits(), net.broadcast().to_bits());
        let candidates = (first..last).rev().map(std::net::Ipv4Addr::from_bits).map(IpAddr::V4);
        let candidates = candidates.filter(|ip| *ip != own.addr() && own.network() != *ip);
        for candidate in candidates.take(CANDIDATES) {
            if self.scratch.outside.answers(&self.name, &[candidate], OWNED)?.is_empty() {
                return Ok(candidate);
            }
        }
        Err(Error::Gone { step: format!("use an address of {own} that nobody has") })
    }

    /// The name of an interface of this host.
    pub(super) fn named(&self, index: u32) -> Result<String, Error> {
        let gone = || Error::Gone { step: format!("use interface {index}") };
        self.scratch.outside.name_of(index).ok_or_else(gone)
    }

    /// Has the kernel forget who had the addresses.
    pub(super) fn forget(&self) {
        let Ok(neighbours) = self.scratch.outside.neighbours() else { return };
        for neighbour in neighbours.into_iter().filter(|one| is_of(one, &self.used)) {
            let gone = self.scratch.outside.handle().neighbours().del(neighbour).execute();
            if let Err(error) = self.scratch.outside.run(gone) {
                log::debug!("a neighbour stays for a minute: {}", Answer::from(error));
            }
        }
    }
}

/// Whether the neighbour has one of these addresses.
pub(super) fn is_of(neighbour: &NeighbourMessage, addresses: &[IpAddr]) -> bool {
    neighbour.attributes.iter().any(|attribute| match attribute {
        NeighbourAttribute::Destination(NeighbourAddress::Inet(ip)) => {
            addresses.contains(&IpAddr::V4(*ip))
        }
        NeighbourAttribute::Destination(NeighbourAddress::Inet6(ip)) => {
            addresses.contains(&IpAddr::V6(*ip))
        }
        _ => false,
    })
}

/// The kernel takes its time with what an earlier thread left: each has names of its own.
pub(super) fn port(end: &str) -> String {
    format!("{PROBE_PORT}{}{end}", gettid())
}

/// Frames of a bridge with STP are lost for a while.
fn wait_for_frames(roots: &Roots, port: &str) {
    let state = roots.at(format!("/sys/class/net/{port}/brport/state"));
    let until = Instant::now() + FORWARDS;
    // In another namespace than that of /sys there is no such file.
    while let Ok(text) = fs::read_to_string(&state)
        && text.trim() != FORWARDING
        && Instant::now() < until
    {
        thread::sleep(POLL_INTERVAL);
    }
}

/// The port that the sender has, and what the kernel tells of its packets.
pub(super) fn traced(ear: Ear, card: [u8; 6]) -> (u16, Option<Trace>) {
    let number = gettid().as_raw();
    let sender = 40_000 + u16::try_from(number.rem_euclid(20_000)).unwrap_or_default();
    let table = format!("{TABLE}{number}");
    let trace = ear.mark(&table, &marks(card, sender));
    let trace = trace.inspect_err(|error| log::debug!("no trace: {error}")).ok();
    (sender, trace)
}

/// Everything that is sent, and what answers it.
fn marks(card: [u8; 6], port: u16) -> Vec<Mark> {
    let mark = |answer, protocol, from: u16, to: u16| Mark {
        answer,
        protocol,
        begins: [from.to_be_bytes(), to.to_be_bytes()].concat(),
        carries: None,
    };
    let client = |mark| Mark { carries: Some((CLIENT, card.to_vec())), ..mark };
    let router =
        |answer, kind| Mark { answer, protocol: ICMPV6, begins: vec![kind], carries: None };
    vec![
        mark(false, TCP, port, SERVICE),
        mark(false, TCP, SERVICE, port),
        client(mark(false, UDP, 68, 67)),
        client(mark(true, UDP, 67, 68)),
        mark(false, UDP, port, 53),
        mark(true, UDP, 53, port),
        router(false, SOLICITATION),
        router(true, ADVERTISEMENT),
    ]
}

impl Kernel {
    /// Something of the interface with this number.
    fn about<T>(&self, index: u32, wanted: impl Fn(&LinkAttribute) -> Option<T>) -> Option<T> {
        self.run(async {
            let mut found = self.handle().link().get().match_index(index).execute();
            let link = found.try_next().await.ok().flatten()?;
            link.attributes.iter().find_map(wanted)
        })
    }

    /// The name of the interface with this number.
    pub(crate) fn name_of(&self, index: u32) -> Option<String> {
        self.about(index, |attribute| match attribute {
            LinkAttribute::IfName(name) => Some(name.clone()),
            _ => None,
        })
    }

    /// The hardware address of the interface with this number.
    pub(super) fn card(&self, index: u32) -> Result<[u8; 6], Error> {
        let card = self.about(index, |attribute| match attribute {
            LinkAttribute::Address(octets) => octets.as_slice().try_into().ok(),
            _ => None,
        });
        card.ok_or_else(|| Error::Gone { step: format!("use interface {index}") })
    }
}
