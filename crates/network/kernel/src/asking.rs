//! Asks an interface whether another DHCP server answers there. The question goes to the wire as it is,
//! past every firewall of this host, and a server of this host does not hear it. Nothing is requested, so
//! that no lease is made.

use std::io;
use std::net::{IpAddr, Ipv4Addr};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::time::{Duration, Instant};

use mvm_config::Config;
use mvm_core::Roots;
use mvm_core::state::{self, File};
use mvm_network_plan::dhcp::{Answers, Offer, Service, discover, offer};
use mvm_network_plan::network::Observed;
use nix::errno::Errno;
use nix::libc;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::socket::{AddressFamily, MsgFlags, SockFlag, SockType, bind, recv, sendto, socket};

use crate::error::Error;
use crate::packet_socket::{EVERYBODY, address};

/// For how long an answer is waited for: servers ping an address before they offer it, and wait 3 s for
/// an answer (dnsmasq) or 1 s (ISC).
const TIMEOUT: Duration = Duration::from_secs(6);
/// For how long others are waited for after the first.
const OTHERS: Duration = Duration::from_secs(1);
/// The question is asked again this often: a switch may lose the first.
const AGAIN: Duration = Duration::from_secs(1);
/// An Ethernet frame holds no more, in bytes.
const FRAME: usize = 1500;
/// The lengths of an IPv4 header without options and of a UDP header, in bytes.
const IP: usize = 20;
const UDP: usize = 8;

/// What was answered when it was asked last; `None` when nobody was asked or the record cannot be read.
pub fn answers(roots: &Roots) -> Option<Answers> {
    RECORD.get(roots)
}

/// What was answered, in this boot.
const RECORD: File<Answers> = File::of(&state::DHCP_ANSWERS);

fn beside(interface: &str) -> File<Answers> {
    File::for_each(&state::DHCP_ANSWERS_BESIDE, interface)
}

/// What was answered on the interfaces that are served beside the first.
pub fn answers_beside(roots: &Roots, config: &Config) -> Vec<Answers> {
    let answers = |service: Service<'_>| beside(service.interface).get(roots);
    Service::also(config).filter_map(answers).collect()
}

/// As [`ask`], on an interface that is served beside the first.
///
/// # Errors
/// As [`ask`].
pub fn ask_beside(
    roots: &Roots,
    observed: &Observed,
    interface: &str,
    own: &[IpAddr],
) -> Result<Answers, Error> {
    ask_and_keep(roots, observed, interface, own, &beside(interface))
}

/// Asks on `interface` whether anybody but `own` gives out addresses, and keeps the answers. It takes
/// 6 s when nobody does.
///
/// # Errors
/// The question could not be sent, or the answers could not be kept.
pub fn ask(
    roots: &Roots,
    observed: &Observed,
    interface: &str,
    own: &[IpAddr],
) -> Result<Answers, Error> {
    ask_and_keep(roots, observed, interface, own, &RECORD)
}

fn ask_and_keep(
    roots: &Roots,
    observed: &Observed,
    interface: &str,
    own: &[IpAddr],
    record: &File<Answers>,
) -> Result<Answers, Error> {
    let link = observed.links.iter().find(|link| link.name == interface);
    let mac = link.and_then(|link| link.mac).map(|mac| mac.0);
    let offers = match mac {
        Some(mac) => question(interface, mac, own).map_err(Error::Ask)?,
        None => return Err(Error::Gone { step: format!("ask for an address on {interface}") }),
    };
    let mut servers: Vec<Ipv4Addr> = offers.iter().map(|offer| offer.server).collect();
    servers.sort_unstable();
    servers.dedup();
    let ports = observed.others_ports(interface).map(str::to_owned).collect();
    let answers = Answers { interface: interface.to_owned(), ports, servers };
    record.write(roots, &answers).map_err(|source| Error::Keep { source })?;
    Ok(answers)
}

fn question(interface: &str, mac: [u8; 6], own: &[IpAddr]) -> io::Result<Vec<Offer>> {
    let index = nix::net::if_::if_nametoindex(interface)?;
    let index = i32::try_from(index).map_err(io::Error::other)?;
    let flags = SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK;
    let socket = socket(AddressFamily::Packet, SockType::Datagram, flags, None)?;
    let everybody = address(index, libc::ETH_P_IP, EVERYBODY).ok_or(io::ErrorKind::InvalidInput)?;
    bind(socket.as_raw_fd(), &everybody)?;
    let clock = nix::time::clock_gettime(nix::time::ClockId::CLOCK_BOOTTIME)?;
    let seed = u32::try_from(clock.tv_nsec()).unwrap_or_default();
    let id = mac.iter().fold(seed, |id, byte| id.rotate_left(8) ^ u32::from(*byte));
    let packet = datagram(&discover(id, mac));
    let mut until = Instant::now() + TIMEOUT;
    let (mut last_request, mut found) = (None::<Instant>, Vec::new());
    while Instant::now() < until {
        if last_request.is_none_or(|last_request| last_request.elapsed() >= AGAIN) {
            match sendto(socket.as_raw_fd(), &packet, &everybody, MsgFlags::empty()) {
                // A bridge whose ports are all silent has nobody to ask.
                Ok(_) | Err(Errno::ENETDOWN | Errno::ENOBUFS) => {}
                Err(errno) => return Err(errno.into()),
            }
            last_request = Some(Instant::now());
        }
        let remaining = until.saturating_duration_since(Instant::now()).min(AGAIN);
        for one in received_offers(&socket, remaining, id)? {
            let is_own = own.contains(&IpAddr::V4(one.server));
            if is_own || found.contains(&one) {
                continue;
            }
            if found.is_empty() {
                until = until.min(Instant::now() + OTHERS);
            }
            found.push(one);
        }
    }
    Ok(found)
}

/// The offers that arrive within this time.
fn received_offers(socket: &OwnedFd, limit: Duration, id: u32) -> io::Result<Vec<Offer>> {
    let mut fds = [PollFd::new(socket.as_fd(), PollFlags::POLLIN)];
    let timeout = PollTimeout::try_from(limit).unwrap_or(PollTimeout::ZERO);
    match poll(&mut fds, timeout) {
        Ok(_) | Err(Errno::EINTR) => {}
        Err(errno) => return Err(errno.into()),
    }
    let (mut found, mut frame) = (Vec::new(), [0; FRAME]);
    loop {
        match recv(socket.as_raw_fd(), &mut frame, MsgFlags::MSG_DONTWAIT) {
            Ok(length) => {
                let payload = frame.get(..length).and_then(payload);
                found.extend(payload.and_then(|payload| offer(id, payload)));
            }
            Err(Errno::EINTR) => {}
            Err(Errno::EAGAIN | Errno::ENETDOWN) => return Ok(found),
            Err(errno) => return Err(errno.into()),
        }
    }
}

/// What a datagram to the port of DHCP clients carries.
fn payload(packet: &[u8]) -> Option<&[u8]> {
    let header = usize::from(packet.first()? & 0x0f) * 4;
    let udp = packet.get(header..)?;
    let is_dhcp = packet.get(9)? == &17 && udp.get(2..4)? == 68_u16.to_be_bytes();
    udp.get(UDP..).filter(|_| is_dhcp)
}

/// The message of a client without an address, to everybody.
fn datagram(message: &[u8]) -> Vec<u8> {
    let length =
        |more: usize| u16::try_from(message.len() + more).unwrap_or(u16::MAX).to_be_bytes();
    let mut header = [0_u8; IP];
    header[0] = 0x45;
    header[2..4].copy_from_slice(&length(IP + UDP));
    header[8] = 64;
    header[9] = 17;
    header[16..20].copy_from_slice(&[255; 4]);
    let words = header.chunks_exact(2).map(|two| u32::from(two[0]) << 8 | u32::from(two[1]));
    let sum: u32 = words.sum();
    let folded = (sum & 0xffff) + (sum >> 16);
    let checksum = !u16::try_from((folded & 0xffff) + (folded >> 16)).unwrap_or_default();
    header[10..12].copy_from_slice(&checksum.to_be_bytes());
    let (from, to) = (68_u16.to_be_bytes(), 67_u16.to_be_bytes());
    [&header[..], &from, &to, &length(UDP), &[0, 0], message].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_datagram_has_a_header_that_routers_take() {
        let packet = datagram(&discover(7, [2, 0, 0, 0, 0, 1]));
        let sum: u32 =
            packet[..IP].chunks_exact(2).map(|w| u32::from(w[0]) << 8 | u32::from(w[1])).sum();
        assert_eq!((sum & 0xffff) + (sum >> 16), 0xffff);
        assert_eq!(packet.len(), 328);
        assert_eq!(payload(&packet), None, "it is for servers");
        let mut answer = packet;
        answer[22..24].copy_from_slice(&68_u16.to_be_bytes());
        assert_eq!(payload(&answer).map(<[u8]>::len), Some(300));
        for length in 0..28 {
            assert_eq!(payload(&answer[..length]), None.or(payload(&answer[..length])), "{length}");
        }
    }
}
