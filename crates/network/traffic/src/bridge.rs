//! Test packets on the bridge: from a port of it, in a network namespace of this thread's own.

use std::io;
use std::net::{IpAddr, UdpSocket};
use std::time::Instant;

use ipnet::IpNet;
use mvm_config::Config;
use mvm_core::{Roots, chain};
use mvm_firewalls::{End, Purpose};
use mvm_network_kernel::Error;
use mvm_network_plan::dhcp::Offer;
use nix::unistd::Pid;

use crate::bench::Bench;
use crate::offers::question;
use crate::packet::{self, ATTEMPTS, DNS, Ends, NEAR, SERVICE, TIMEOUT, far};
use crate::trace::{PacketEnd, Packets, begin, lost, packet_end};

/// On a thread of its own, whose network namespace changes.
pub(crate) fn run(
    roots: &Roots,
    home: Pid,
    config: &Config,
) -> Result<(Vec<Offer>, Packets), Error> {
    let mut bench = Bench::set_up(roots, home, config.network.bridge.name.as_str())?;
    let offers = question(bench.card).map_err(Error::Ask)?;
    let mut packets = Vec::new();
    for v6 in [false, true] {
        let mut own = config.network.dhcp_addresses().iter();
        let here = |net: &&IpNet| net.addr().is_ipv6() == v6 && bench.addresses.contains(net);
        let Some(own) = own.find(here) else { continue };
        let mut report = |way: Purpose, end: Result<PacketEnd, Error>| {
            let end = end.unwrap_or_else(|error| (End::Untried(chain(&error)), None));
            packets.push((way, v6, end));
        };
        family(&mut bench, config, own, &offers, &mut report);
    }
    bench.forget();
    Ok((offers, packets))
}

fn family(
    bench: &mut Bench,
    config: &Config,
    own: &IpNet,
    offers: &[Offer],
    report: &mut dyn FnMut(Purpose, Result<PacketEnd, Error>),
) {
    let (network, v6) = (&config.network, own.addr().is_ipv6());
    let translated = network.nat.enabled
        && network.nat.sources.iter().any(|source| source.addr().is_ipv6() == v6);
    if bench.shared {
        let why = "machines of others are on the bridge, and are not bothered".to_owned();
        if translated {
            report(Purpose::Out, Ok((End::Untried(why), None)));
        }
        return;
    }
    if network.dhcp.enabled && !v6 {
        let none = || lost(bench.trace.as_ref());
        report(
            Purpose::Address,
            Ok(if offers.is_empty() { none() } else { (End::Arrived(None), None) }),
        );
    }
    if network.dhcp.enabled && v6 {
        report(Purpose::Router, bench.router());
    }
    let from = match bench.address(own, offers) {
        Ok(from) => from,
        Err(error) => return report(Purpose::Out, Err(error)),
    };
    report(Purpose::Between, bench.between(from, own));
    if network.dhcp.enabled && network.dhcp.dns_server {
        report(Purpose::Name, bench.name(from, own.addr()));
    }
    if !translated {
        return;
    }
    match bench.out(from) {
        Ok(Ok((index, captured))) => {
            let bare = captured.from == from;
            let end = |name| if bare { End::Untranslated(name) } else { End::Arrived(Some(name)) };
            report(Purpose::Out, bench.name_of(index).map(|name| (end(name), None)));
            if !bare {
                report(Purpose::Back, bench.back(index, &captured, from));
            }
        }
        Ok(Err(end)) => report(Purpose::Out, Ok(end)),
        Err(error) => report(Purpose::Out, Err(error)),
    }
}

impl Bench {
    /// The interface by which a packet to another network left, with its ends there; or its end.
    fn out(&self, from: IpAddr) -> Result<Result<(u32, Ends), PacketEnd>, Error> {
        begin(self.trace.as_ref());
        let to = far(from.is_ipv6());
        let sent = Ends { from, to, ports: (self.port, SERVICE) };
        let captured = packet::first(&sent)
            .and_then(|packet| self.link.send(self.bridge, &packet))
            .and_then(|()| {
                self.scratch.leaving.receive(Instant::now() + TIMEOUT, |captured| {
                    let ends = packet::ends(captured.packet).filter(|_| captured.leaves)?;
                    (ends.to == to && ends.ports.1 == SERVICE).then_some((captured.index, ends))
                })
            })
            .map_err(Error::Packet)?;
        Ok(captured.ok_or_else(|| lost(self.trace.as_ref())))
    }

    /// The answer to a packet that left by the interface with this number.
    fn back(&mut self, index: u32, captured: &Ends, to: IpAddr) -> Result<PacketEnd, Error> {
        let injector = self.scratch.injector(index)?;
        begin(self.trace.as_ref());
        let far = far(to.is_ipv6());
        let arrived = packet::answer(captured)
            .and_then(|packet| injector.give(&packet))
            .and_then(|()| {
                self.link.receive(Instant::now() + NEAR, |captured| {
                    packet::ends(captured.packet).filter(|ends| (ends.from, ends.to) == (far, to))
                })
            })
            .map_err(Error::Packet)?;
        Ok(packet_end(self.trace.as_ref(), arrived.is_some()))
    }

    /// From one port of the bridge to another.
    fn between(&self, from: IpAddr, own: &IpNet) -> Result<PacketEnd, Error> {
        begin(self.trace.as_ref());
        let Some(to) = own.hosts().find(|ip| *ip != from && *ip != own.addr()) else {
            return Ok((End::Untried("the subnet has no other address".to_owned()), None));
        };
        let sent = Ends { from, to, ports: (self.port, SERVICE) };
        let arrives = || -> io::Result<bool> {
            let packet = packet::first(&sent)?;
            for _ in 0..ATTEMPTS {
                self.link.send(self.other_card, &packet)?;
                let until = Instant::now() + NEAR;
                let is_it = |packet: &[u8]| packet::ends(packet) == Some(sent);
                let captured =
                    self.other.receive(until, |captured| is_it(captured.packet).then_some(()))?;
                if captured.is_some() {
                    return Ok(true);
                }
            }
            Ok(false)
        };
        arrives().map(|arrived| packet_end(self.trace.as_ref(), arrived)).map_err(Error::Packet)
    }

    /// Asks this host for a name.
    fn name(&self, from: IpAddr, own: IpAddr) -> Result<PacketEnd, Error> {
        begin(self.trace.as_ref());
        let ask = || -> io::Result<bool> {
            let socket = UdpSocket::bind((from, self.port))?;
            socket.connect((own, DNS))?;
            socket.set_read_timeout(Some(NEAR))?;
            let mut message = [0; 512];
            for _ in 0..ATTEMPTS {
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
        ask().map(|arrived| packet_end(self.trace.as_ref(), arrived)).map_err(Error::Packet)
    }

    /// Asks for the IPv6 router.
    fn router(&self) -> Result<PacketEnd, Error> {
        begin(self.trace.as_ref());
        let ask = || -> io::Result<bool> {
            let packet = packet::solicitation()?;
            for _ in 0..ATTEMPTS {
                self.link.send(packet::ROUTERS_CARD, &packet)?;
                let until = Instant::now() + TIMEOUT;
                let found = |packet: &[u8]| packet::is_advertisement(packet).then_some(());
                if self.link.receive(until, |captured| found(captured.packet))?.is_some() {
                    return Ok(true);
                }
            }
            Ok(false)
        };
        ask().map(|arrived| packet_end(self.trace.as_ref(), arrived)).map_err(Error::Packet)
    }
}
