//! Asks for an address as a microVM would: from a port of the bridge, in a network namespace of its
//! own, which the kernel takes away with its interfaces when its one thread ends, even by a kill.

use std::net::UdpSocket;
use std::time::{Duration, Instant};
use std::{io, thread};

use mvm_core::Roots;
use mvm_network_kernel::{Error, Kernel};
use mvm_network_plan::dhcp::{Offer, discover, offer};
use nix::sys::socket::{setsockopt, sockopt};
use nix::unistd::{Pid, gettid};

use crate::ports::{plug, up, wire};
use crate::scratch::{FIRST, enter_namespace, port};

/// For how long the first answer is waited for. Servers ping an address before they offer it, and
/// wait 3 s for an answer (dnsmasq) or 1 s (ISC).
const TIMEOUT: Duration = Duration::from_secs(10);
/// For how long others are waited for after the first: another server may be the slower one.
const OTHERS: Duration = Duration::from_secs(4);
/// The question is asked again this often: the first is lost while the bridge takes its port in.
const AGAIN: Duration = Duration::from_secs(1);
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
    let port = port("");
    enter_namespace()?;
    let inside = Kernel::connect(roots)?;
    wire(&inside, FIRST, &port, home)?;
    plug(outside, &port, bridge)?;
    let mac = up(&inside, FIRST)?;
    question(mac).map_err(Error::Ask)
}

/// Asks by the interface [`FIRST`] for an address.
pub(crate) fn question(mac: [u8; 6]) -> io::Result<Vec<Offer>> {
    let socket = UdpSocket::bind(("0.0.0.0", 68))?;
    socket.set_broadcast(true)?;
    setsockopt(&socket, sockopt::BindToDevice, &FIRST.into())?;
    // The last bytes of a random hardware address are as good as any number.
    let id = mac.iter().fold(0_u32, |id, byte| (id << 8) ^ (id >> 24) ^ u32::from(*byte));
    let mut until = Instant::now() + TIMEOUT;
    let (mut last_request, mut found) = (None::<Instant>, Vec::new());
    let mut frame = [0; FRAME];
    while Instant::now() < until {
        if found.is_empty()
            && last_request.is_none_or(|last_request| last_request.elapsed() >= AGAIN)
        {
            socket.send_to(&discover(id, mac), ("255.255.255.255", 67))?;
            last_request = Some(Instant::now());
        }
        let remaining = until.saturating_duration_since(Instant::now()).min(AGAIN);
        socket.set_read_timeout(Some(remaining.max(Duration::from_millis(1))))?;
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
