//! Asks on an interface who has an address, without taking it and without telling anybody one's own.

use std::io;
use std::net::IpAddr;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::time::{Duration, Instant};

use mvm_config::Config;
use mvm_network_plan::network::{Mac, Observed};
use mvm_network_plan::reserved::{AddressOwners, answer, group, interface, own, question};
use nix::errno::Errno;
use nix::libc;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::socket::{
    AddressFamily, LinkAddr, MsgFlags, SockFlag, SockType, SockaddrLike, bind, recv, sendto, socket,
};

use crate::error::Error;

/// The question is asked so often, at this distance (RFC 5227 asks three times).
const TIMES: u32 = 3;
const AGAIN: Duration = Duration::from_millis(300);
/// For how long an answer to the last question is waited for.
const TIMEOUT: Duration = Duration::from_secs(1);
/// An Ethernet frame holds no more, in bytes.
const FRAME: usize = 1500;
/// Whoever answers under more hardware addresses than these is not counted any further.
const MOST: usize = 8;

/// Who has an address of microVMs' network, by asking there for about two seconds.
///
/// # Errors
/// There is no interface to ask on, or the question could not be sent.
pub fn address_owners(
    config: &Config,
    observed: &Observed,
    address: IpAddr,
) -> Result<AddressOwners, Error> {
    let name = interface(config, observed, address);
    let link = observed.links.iter().find(|link| Some(&link.name) == name.as_ref());
    let mac = link.and_then(|link| link.mac);
    let Some((link, mac)) = link.zip(mac) else {
        return Err(Error::Gone { step: format!("ask who has {address}") });
    };
    let mut others = ask(&link.name, address, mac).map_err(Error::Ask)?;
    // This host's own interfaces answer for one another on a bridge that leads back to it.
    others.retain(|other| !observed.links.iter().any(|link| link.mac == Some(*other)));
    Ok(AddressOwners { address, own: own(observed, address), others })
}

fn ask(interface: &str, address: IpAddr, mac: Mac) -> io::Result<Vec<Mac>> {
    let index = nix::net::if_::if_nametoindex(interface)?;
    let index = i32::try_from(index).map_err(io::Error::other)?;
    let flags = SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK;
    let socket = socket(AddressFamily::Packet, SockType::Datagram, flags, None)?;
    let protocol = if address.is_ipv4() { libc::ETH_P_ARP } else { libc::ETH_P_IPV6 };
    let target = link(index, protocol, group(address)).ok_or(io::ErrorKind::InvalidInput)?;
    bind(socket.as_raw_fd(), &target)?;
    let packet = question(address, mac);
    let mut found: Vec<Mac> = Vec::new();
    for time in 1..=TIMES {
        match sendto(socket.as_raw_fd(), &packet, &target, MsgFlags::empty()) {
            // A bridge whose ports are all silent has nobody to ask.
            Ok(_) | Err(Errno::ENETDOWN | Errno::ENOBUFS) => {}
            Err(errno) => return Err(errno.into()),
        }
        let until = Instant::now() + if time == TIMES { TIMEOUT } else { AGAIN };
        while Instant::now() < until && found.len() < MOST {
            let answers = received_answers(
                &socket,
                until.saturating_duration_since(Instant::now()),
                address,
            )?;
            found.extend(answers);
            found.sort_unstable();
            found.dedup();
        }
    }
    found.truncate(MOST);
    Ok(found)
}

/// The answers that arrive within this time.
fn received_answers(socket: &OwnedFd, limit: Duration, address: IpAddr) -> io::Result<Vec<Mac>> {
    let mut fds = [PollFd::new(socket.as_fd(), PollFlags::POLLIN)];
    let timeout = PollTimeout::try_from(limit).unwrap_or(PollTimeout::ZERO);
    match poll(&mut fds, timeout) {
        Ok(_) | Err(Errno::EINTR) => {}
        Err(errno) => return Err(errno.into()),
    }
    let (mut found, mut frame) = (Vec::new(), [0; FRAME]);
    // A busy LAN is left after so many packets, so that the time is looked at.
    for _ in 0..256 {
        match recv(socket.as_raw_fd(), &mut frame, MsgFlags::MSG_DONTWAIT) {
            Ok(length) => {
                found.extend(frame.get(..length).and_then(|packet| answer(address, packet)));
            }
            Err(Errno::EINTR) => {}
            Err(Errno::EAGAIN | Errno::ENETDOWN) => break,
            Err(errno) => return Err(errno.into()),
        }
    }
    Ok(found)
}

/// A hardware address on an interface, and what is asked in.
#[expect(unsafe_code, reason = "nix makes no address of a link but from what the kernel gives")]
fn link(index: i32, protocol: libc::c_int, to: [u8; 6]) -> Option<LinkAddr> {
    let [a, b, c, d, e, f] = to;
    let raw = libc::sockaddr_ll {
        sll_family: u16::try_from(libc::AF_PACKET).ok()?,
        sll_protocol: u16::try_from(protocol).ok()?.to_be(),
        sll_ifindex: index,
        sll_hatype: 0,
        sll_pkttype: 0,
        sll_halen: 6,
        sll_addr: [a, b, c, d, e, f, 0, 0],
    };
    let length = libc::socklen_t::try_from(size_of::<libc::sockaddr_ll>()).ok()?;
    // SAFETY: the pointer is to a whole sockaddr_ll of this length that outlives the call.
    unsafe { LinkAddr::from_raw((&raw const raw).cast(), Some(length)) }
}
