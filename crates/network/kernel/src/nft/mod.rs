//! nftables, over netlink: the table `inet mvmhost`, and whether somebody has a chain.
//!
//! The kernel answers while it is asked: all that it has to say can be read once a message was sent,
//! and nothing is waited for.

use std::os::fd::{AsRawFd, OwnedFd};

use mvm_network_plan::nat::Table;
use nix::errno::Errno;
use nix::sys::socket::{
    AddressFamily, MsgFlags, NetlinkAddr, SockFlag, SockProtocol, SockType, recv, sendto,
    setsockopt, socket, sockopt,
};
use rtnetlink::packet_core::{
    NLM_F_DUMP_INTR, NLMSG_DONE, NLMSG_ERROR, NetlinkBuffer, NlasIterator,
};

use crate::error::Error;

mod kind;
mod listing;
mod marks;
mod message;
mod trace;

pub use marks::Mark;
pub use trace::{Event, Listener, Trace};

use kind::Kind;
use listing::Listing;

/// The kernel makes no message longer than 32 KiB for whoever reads into this.
const BUFFER: usize = 64 * 1024;
/// What the kernel lets wait on a socket of ours: more than a thousand rules.
const ROOM: usize = 4 << 20;
/// NFT_MSG_NEWGEN of linux/netfilter/nf_tables.h, and its first attribute, behind netfilter's header.
const GENERATION: u16 = 10 << 8 | 15;
const NUMBER: u16 = 1;
const HEADER: usize = 4;
/// How often a list is asked for that changes while it is read.
const TRIES: usize = 10;

/// What the kernel's nftables say and do, in the network namespace of the thread that connected.
#[derive(Debug)]
pub(crate) struct Nftables {
    socket: OwnedFd,
}

/// What there is of the table.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Found {
    /// It is there; the text is the same as long as the table stays as it is.
    Table(String),
    /// There is no such table.
    Nothing,
    /// The kernel has no nftables.
    Unsupported,
}

impl Nftables {
    /// Opens a socket.
    ///
    /// # Errors
    /// It could not be opened.
    pub(crate) fn connect() -> Result<Self, Error> {
        let (flags, protocol) = (SockFlag::SOCK_CLOEXEC, SockProtocol::NetlinkNetFilter);
        let socket = socket(AddressFamily::Netlink, SockType::Raw, flags, protocol)
            .map_err(|errno| Error::Connect(errno.into()))?;
        // Without the privilege the room is what the system gives; the kernel says when it is short.
        let _ = setsockopt(&socket, sockopt::SndBufForce, &ROOM);
        let _ = setsockopt(&socket, sockopt::RcvBufForce, &ROOM);
        Ok(Self { socket })
    }

    /// What there is of the table `inet mvmhost`.
    ///
    /// # Errors
    /// The kernel does not tell.
    pub(crate) fn list(&self) -> Result<Found, Error> {
        let mut last = Errno::EINTR;
        for _ in 0..TRIES {
            last = match self.list_once() {
                Ok(text) => return Ok(Found::Table(text)),
                Err(Errno::ENOENT) => return Ok(Found::Nothing),
                // Nobody answers for this part of netfilter.
                Err(Errno::EINVAL | Errno::EOPNOTSUPP) => return Ok(Found::Unsupported),
                Err(errno) => errno,
            };
            if last != Errno::EINTR {
                break;
            }
        }
        Err(Error::Rules { source: last.into() })
    }

    fn list_once(&self) -> nix::Result<String> {
        let mut listing = Listing::default();
        for kind in Kind::ALL {
            let mut take = |message_type: u16, payload: &[u8]| {
                if message_type == kind.message_type() {
                    listing.add(kind, payload);
                }
            };
            self.exchange(&message::list(kind), &mut take)?;
        }
        Ok(listing.into_text())
    }

    /// A number that is another one after every change of any rule, set or chain; `None` where the kernel
    /// has no nftables or does not tell.
    pub(crate) fn generation(&self) -> Option<u32> {
        let mut found = None;
        let mut take = |message_type: u16, payload: &[u8]| {
            let attributes = payload.get(HEADER..).filter(|_| message_type == GENERATION);
            let mut attributes = NlasIterator::new(attributes.unwrap_or_default());
            let number = attributes.find_map(|one| one.ok().filter(|one| one.kind() == NUMBER));
            let number = number.and_then(|one| one.value().try_into().ok());
            found = number.map(u32::from_be_bytes).or(found);
        };
        self.exchange(&message::generation(), &mut take).ok().and(found)
    }

    /// Whether the table `ip filter` or `ip6 filter`, which are those of iptables, has a chain of this
    /// name.
    ///
    /// # Errors
    /// The kernel does not tell.
    pub(crate) fn has_chain(&self, name: &str, v6: bool) -> Result<bool, Error> {
        match self.exchange(&message::get_chain(name, v6), &mut |_, _| {}) {
            Ok(()) => Ok(true),
            Err(Errno::ENOENT | Errno::EINVAL | Errno::EOPNOTSUPP) => Ok(false),
            Err(errno) => Err(Error::Rules { source: errno.into() }),
        }
    }

    /// Loads the table in one transaction; with `replace` in place of one that may be there.
    ///
    /// # Errors
    /// The kernel refuses, and has what it had.
    pub(crate) fn load(&self, table: &Table, replace: bool) -> Result<(), Error> {
        let commit = |replace| self.exchange(&message::load(table, replace), &mut |_, _| {});
        let loaded = match commit(replace) {
            // Somebody was quicker.
            Err(Errno::EEXIST) if !replace => commit(true),
            other => other,
        };
        loaded.map_err(|errno| Error::Transaction { source: errno.into() })
    }

    /// Takes the table away, if it is there.
    ///
    /// # Errors
    /// The kernel refuses.
    pub(crate) fn remove(&self) -> Result<(), Error> {
        match self.exchange(&message::remove(), &mut |_, _| {}) {
            Ok(()) | Err(Errno::ENOENT) => Ok(()),
            Err(errno) => Err(Error::Transaction { source: errno.into() }),
        }
    }

    /// Sends what has one acknowledgement at least, and hands on every answer, by type and without
    /// the header of netlink. The first thing that the kernel refused counts.
    fn exchange(&self, message: &[u8], take: &mut dyn FnMut(u16, &[u8])) -> nix::Result<()> {
        let kernel = NetlinkAddr::new(0, 0);
        sendto(self.socket.as_raw_fd(), message, &kernel, MsgFlags::empty())?;
        let mut outcome: Option<nix::Result<()>> = None;
        let mut buffer = vec![0; BUFFER];
        loop {
            let read = match recv(self.socket.as_raw_fd(), &mut buffer, MsgFlags::MSG_DONTWAIT) {
                Ok(read) => read,
                Err(Errno::EAGAIN) => return outcome.unwrap_or(Err(Errno::EPROTO)),
                Err(Errno::EINTR) => continue,
                Err(errno) => return Err(errno),
            };
            for found in messages(buffer.get(..read).unwrap_or_default()) {
                if found.flags() & NLM_F_DUMP_INTR != 0 {
                    outcome = Some(Err(Errno::EINTR));
                }
                match found.message_type() {
                    NLMSG_ERROR | NLMSG_DONE => {
                        outcome = Some(outcome.unwrap_or(Ok(())).and(result(found.payload())));
                    }
                    message_type => take(message_type, found.payload()),
                }
            }
        }
    }
}

/// The messages of one piece; what is cut off is none.
fn messages(piece: &[u8]) -> impl Iterator<Item = NetlinkBuffer<&[u8]>> {
    let mut rest = piece;
    std::iter::from_fn(move || {
        let found = NetlinkBuffer::new_checked(rest).ok()?;
        let length = usize::try_from(found.length()).ok()?.next_multiple_of(4);
        rest = rest.get(length..).unwrap_or_default();
        Some(found)
    })
}

/// Both an acknowledgement and the end of a list begin with a negative errno or 0.
fn result(payload: &[u8]) -> nix::Result<()> {
    let code = payload.first_chunk().map_or(0, |bytes| i32::from_ne_bytes(*bytes));
    if code == 0 { Ok(()) } else { Err(Errno::from_raw(code.saturating_abs())) }
}

#[cfg(test)]
mod tests;
