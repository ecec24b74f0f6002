//! Packets as they are on a link: sent past every rule of this host, and seen after all of them.

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::time::Instant;

use nix::errno::Errno;
use nix::libc;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::socket::{
    AddressFamily, LinkAddr, MsgFlags, SockFlag, SockProtocol, SockType, SockaddrLike, bind,
    recvfrom, sendto, socket,
};

/// The hardware address that every card of a link listens to.
pub(crate) const EVERYBODY: [u8; 6] = [0xff; 6];
/// An Ethernet frame holds no more, in bytes; what is longer is cut off.
const FRAME: usize = 1500;
/// Of linux/if_packet.h: what this host sends.
const OUTGOING: u8 = 4;

/// A socket of packet(7), of IP packets without the header of the link.
#[derive(Debug)]
pub struct PacketSocket {
    socket: OwnedFd,
    index: i32,
}

/// A packet that was captured.
#[derive(Debug)]
pub struct Captured<'a> {
    /// The number of the interface.
    pub index: u32,
    /// Whether this host sends it.
    pub leaves: bool,
    /// From the header of IP on.
    pub packet: &'a [u8],
}

impl PacketSocket {
    /// All packets of the interface with this number.
    ///
    /// # Errors
    /// The socket could not be opened or bound.
    pub fn on(index: u32) -> io::Result<Self> {
        let index = i32::try_from(index).map_err(io::Error::other)?;
        let socket = Self { socket: capture_socket()?, index };
        let here = address(index, libc::ETH_P_ALL, EVERYBODY);
        bind(socket.socket.as_raw_fd(), &here.ok_or(io::ErrorKind::InvalidInput)?)?;
        Ok(socket)
    }

    /// The packets to one of these addresses, of every interface of this network namespace.
    ///
    /// # Errors
    /// The socket could not be opened, or the kernel takes no filter.
    pub fn to(v4: Ipv4Addr, v6: Ipv6Addr) -> io::Result<Self> {
        let socket = Self { socket: capture_socket()?, index: 0 };
        filter(&socket.socket, v4, v6)?;
        Ok(socket)
    }

    /// Sends a packet to the card with this hardware address.
    ///
    /// # Errors
    /// The kernel does not send it.
    pub fn send(&self, to: [u8; 6], packet: &[u8]) -> io::Result<()> {
        let v6 = packet.first().is_some_and(|first| first >> 4 == 6);
        let protocol = if v6 { libc::ETH_P_IPV6 } else { libc::ETH_P_IP };
        let to = address(self.index, protocol, to).ok_or(io::ErrorKind::InvalidInput)?;
        sendto(self.socket.as_raw_fd(), packet, &to, MsgFlags::empty())?;
        Ok(())
    }

    /// The first packet before `until` of which `select` makes something.
    ///
    /// # Errors
    /// The socket cannot be read.
    pub fn receive<T>(
        &self,
        until: Instant,
        mut select: impl FnMut(Captured<'_>) -> Option<T>,
    ) -> io::Result<Option<T>> {
        let mut frame = [0; FRAME];
        loop {
            match recvfrom::<LinkAddr>(self.socket.as_raw_fd(), &mut frame) {
                Ok((length, Some(from))) => {
                    let captured = Captured {
                        index: u32::try_from(from.ifindex()).unwrap_or_default(),
                        leaves: from.pkttype() == OUTGOING,
                        packet: frame.get(..length).unwrap_or_default(),
                    };
                    if let Some(found) = select(captured) {
                        return Ok(Some(found));
                    }
                }
                Ok(_) | Err(Errno::EINTR | Errno::ENETDOWN) => {}
                Err(Errno::EAGAIN) => {
                    let remaining = until.saturating_duration_since(Instant::now());
                    if remaining.is_zero() {
                        return Ok(None);
                    }
                    let mut fds = [PollFd::new(self.socket.as_fd(), PollFlags::POLLIN)];
                    match poll(
                        &mut fds,
                        PollTimeout::try_from(remaining).unwrap_or(PollTimeout::MAX),
                    ) {
                        Ok(_) | Err(Errno::EINTR) => {}
                        Err(errno) => return Err(errno.into()),
                    }
                }
                Err(errno) => return Err(errno.into()),
            }
        }
    }
}

/// A socket that also sees what this host sends.
fn capture_socket() -> io::Result<OwnedFd> {
    let flags = SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK;
    let protocol = SockProtocol::EthAll;
    Ok(socket(AddressFamily::Packet, SockType::Datagram, flags, protocol)?)
}

/// The `sockaddr_ll` of a hardware address on the link with number `index`.
#[expect(unsafe_code, reason = "nix makes no address of a link but from what the kernel gives")]
pub(crate) fn address(index: i32, protocol: i32, card: [u8; 6]) -> Option<LinkAddr> {
    let mut octets = [0; 8];
    octets[..6].copy_from_slice(&card);
    let raw = libc::sockaddr_ll {
        sll_family: u16::try_from(libc::AF_PACKET).ok()?,
        sll_protocol: u16::try_from(protocol).ok()?.to_be(),
        sll_ifindex: index,
        sll_hatype: 0,
        sll_pkttype: 0,
        sll_halen: 6,
        sll_addr: octets,
    };
    let length = libc::socklen_t::try_from(size_of::<libc::sockaddr_ll>()).ok()?;
    // SAFETY: the pointer is to a whole sockaddr_ll of this length that outlives the call.
    unsafe { LinkAddr::from_raw((&raw const raw).cast(), Some(length)) }
}

/// Where the receiver's address is in a packet, in bytes.
const TO_V4: u32 = 16;
const TO_V6: u32 = 24;
/// Of linux/bpf_common.h: a load of four bytes, a jump when they are equal, the end.
const LOAD: u16 = 0x20;
const EQUAL: u16 = 0x15;
const END: u16 = 0x06;

/// Leaves the packets to these addresses: a host may send millions of others.
fn program(v4: Ipv4Addr, v6: Ipv6Addr) -> Vec<libc::sock_filter> {
    let step = |code, jt, jf, k| libc::sock_filter { code, jt, jf, k };
    let mut steps = vec![step(LOAD, 0, 0, TO_V4), step(EQUAL, 9, 0, v4.to_bits())];
    // The last step but one is the end of what is not wanted.
    for at in 0..4_u8 {
        let word = v6.to_bits() >> (96 - 32 * u32::from(at)) & u128::from(u32::MAX);
        let word = u32::try_from(word).unwrap_or_default();
        steps.push(step(LOAD, 0, 0, TO_V6 + u32::from(at) * 4));
        steps.push(step(EQUAL, u8::from(at == 3), (3 - at) * 2, word));
    }
    steps.push(step(END, 0, 0, 0));
    steps.push(step(END, 0, 0, u32::MAX));
    steps
}

#[expect(unsafe_code, reason = "nix attaches no filter")]
fn filter(socket: &OwnedFd, v4: Ipv4Addr, v6: Ipv6Addr) -> io::Result<()> {
    let mut steps = program(v4, v6);
    let length = u16::try_from(steps.len()).map_err(io::Error::other)?;
    let program = libc::sock_fprog { len: length, filter: steps.as_mut_ptr() };
    let size =
        libc::socklen_t::try_from(size_of::<libc::sock_fprog>()).map_err(io::Error::other)?;
    // SAFETY: the kernel copies `length` steps from a vector of as many that outlives the call.
    let set = unsafe {
        libc::setsockopt(
            socket.as_raw_fd(),
            libc::SOL_SOCKET,
            libc::SO_ATTACH_FILTER,
            (&raw const program).cast(),
            size,
        )
    };
    Errno::result(set).map(drop).map_err(io::Error::from)
}
