//! What packets are sent from and captured at.

use std::net::{IpAddr, Ipv6Addr, UdpSocket};
use std::time::{Duration, Instant};
use std::{fs, thread};

use ipnet::IpNet;
use mvm_core::Roots;
use mvm_network_kernel::packet_socket::PacketSocket;
use mvm_network_kernel::trace::Trace;
use mvm_network_kernel::{Error, Network as _, Probe as _};
use mvm_network_plan::dhcp::Offer;
use mvm_network_plan::network::Step;
use nix::unistd::Pid;

use crate::ports;
use crate::scratch::{FIRST, SECOND, Scratch, port};
use crate::trace::traced;

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

/// A scratch namespace with two ports of the bridge, and sockets that listen on this host.
#[derive(Debug)]
pub(crate) struct Bench {
    pub(crate) scratch: Scratch,
    /// The bridge, by name and hardware address.
    name: String,
    pub(crate) bridge: [u8; 6],
    /// The bridge's addresses, as the kernel lists them.
    pub(crate) addresses: Vec<IpNet>,
    /// Whether machines of others are on it.
    pub(crate) shared: bool,
    /// The first port inside.
    pub(crate) link: PacketSocket,
    pub(crate) card: [u8; 6],
    /// The second port inside, which plays another microVM.
    pub(crate) other: PacketSocket,
    pub(crate) other_card: [u8; 6],
    /// `None` where the kernel has no nftables.
    pub(crate) trace: Option<Trace>,
    /// The sender's port.
    pub(crate) port: u16,
    used: Vec<IpAddr>,
}

impl Bench {
    /// In a namespace of this thread's own; thread `home` stays in that of the bridge.
    pub(crate) fn set_up(roots: &Roots, home: Pid, bridge: &str) -> Result<Self, Error> {
        let (mut scratch, listener) = Scratch::enter(roots, home)?;
        let index = scratch.outside.number(bridge)?;
        let observed = scratch.outside.observe()?;
        let found = observed.links.iter().find(|link| link.name == bridge);
        let addresses = found.map(|link| link.addresses.clone()).unwrap_or_default();
        let shared = observed.others_ports(bridge).next().is_some();
        let Scratch { outside, inside, .. } = &scratch;
        let pairs = [(FIRST, ""), (SECOND, "b")].map(|(inside, end)| (inside, port(end)));
        let mut cards = Vec::new();
        for (within, port) in &pairs {
            ports::wire(inside, within, port, home)?;
            ports::plug(outside, port, bridge)?;
            cards.push(ports::up(inside, within)?);
        }
        for (_, port) in &pairs {
            wait_for_frames(roots, port);
        }
        let [card, other_card] = [cards.first(), cards.last()].map(|card| *card.unwrap_or(&[0; 6]));
        let [link, other] = [FIRST, SECOND].map(|name| {
            inside.number(name).and_then(|index| PacketSocket::on(index).map_err(Error::Packet))
        });
        let (link, other) = (link?, other?);
        // The bridge learns where the second card is, so that no other port gets what is for it.
        let bridge_card = ports::hardware_address(outside, index)
            .ok_or_else(|| Error::Gone { step: format!("use {bridge}") })?;
        let _ = other.send(bridge_card, &[0x45]);
        let (sender, trace) = traced(listener, card);
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
    pub(crate) fn address(&mut self, own: &IpNet, offers: &[Offer]) -> Result<IpAddr, Error> {
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
        let name = FIRST.to_owned();
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
    pub(crate) fn name_of(&self, index: u32) -> Result<String, Error> {
        let gone = || Error::Gone { step: format!("use interface {index}") };
        self.scratch.outside.name_of(index).ok_or_else(gone)
    }

    /// Has the kernel forget who had the addresses.
    pub(crate) fn forget(&self) {
        ports::forget(&self.scratch.outside, &self.used);
    }
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
