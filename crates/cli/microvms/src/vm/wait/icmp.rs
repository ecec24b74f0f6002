//! One ping, without a program for it: none is installed on every host.

use std::net::Ipv4Addr;
use std::time::{Duration, Instant};

use nix::sys::socket::sockopt::ReceiveTimeout;
use nix::sys::socket::{
    AddressFamily, MsgFlags, SockFlag, SockProtocol, SockType, SockaddrIn, recv, sendto,
    setsockopt, socket,
};
use nix::sys::time::TimeVal;
use std::os::fd::AsRawFd;

/// What the echo carries, by which its answer is known.
const MARK: &[u8; 16] = b"mvmhost is there";
const ECHO: u8 = 8;
const REPLY: u8 = 0;

/// Whether the address answers an echo request within `timeout`. Needs root.
pub(crate) fn ping(address: Ipv4Addr, timeout: Duration) -> bool {
    once(address, timeout).unwrap_or(false)
}

fn once(address: Ipv4Addr, timeout: Duration) -> nix::Result<bool> {
    let flags = SockFlag::SOCK_CLOEXEC;
    let socket = socket(AddressFamily::Inet, SockType::Raw, flags, SockProtocol::Icmp)?;
    let number = std::process::id() as u16;
    let [high, low] = address.octets().split_at(2).0.try_into().unwrap_or([0, 0]);
    let target = SockaddrIn::new(high, low, address.octets()[2], address.octets()[3], 0);
    sendto(socket.as_raw_fd(), &request(number), &target, MsgFlags::empty())?;
    let deadline = Instant::now() + timeout;
    let mut packet = [0; 1500];
    loop {
        let remaining = deadline.saturating_duration_since(Instant::now());
        if remaining.is_zero() {
            return Ok(false);
        }
        let remaining = TimeVal::new(
            remaining.as_secs().try_into().unwrap_or(1),
            remaining.subsec_micros().max(1).into(),
        );
        setsockopt(&socket, ReceiveTimeout, &remaining)?;
        let length = match recv(socket.as_raw_fd(), &mut packet, MsgFlags::empty()) {
            Ok(length) => length,
            Err(nix::errno::Errno::EAGAIN) => return Ok(false),
            Err(error) => return Err(error),
        };
        if is_answer(packet.get(..length).unwrap_or_default(), address, number) {
            return Ok(true);
        }
    }
}

/// RFC 792: type, code, checksum, identifier, sequence number, data.
fn request(number: u16) -> Vec<u8> {
    let mut packet = vec![ECHO, 0, 0, 0];
    packet.extend(number.to_be_bytes());
    packet.extend([0, 1]);
    packet.extend(MARK);
    let sum: u32 = packet
        .chunks(2)
        .map(|pair| pair.iter().fold(0, |word, byte| word << 8 | u32::from(*byte)))
        .sum();
    let folded = (sum & 0xffff) + (sum >> 16);
    let sum = !(((folded & 0xffff) + (folded >> 16)) as u16);
    packet.splice(2..4, sum.to_be_bytes());
    packet
}

/// A raw socket shows the header of IPv4 too, and every packet of ICMP that this host gets.
fn is_answer(packet: &[u8], from: Ipv4Addr, number: u16) -> bool {
    let header = packet.first().map_or(0, |first| usize::from(first & 15) * 4);
    let source = packet.get(12..16) == Some(&from.octets());
    let Some(body) = packet.get(header..) else { return false };
    source
        && body.first() == Some(&REPLY)
        && body.get(4..6) == Some(&number.to_be_bytes())
        && body.get(8..) == Some(MARK)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_adds_up_and_only_its_answer_counts() {
        let sent = request(7);
        let sum: u32 =
            sent.chunks(2).map(|pair| u32::from(pair[0]) << 8 | u32::from(pair[1])).sum();
        assert_eq!((sum & 0xffff) + (sum >> 16), 0xffff);
        let from = Ipv4Addr::new(10, 42, 0, 9);
        let mut packet = vec![0x45; 20];
        packet[12..16].copy_from_slice(&from.octets());
        packet.extend(&sent);
        assert!(!is_answer(&packet, from, 7), "its own request");
        packet[20] = REPLY;
        assert!(is_answer(&packet, from, 7));
        assert!(!is_answer(&packet, from, 8));
        assert!(!is_answer(&packet, Ipv4Addr::LOCALHOST, 7));
        for length in 0..packet.len() {
            assert!(!is_answer(&packet[..length], from, 7));
        }
    }

    /// Tests run as root.
    #[test]
    fn this_host_answers_itself() {
        assert!(ping(Ipv4Addr::LOCALHOST, Duration::from_secs(5)));
    }
}
