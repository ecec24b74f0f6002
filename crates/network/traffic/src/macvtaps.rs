//! macvtaps of an interface, as flintlock makes them: two in a namespace of this thread's own, one of
//! which asks for an address and sends to the other. The kernel passes nothing between macvtaps and the
//! host that has them, so that this host itself cannot be asked, and what leaves goes to a network of
//! others, which is not bothered with more than one question for an address.

use std::io;
use std::net::{IpAddr, Ipv4Addr};
use std::time::Instant;

use mvm_core::Roots;
use mvm_firewalls::{End, Purpose};
use mvm_network_kernel::packet_socket::PacketSocket;
use mvm_network_kernel::{Answer, Error, Kernel, Network as _};
use mvm_network_plan::dhcp::Offer;
use mvm_network_plan::network::parent;
use nix::unistd::gettid;
use rtnetlink::packet_route::link::MacVtapMode;
use rtnetlink::{LinkMacVtap, LinkUnspec};

use crate::offers::question;
use crate::packet::{self, ATTEMPTS, Ends, NEAR, SERVICE};
use crate::ports::up;
use crate::scratch::{FIRST, SECOND, enter_namespace, port};
use crate::trace::Packets;

/// Addresses of a link alone (RFC 3927): no router passes them on, and nobody here has them.
const ENDS: [Ipv4Addr; 2] = [Ipv4Addr::new(169, 254, 109, 1), Ipv4Addr::new(169, 254, 109, 2)];

/// On a thread of its own, whose network namespace changes.
pub(crate) fn run(roots: &Roots, configured: Option<&str>) -> Result<(Vec<Offer>, Packets), Error> {
    let mut outside = Kernel::connect(roots)?;
    let parent = parent(configured, &outside.observe()?);
    let gone = || Error::Gone { step: "use the interface of the default route".to_owned() };
    let index = outside.number(&parent.ok_or_else(gone)?)?;
    enter_namespace()?;
    let inside = Kernel::connect(roots)?;
    for name in [FIRST, SECOND] {
        macvtap(&outside, index, name)?;
    }
    let cards = [up(&inside, FIRST)?, up(&inside, SECOND)?];
    let offers = question(cards[0]).map_err(Error::Ask)?;
    let links = [FIRST, SECOND].map(|name| {
        inside.number(name).and_then(|index| PacketSocket::on(index).map_err(Error::Packet))
    });
    let [from, to] = links;
    let arrived = between(&from?, &to?, cards[1]).map_err(Error::Packet)?;
    let end = if arrived {
        End::Arrived(None)
    } else {
        End::Lost("macvtaps in mode bridge do not reach each other".to_owned())
    };
    Ok((offers, vec![(Purpose::Between, false, (end, None))]))
}

/// Whether a packet comes from one to the other.
fn between(from: &PacketSocket, to: &PacketSocket, card: [u8; 6]) -> io::Result<bool> {
    let [sender, receiver] = ENDS.map(IpAddr::V4);
    let sent = Ends { from: sender, to: receiver, ports: (40_077, SERVICE) };
    let packet = packet::first(&sent)?;
    for _ in 0..ATTEMPTS {
        from.send(card, &packet)?;
        let is_it = |packet: &[u8]| packet::ends(packet) == Some(sent);
        let captured =
            to.receive(Instant::now() + NEAR, |captured| is_it(captured.packet).then_some(()))?;
        if captured.is_some() {
            return Ok(true);
        }
    }
    Ok(false)
}

/// A macvtap of the interface with this number, in the namespace of the calling thread, which is
/// another one than that of this socket.
fn macvtap(kernel: &Kernel, parent: u32, name: &str) -> Result<(), Error> {
    let step = format!("make a macvtap for {name}");
    let failed = |error| Error::Step { step: step.clone(), source: Answer::from(error) };
    // Its name out there is its own, whatever this host has.
    let temporary = port(if name == FIRST { "m" } else { "n" });
    let made = LinkMacVtap::new(&temporary, parent, MacVtapMode::Bridge).build();
    kernel.run(async { kernel.handle().link().add(made).execute().await.map_err(failed) })?;
    let index = kernel.number(&temporary)?;
    let moved = LinkUnspec::new_with_index(index)
        .name(name.to_owned())
        .setns_by_pid(gettid().as_raw().unsigned_abs())
        .build();
    let moved = kernel.run(async { kernel.handle().link().set(moved).execute().await });
    moved.map_err(|error| {
        let gone = kernel.run(kernel.handle().link().del(index).execute());
        gone.unwrap_or_else(|error| log::debug!("{temporary} stays: {}", Answer::from(error)));
        Error::Step { step: format!("use {name}"), source: Answer::from(error) }
    })
}
