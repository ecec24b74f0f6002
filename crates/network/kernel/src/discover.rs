//! Asks for an address as a microVM would: from a port of the bridge, in a network namespace of its
//! own, which the kernel takes away with its interfaces when its one thread ends, even by a kill.

use std::net::UdpSocket;
use std::time::{Duration, Instant};
use std::{fs, io, thread};

use futures_util::TryStreamExt;
use mvm_core::Roots;
use mvm_network_plan::dhcp::{Offer, discover, offer};
use mvm_network_plan::network::PROBE_PORT;
use nix::sched::{CloneFlags, unshare};
use nix::sys::socket::{setsockopt, sockopt};
use nix::unistd::{Pid, gettid};
use rtnetlink::packet_route::link::LinkAttribute;
use rtnetlink::{LinkUnspec, LinkVeth};

use crate::error::{Answer, Error};
use crate::kernel::Kernel;

/// For how long the first answer is waited for. Servers ping an address before they offer it, and
/// wait 3 s for an answer (dnsmasq) or 1 s (ISC).
const TIMEOUT: Duration = Duration::from_secs(10);
/// For how long others are waited for after the first: another server may be the slower one.
const OTHERS: Duration = Duration::from_secs(4);
/// The question is asked again this often: the first is lost while the bridge takes its port in.
const AGAIN: Duration = Duration::from_secs(1);
/// The interface inside.
pub(crate) const INSIDE: &str = "eth0";
/// An Ethernet frame holds no more, in bytes.
const FRAME: usize = 1500;

/// Everybody who offers an address on the bridge. Nothing is requested: no lease is made.
///
/// # Errors
/// The namespace or its interface could not be made, or the question could not be asked.
pub fn offers(roots: &Roots, bridge: &str) -> Result<Vec<Offer>, Error> {
    let outside = Kernel::connect(roots)?;
    let home = gettid();
    thread::scope(|scope| {
        let inside =
            thread::Builder::new().spawn_scoped(scope, || ask(roots, &outside, home, bridge));
        let inside = inside.map_err(Error::Runtime)?;
        // A thread that panicked has said so.
        inside.join().unwrap_or_else(|_| Ok(Vec::new()))
    })
}

/// On a thread of its own, whose network namespace changes.
fn ask(roots: &Roots, outside: &Kernel, home: Pid, bridge: &str) -> Result<Vec<Offer>, Error> {
    // The kernel takes its time with what an earlier thread left.
    let port = format!("{PROBE_PORT}{}", gettid());
    leave()?;
    let inside = Kernel::connect(roots)?;
    inside.wire(INSIDE, &port, home)?;
    outside.plug(&port, bridge)?;
    let mac = inside.up(INSIDE)?;
    question(mac).map_err(Error::Ask)
}

/// Puts this thread into a network namespace of its own.
pub(crate) fn leave() -> Result<(), Error> {
    unshare(CloneFlags::CLONE_NEWNET).map_err(|errno| Error::Namespace(errno.into()))?;
    // Loosely checked too, a sender is one that has to be reached back, which nobody is from here.
    for interface in ["all", "default"] {
        let path = format!("/proc/sys/net/ipv4/conf/{interface}/rp_filter");
        fs::write(&path, "0").map_err(|source| Error::Set { path: path.into(), source })?;
    }
    Ok(())
}

/// Asks by the interface [`INSIDE`] for an address.
pub(crate) fn question(mac: [u8; 6]) -> io::Result<Vec<Offer>> {
    let socket = UdpSocket::bind(("0.0.0.0", 68))?;
    socket.set_broadcast(true)?;
    setsockopt(&socket, sockopt::BindToDevice, &INSIDE.into())?;
    // The last bytes of a random hardware address are as good as any number.
    let id = mac.iter().fold(0_u32, |id, byte| (id << 8) ^ (id >> 24) ^ u32::from(*byte));
    let mut until = Instant::now() + TIMEOUT;
    let (mut asked, mut found) = (None::<Instant>, Vec::new());
    let mut frame = [0; FRAME];
    while Instant::now() < until {
        if found.is_empty() && asked.is_none_or(|asked| asked.elapsed() >= AGAIN) {
            socket.send_to(&discover(id, mac), ("255.255.255.255", 67))?;
            asked = Some(Instant::now());
        }
        let left = until.saturating_duration_since(Instant::now()).min(AGAIN);
        socket.set_read_timeout(Some(left.max(Duration::from_millis(1))))?;
        match socket.recv(&mut frame) {
            Ok(length) => {
                let offer = frame.get(..length).and_then(|packet| offer(id, packet));
                if let Some(offer) = offer.filter(|offer| !found.contains(offer)) {
                    if found.is_empty() {
                        until = Instant::now() + OTHERS;
                    }
                    found.push(offer);
                }
            }
            Err(error)
                if matches!(
                    error.kind(),
                    io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted
                ) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(found)
}

impl Kernel {
    /// A pair of interfaces in this namespace, of which `port` moves to that of thread `home`.
    pub(crate) fn wire(&self, inside: &str, port: &str, home: Pid) -> Result<(), Error> {
        let step = format!("make the interface {port}");
        let failed = |error| Error::Step { step: step.clone(), source: Answer::from(error) };
        self.run(async {
            let link = self.handle().link();
            link.add(LinkVeth::new(inside, port).build()).execute().await.map_err(failed)
        })?;
        let index = self.number(port)?;
        self.run(async {
            let moved =
                LinkUnspec::new_with_index(index).setns_by_pid(home.as_raw().unsigned_abs());
            self.handle().link().set(moved.build()).execute().await.map_err(failed)
        })
    }

    /// Makes `port` a port of the bridge, and switches it on.
    pub(crate) fn plug(&self, port: &str, bridge: &str) -> Result<(), Error> {
        let step = format!("make {port} a port of {bridge}");
        let (port, bridge) = (self.number(port)?, self.number(bridge)?);
        let link = LinkUnspec::new_with_index(port).controller(bridge).up().build();
        self.run(async {
            let set = self.handle().link().set(link).execute().await;
            set.map_err(|error| Error::Step { step, source: Answer::from(error) })
        })
    }

    /// Switches the interface on, and tells its hardware address.
    pub(crate) fn up(&self, name: &str) -> Result<[u8; 6], Error> {
        let index = self.number(name)?;
        self.run(async {
            let link = LinkUnspec::new_with_index(index).up().build();
            let set = self.handle().link().set(link).execute().await;
            let step = || format!("switch {name} on");
            set.map_err(|error| Error::Step { step: step(), source: Answer::from(error) })?;
            let mut found = self.handle().link().get().match_index(index).execute();
            let found = found.try_next().await.ok().flatten();
            let attributes = found.map(|link| link.attributes).unwrap_or_default();
            let mac = attributes.iter().find_map(|attribute| match attribute {
                LinkAttribute::Address(octets) => octets.as_slice().try_into().ok(),
                _ => None,
            });
            mac.ok_or_else(|| Error::Gone { step: step() })
        })
    }

    pub(crate) fn number(&self, name: &str) -> Result<u32, Error> {
        self.run(async {
            let mut found = self.handle().link().get().match_name(name.to_owned()).execute();
            match found.try_next().await {
                Ok(Some(link)) => Ok(link.header.index),
                _ => Err(Error::Gone { step: format!("use {name}") }),
            }
        })
    }
}
