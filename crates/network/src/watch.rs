//! Waits for changes of rules, routes and links, as the kernel announces them.

use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::time::Duration;

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::socket::{
    AddressFamily, MsgFlags, NetlinkAddr, SockFlag, SockProtocol, SockType, bind, recv, socket,
};

use crate::error::Error;

/// NFNLGRP_NFTABLES is group 7 of linux/netfilter/nfnetlink.h; bind takes bits.
const RULES: u32 = 1 << 6;
/// RTMGRP_LINK, RTMGRP_IPV4_ROUTE and RTMGRP_IPV6_ROUTE of linux/rtnetlink.h.
const ROUTES: u32 = 0x1 | 0x40 | 0x400;
/// What changes comes in bursts: a firewall's restart is hundreds of messages.
const BURST: Duration = Duration::from_millis(500);

/// The kernel's announcements, from now on.
#[derive(Debug)]
pub struct Changes {
    sockets: Vec<OwnedFd>,
}

impl Changes {
    /// Listens.
    ///
    /// # Errors
    /// A netlink socket could not be opened.
    pub fn open() -> Result<Self, Error> {
        let wanted =
            [(SockProtocol::NetlinkNetFilter, RULES), (SockProtocol::NetlinkRoute, ROUTES)];
        let open = |(protocol, groups): (SockProtocol, u32)| -> Result<OwnedFd, Errno> {
            let flags = SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK;
            let fd = socket(AddressFamily::Netlink, SockType::Raw, flags, protocol)?;
            bind(fd.as_raw_fd(), &NetlinkAddr::new(0, groups))?;
            Ok(fd)
        };
        let sockets: Result<Vec<OwnedFd>, Errno> = wanted.into_iter().map(open).collect();
        Ok(Self { sockets: sockets.map_err(|errno| Error::Connect(errno.into()))? })
    }

    /// Returns when something has changed and half a second has passed in which the rest of it
    /// could arrive. What is announced from then on counts for the next call.
    ///
    /// # Errors
    /// The sockets are of no use any more.
    pub fn wait(&self) -> Result<(), Error> {
        let fds = self.sockets.iter().map(|fd| PollFd::new(fd.as_fd(), PollFlags::POLLIN));
        let mut fds: Vec<PollFd<'_>> = fds.collect();
        while let Err(errno) = poll(&mut fds, PollTimeout::NONE) {
            if errno != Errno::EINTR {
                return Err(Error::Connect(errno.into()));
            }
        }
        std::thread::sleep(BURST);
        self.sockets.iter().for_each(drain);
        Ok(())
    }
}

/// Throws away what is there: not what was announced counts, but what is found then. A queue that
/// ran over (ENOBUFS) is an announcement like any other.
fn drain(fd: &OwnedFd) {
    let mut buffer = [0; 16384];
    loop {
        match recv(fd.as_raw_fd(), &mut buffer, MsgFlags::MSG_DONTWAIT) {
            Ok(0) | Err(Errno::EAGAIN) => return,
            Ok(_) | Err(Errno::EINTR | Errno::ENOBUFS) => {}
            Err(_) => return,
        }
    }
}
