//! Test packets on an interface that this host serves and that is no bridge, such as a VLAN. The machines
//! behind it are not asked: packets are injected as if they came in there, and answers are captured where
//! they leave. Their sender has an address and a MAC address that no machine has.

use std::io;
use std::net::{IpAddr, Ipv4Addr};
use std::time::{Duration, Instant};

use ipnet::IpNet;
use mvm_config::Config;
use mvm_core::{Roots, chain};
use mvm_firewalls::{End, Purpose};
use mvm_network_kernel::packet_socket::PacketSocket;
use mvm_network_kernel::trace::Trace;
use mvm_network_kernel::{Answer, Error, Kernel, Network as _};
use mvm_network_plan::dhcp::{Offer, Service, discover, offer};
use nix::unistd::Pid;
use rtnetlink::packet_route::neighbour::NeighbourState;

use crate::packet::{self, ATTEMPTS, DNS, Ends, NEAR, SERVICE, TIMEOUT, far};
use crate::ports;
use crate::scratch::Scratch;
use crate::trace::{PacketEnd, Packets, begin, lost, packet_end, traced};

/// A locally administered address that nobody has: what is sent to it is thrown away by every card.
const NOBODY: [u8; 6] = [0x02, 0x6d, 0x76, 0x6d, 0x00, 0x77];
/// The ports of DHCP.
const SERVER: u16 = 67;
const CLIENT: u16 = 68;
/// A server pings an address before it offers it, and waits 3 s for an answer.
const OFFERED: Duration = Duration::from_secs(5);
/// Addresses that are tried, from the end of the subnet, before none is taken.
const CANDIDATES: usize = 4;

/// The interface, and what captures packets on it.
struct ServedInterface {
    scratch: Scratch,
    index: u32,
    /// A socket on the interface, which sees answers when they leave by it.
    own: PacketSocket,
    trace: Option<Trace>,
    port: u16,
}

/// On a thread of its own, whose network namespace changes.
pub(crate) fn run(
    roots: &Roots,
    home: Pid,
    config: &Config,
    name: &str,
) -> Result<(Vec<Offer>, Packets), Error> {
    let mut outside = Kernel::connect(roots)?;
    let index = outside.number(name)?;
    let observed = outside.observe()?;
    let found = observed.links.iter().find(|link| link.name == name);
    let addresses = found.map(|link| link.addresses.clone()).unwrap_or_default();
    let own = PacketSocket::on(index).map_err(Error::Packet)?;
    let (scratch, listener) = Scratch::enter(roots, home)?;
    let (port, trace) = traced(listener, NOBODY);
    let mut interface = ServedInterface { scratch, index, own, trace, port };
    let network = &config.network;
    // Others are not offered an address where mvmhost does not serve them.
    let answers = mvm_network_kernel::answers(roots);
    let served = Service::of(config)
        .is_some_and(|service| service.permit(&observed, answers.as_ref()).is_granted());
    let (mut offers, mut packets) = (Vec::new(), Vec::new());
    for v6 in [false, true] {
        let mut own = network.dhcp_addresses().iter();
        let here = |net: &&IpNet| net.addr().is_ipv6() == v6 && addresses.contains(net);
        let Some(net) = own.find(here) else { continue };
        let translated =
            network.nat.enabled && network.nat.sources.iter().any(|one| one.addr().is_ipv6() == v6);
        let asks = Asks { served, names: network.dhcp.dns_server, translated };
        match interface.family(net, asks, &mut offers) {
            Ok(ends) => packets.extend(ends.into_iter().map(|(way, end)| (way, v6, end))),
            Err(error) => packets.push((Purpose::Out, v6, (End::Untried(chain(&error)), None))),
        }
    }
    Ok((offers, packets))
}

/// Which ways of a family are tried: DHCP, DNS, and other networks with translation.
#[derive(Clone, Copy)]
struct Asks {
    served: bool,
    names: bool,
    translated: bool,
}

impl ServedInterface {
    fn family(
        &mut self,
        net: &IpNet,
        asks: Asks,
        offers: &mut Vec<Offer>,
    ) -> Result<Vec<(Purpose, PacketEnd)>, Error> {
        let from = self.nobody(net)?;
        let ends = self.send_all(net, from, asks, offers);
        ports::forget(&self.scratch.outside, &[from]);
        ends
    }

    fn send_all(
        &mut self,
        net: &IpNet,
        from: IpAddr,
        asks: Asks,
        offers: &mut Vec<Offer>,
    ) -> Result<Vec<(Purpose, PacketEnd)>, Error> {
        let mut ends = Vec::new();
        if asks.served && from.is_ipv4() {
            ends.push((Purpose::Address, self.address(offers)?));
        }
        if asks.served && asks.names {
            let ends_of = Ends { from, to: net.addr(), ports: (self.port, DNS) };
            let request = packet::message(&ends_of, &packet::question(self.port));
            let request = request.map_err(Error::Packet)?;
            let port = self.port;
            let answer = |packet: &[u8]| {
                let payload = packet::udp_payload(packet, DNS)?;
                packet::answers(port, payload).then_some(())
            };
            let answered = self.answer_to(&request, NEAR, answer)?;
            ends.push((Purpose::Name, packet_end(self.trace.as_ref(), answered.is_some())));
        }
        if asks.translated {
            ends.extend(self.out_and_back(from)?);
        }
        Ok(ends)
    }

    /// Asks this host's server for an address.
    fn address(&mut self, offers: &mut Vec<Offer>) -> Result<PacketEnd, Error> {
        let [nobody, everybody] = [Ipv4Addr::UNSPECIFIED, Ipv4Addr::BROADCAST].map(IpAddr::V4);
        let ends = Ends { from: nobody, to: everybody, ports: (CLIENT, SERVER) };
        let id = u32::from(self.port) << 8 | 0x77;
        let request = packet::message(&ends, &discover(id, NOBODY)).map_err(Error::Packet)?;
        let answer = |packet: &[u8]| offer(id, packet::udp_payload(packet, SERVER)?);
        match self.answer_to(&request, OFFERED, answer)? {
            Some(found) => {
                offers.push(found);
                Ok((End::Arrived(None), None))
            }
            None => Ok(lost(self.trace.as_ref())),
        }
    }

    /// Gives the packet to the interface, and waits for what answers it.
    fn answer_to<T>(
        &mut self,
        packet: &[u8],
        limit: Duration,
        answer: impl Fn(&[u8]) -> Option<T>,
    ) -> Result<Option<T>, Error> {
        let own = self.scratch.injector(self.index)?;
        begin(self.trace.as_ref());
        for _ in 0..ATTEMPTS {
            let captured = own.give(packet).and_then(|()| {
                let until = Instant::now() + limit;
                self.own
                    .receive(until, |captured| answer(captured.packet).filter(|_| captured.leaves))
            });
            if let Some(found) = captured.map_err(Error::Packet)? {
                return Ok(Some(found));
            }
        }
        Ok(None)
    }

    fn out_and_back(&mut self, from: IpAddr) -> Result<Vec<(Purpose, PacketEnd)>, Error> {
        let to = far(from.is_ipv6());
        let sent = Ends { from, to, ports: (self.port, SERVICE) };
        let own = self.scratch.injector(self.index)?;
        begin(self.trace.as_ref());
        let captured = packet::first(&sent).and_then(|packet| own.give(&packet)).and_then(|()| {
            self.scratch.leaving.receive(Instant::now() + TIMEOUT, |captured| {
                let ends = packet::ends(captured.packet).filter(|_| captured.leaves)?;
                (ends.to == to && ends.ports.1 == SERVICE).then_some((captured.index, ends))
            })
        });
        let Some((index, captured)) = captured.map_err(Error::Packet)? else {
            return Ok(vec![(Purpose::Out, lost(self.trace.as_ref()))]);
        };
        let by = self.scratch.outside.name_of(index).unwrap_or_default();
        if captured.from == from {
            return Ok(vec![(Purpose::Out, (End::Untranslated(by), None))]);
        }
        let beyond = self.scratch.injector(index)?;
        begin(self.trace.as_ref());
        let back = packet::answer(&captured).and_then(|packet| beyond.give(&packet));
        let arrived = back.and_then(|()| self.leaves_to(from)).map_err(Error::Packet)?;
        let back = packet_end(self.trace.as_ref(), arrived);
        Ok(vec![(Purpose::Out, (End::Arrived(Some(by)), None)), (Purpose::Back, back)])
    }

    /// Whether the answer leaves by the interface.
    fn leaves_to(&self, from: IpAddr) -> io::Result<bool> {
        let far = far(from.is_ipv6());
        let found = self.own.receive(Instant::now() + NEAR, |captured| {
            let ends = packet::ends(captured.packet).filter(|_| captured.leaves)?;
            ((ends.from, ends.to) == (far, from)).then_some(())
        })?;
        Ok(found.is_some())
    }

    /// An address of the subnet of which the kernel knows nobody, and which counts as nobody's until it
    /// forgets that: no question for its owner goes to the wire.
    fn nobody(&self, net: &IpNet) -> Result<IpAddr, Error> {
        let mut refused = None;
        for candidate in candidates(net) {
            let host = &self.scratch.outside;
            let added = host.run(async {
                let neighbours = host.handle().neighbours();
                let add = neighbours.add(self.index, candidate).state(NeighbourState::Stale);
                add.link_layer_address(&NOBODY).execute().await
            });
            match added {
                Ok(()) => return Ok(candidate),
                Err(error) => refused = Some(Answer::from(error)),
            }
        }
        let step = format!("use an address of {net} that nobody has");
        Err(match refused {
            Some(source) => Error::Step { step, source },
            None => Error::Gone { step },
        })
    }
}

/// Addresses at the end of the subnet, without that of this host.
fn candidates(net: &IpNet) -> Vec<IpAddr> {
    let own = net.addr();
    match net {
        IpNet::V4(net) => {
            let (first, last) = (net.network().to_bits(), net.broadcast().to_bits());
            let all = (first.saturating_add(1)..last).rev().map(std::net::Ipv4Addr::from_bits);
            all.map(IpAddr::V4).filter(|ip| *ip != own).take(CANDIDATES).collect()
        }
        IpNet::V6(net) => {
            let last = net.broadcast().to_bits();
            let all =
                (1..).map(|back| last.saturating_sub(back)).map(std::net::Ipv6Addr::from_bits);
            all.map(IpAddr::V6).filter(|ip| *ip != own).take(CANDIDATES).collect()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_of_nobody_is_from_the_end() {
        let first = |net: &str| candidates(&net.parse().unwrap()).first().map(ToString::to_string);
        assert_eq!(first("10.0.7.1/24").as_deref(), Some("10.0.7.254"));
        assert_eq!(first("10.0.7.254/24").as_deref(), Some("10.0.7.253"));
        assert_eq!(first("fd00::1/64").as_deref(), Some("fd00::ffff:ffff:ffff:fffe"));
        assert_eq!(first("10.0.7.1/32"), None);
    }
}
