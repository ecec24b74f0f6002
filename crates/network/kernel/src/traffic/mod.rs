//! Sends packets as a microVM would, for `check --deep`: from a port of the bridge, in a network
//! namespace of its own, through the rules of this host and back. The kernel decides about each, and
//! nftables' trace names the rule that took it.
//!
//! What leaves this host is one packet for each family, to an address of documentation, which the
//! gateway throws away. Its answer is not waited for: one is made here, and given to the interface by
//! which the packet left, as if it had arrived there. All that is made for it (interfaces, addresses,
//! tables) ends with the one thread and its sockets, even by a kill.

use std::net::{IpAddr, UdpSocket};
use std::time::{Duration, Instant};
use std::{io, thread};

use ipnet::IpNet;
use mvm_config::Config;
use mvm_config::model::NetworkMode;
use mvm_core::exec::Execute;
use mvm_core::{Roots, chain};
use mvm_firewalls::{Dropped, End, Passage, Way};
use mvm_network_plan::dhcp::Offer;
use nix::unistd::{Pid, gettid};

use crate::discover::question;
use crate::error::Error;
use crate::firewalls;
use crate::nft::{Event, Trace};

mod bench;
mod children;
mod inject;
mod line;
mod packet;
mod scratch;

use bench::Bench;
use packet::{Ends, SERVICE, far};

/// For how long a packet is waited for: the kernel may have to ask for the gateway's hardware address,
/// three times in three seconds.
const TIMEOUT: Duration = Duration::from_secs(4);
/// The same for what only crosses the bridge or is answered by this host.
const NEAR: Duration = Duration::from_secs(2);
/// How often that is tried: a busy server may lose one.
const TRIES: usize = 2;
/// The port of names.
const NAMES: u16 = 53;

/// What came of it.
#[derive(Debug, Default)]
pub struct Tried {
    /// Who offered an address.
    pub offers: Vec<Offer>,
    /// What became of the packets.
    pub passages: Vec<Passage>,
}

/// Where microVMs are, for whom packets are sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place<'a> {
    /// On the bridge.
    Bridge,
    /// Beyond an interface of this host that it serves: a VLAN, or a port with a subnet of its own.
    Line(&'a str),
    /// On macvtaps of this interface, in a network of others; `None` is that of the default route.
    Children(Option<&'a str>),
}

/// Where the file has its microVMs.
pub fn place(config: &Config) -> Place<'_> {
    let network = &config.network;
    let parent = || network.macvtap.parent.as_ref().map(|name| name.as_str());
    let bridge = network.bridge.name.as_str();
    let served = network.dhcp.enabled || network.nat.enabled;
    match network.dhcp.interface.as_ref().map(|name| name.as_str()) {
        Some(name) if network.mode == NetworkMode::Tap && name == bridge => Place::Bridge,
        Some(name) if served && !network.dhcp_addresses().is_empty() => Place::Line(name),
        _ if network.mode == NetworkMode::Tap => Place::Bridge,
        _ => Place::Children(parent()),
    }
}

/// A packet's end, with the kernel's number of the rule that dropped it.
type Ended = (End, Option<u64>);

/// Sends a packet on each way that microVMs of `config` need, as far as this host can: on macvtaps what is
/// between them, and beyond an interface that it serves what it passes on. It takes about 6 s.
///
/// # Errors
/// The namespace or its interfaces could not be made, or nobody could be asked for an address.
pub fn traffic(roots: &Roots, programs: &dyn Execute, config: &Config) -> Result<Tried, Error> {
    let home = gettid();
    let (offers, ended) = thread::scope(|scope| {
        let inside = thread::Builder::new().spawn_scoped(scope, || match place(config) {
            Place::Bridge => run(roots, home, config),
            Place::Line(interface) => line::run(roots, home, config, interface),
            Place::Children(parent) => children::run(roots, parent),
        });
        let inside = inside.map_err(Error::Runtime)?;
        // A thread that panicked has said so.
        inside.join().unwrap_or_else(|_| Ok(Default::default()))
    })?;
    let named = |(way, v6, (end, rule)): (Way, bool, Ended)| Passage {
        way,
        v6,
        end: in_words(roots, programs, end, rule),
    };
    Ok(Tried { offers, passages: ended.into_iter().map(named).collect() })
}

/// The rule as nft writes it, in the namespace of the caller.
fn in_words(roots: &Roots, programs: &dyn Execute, end: End, rule: Option<u64>) -> End {
    let End::Dropped(mut dropped) = end else { return end };
    dropped.rule = match rule {
        None => "policy drop".to_owned(),
        Some(number) => {
            let of = [&dropped.family, &dropped.table, &dropped.chain].map(String::as_str);
            let text = firewalls::rule(roots, programs, of, number);
            text.unwrap_or_else(|| format!("the rule with handle {number}"))
        }
    };
    End::Dropped(dropped)
}

type Ran = (Vec<Offer>, Vec<(Way, bool, Ended)>);

/// On a thread of its own, whose network namespace changes.
fn run(roots: &Roots, home: Pid, config: &Config) -> Result<Ran, Error> {
    let mut bench = Bench::set_up(roots, home, config.network.bridge.name.as_str())?;
    let offers = question(bench.card).map_err(Error::Ask)?;
    let mut ended = Vec::new();
    for v6 in [false, true] {
        let mut own = config.network.dhcp_addresses().iter();
        let here = |net: &&IpNet| net.addr().is_ipv6() == v6 && bench.addresses.contains(net);
        let Some(own) = own.find(here) else { continue };
        let mut tell = |way: Way, end: Result<Ended, Error>| {
            let end = end.unwrap_or_else(|error| (End::Untried(chain(&error)), None));
            ended.push((way, v6, end));
        };
        family(&mut bench, config, own, &offers, &mut tell);
    }
    bench.forget();
    Ok((offers, ended))
}

fn family(
    bench: &mut Bench,
    config: &Config,
    own: &IpNet,
    offers: &[Offer],
    tell: &mut dyn FnMut(Way, Result<Ended, Error>),
) {
    let (network, v6) = (&config.network, own.addr().is_ipv6());
    let translated = network.nat.enabled
        && network.nat.sources.iter().any(|source| source.addr().is_ipv6() == v6);
    if bench.shared {
        let why = "machines of others are on the bridge, and are not bothered".to_owned();
        if translated {
            tell(Way::Out, Ok((End::Untried(why), None)));
        }
        return;
    }
    if network.dhcp.enabled && !v6 {
        let none = || lost(bench.trace.as_ref());
        tell(Way::Address, Ok(if offers.is_empty() { none() } else { (End::Arrived(None), None) }));
    }
    if network.dhcp.enabled && v6 {
        tell(Way::Router, bench.router());
    }
    let from = match bench.address(own, offers) {
        Ok(from) => from,
        Err(error) => return tell(Way::Out, Err(error)),
    };
    tell(Way::Between, bench.between(from, own));
    if network.dhcp.enabled && network.dhcp.dns_server {
        tell(Way::Name, bench.name(from, own.addr()));
    }
    if !translated {
        return;
    }
    match bench.out(from) {
        Ok(Ok((index, seen))) => {
            let bare = seen.from == from;
            let end = |name| if bare { End::Untranslated(name) } else { End::Arrived(Some(name)) };
            tell(Way::Out, bench.named(index).map(|name| (end(name), None)));
            if !bare {
                tell(Way::Back, bench.back(index, &seen, from));
            }
        }
        Ok(Err(ended)) => tell(Way::Out, Ok(ended)),
        Err(error) => tell(Way::Out, Err(error)),
    }
}

/// Why a packet did not arrive, by what the kernel told of it since it was asked last.
fn lost(trace: Option<&Trace>) -> Ended {
    let Some(trace) = trace else {
        return (End::Lost("nftables tell nothing here".to_owned()), None);
    };
    let events = trace.events();
    let Some(at) = events.iter().rposition(|event| event.drops) else {
        let others = |event: &&Event| !event.table.starts_with(bench::TABLE);
        let why = match events.iter().rfind(others) {
            Some(Event { family, table, chain, .. }) => {
                format!("the last chain that it passed is {family} {table} {chain}")
            }
            None if events.is_empty() => "it did not come to any rule".to_owned(),
            None => "it came to the rules, and no chain of nftables has seen it".to_owned(),
        };
        return (End::Lost(why), None);
    };
    let Some(event) = events.get(at) else { return (End::Lost(String::new()), None) };
    let before = events.iter().take(at).filter(|other| {
        (other.packet, other.family, &other.table) == (event.packet, event.family, &event.table)
            && other.chain != event.chain
    });
    let dropped = Dropped {
        family: event.family.to_owned(),
        table: event.table.clone(),
        chain: event.chain.clone(),
        rule: String::new(),
        through: before.map(|other| other.chain.clone()).collect(),
    };
    (End::Dropped(dropped), event.rule)
}

impl Bench {
    fn begin(&self) {
        if let Some(trace) = &self.trace {
            trace.events();
        }
    }

    /// The interface by which a packet to another network left, with its ends there; or its end.
    fn out(&self, from: IpAddr) -> Result<Result<(u32, Ends), Ended>, Error> {
        self.begin();
        let to = far(from.is_ipv6());
        let sent = Ends { from, to, ports: (self.port, SERVICE) };
        let seen = packet::first(&sent)
            .and_then(|packet| self.link.send(self.bridge, &packet))
            .and_then(|()| {
                self.scratch.leaving.receive(Instant::now() + TIMEOUT, |seen| {
                    let ends = packet::ends(seen.packet).filter(|_| seen.leaves)?;
                    (ends.to == to && ends.ports.1 == SERVICE).then_some((seen.index, ends))
                })
            })
            .map_err(Error::Packet)?;
        Ok(seen.ok_or_else(|| lost(self.trace.as_ref())))
    }

    /// The answer to a packet that left by the interface with this number.
    fn back(&mut self, index: u32, seen: &Ends, to: IpAddr) -> Result<Ended, Error> {
        let injector = self.scratch.injector(index)?;
        self.begin();
        let far = far(to.is_ipv6());
        let arrived = packet::answer(seen)
            .and_then(|packet| injector.give(&packet))
            .and_then(|()| {
                self.link.receive(Instant::now() + NEAR, |seen| {
                    packet::ends(seen.packet).filter(|ends| (ends.from, ends.to) == (far, to))
                })
            })
            .map_err(Error::Packet)?;
        Ok(self.ended(arrived.is_some()))
    }

    /// From one port of the bridge to another.
    fn between(&self, from: IpAddr, own: &IpNet) -> Result<Ended, Error> {
        self.begin();
        let Some(to) = own.hosts().find(|ip| *ip != from && *ip != own.addr()) else {
            return Ok((End::Untried("the subnet has no other address".to_owned()), None));
        };
        let sent = Ends { from, to, ports: (self.port, SERVICE) };
        let arrives = || -> io::Result<bool> {
            let packet = packet::first(&sent)?;
            for _ in 0..TRIES {
                self.link.send(self.other_card, &packet)?;
                let until = Instant::now() + NEAR;
                let is_it = |packet: &[u8]| packet::ends(packet) == Some(sent);
                let seen = self.other.receive(until, |seen| is_it(seen.packet).then_some(()))?;
                if seen.is_some() {
                    return Ok(true);
                }
            }
            Ok(false)
        };
        arrives().map(|arrived| self.ended(arrived)).map_err(Error::Packet)
    }

    /// Asks this host for a name.
    fn name(&self, from: IpAddr, own: IpAddr) -> Result<Ended, Error> {
        self.begin();
        let ask = || -> io::Result<bool> {
            let socket = UdpSocket::bind((from, self.port))?;
            socket.connect((own, NAMES))?;
            socket.set_read_timeout(Some(NEAR))?;
            let mut message = [0; 512];
            for _ in 0..TRIES {
                match socket
                    .send(&packet::question(self.port))
                    .and_then(|_| socket.recv(&mut message))
                {
                    Ok(length) => {
                        let answer = message.get(..length).unwrap_or_default();
                        if packet::answers(self.port, answer) {
                            return Ok(true);
                        }
                    }
                    // Nobody listens, or this host says no.
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                    Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {}
                    Err(error) if error.kind() == io::ErrorKind::HostUnreachable => {}
                    Err(error) => return Err(error),
                }
            }
            Ok(false)
        };
        ask().map(|arrived| self.ended(arrived)).map_err(Error::Packet)
    }

    /// Asks for the IPv6 router.
    fn router(&self) -> Result<Ended, Error> {
        self.begin();
        let ask = || -> io::Result<bool> {
            let packet = packet::solicitation()?;
            for _ in 0..TRIES {
                self.link.send(packet::ROUTERS_CARD, &packet)?;
                let until = Instant::now() + TIMEOUT;
                let found = |packet: &[u8]| packet::is_advertisement(packet).then_some(());
                if self.link.receive(until, |seen| found(seen.packet))?.is_some() {
                    return Ok(true);
                }
            }
            Ok(false)
        };
        ask().map(|arrived| self.ended(arrived)).map_err(Error::Packet)
    }

    fn ended(&self, arrived: bool) -> Ended {
        if arrived { (End::Arrived(None), None) } else { lost(self.trace.as_ref()) }
    }
}
