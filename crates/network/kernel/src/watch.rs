//! Waits for changes of rules, routes and links, as the kernel announces them.

use std::fs::File;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::path::PathBuf;
use std::time::Duration;

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::inotify::{AddWatchFlags, InitFlags, Inotify};
use nix::sys::socket::{
    AddressFamily, MsgFlags, NetlinkAddr, SockFlag, SockProtocol, SockType, bind, recv, socket,
};

use crate::error::Error;

/// NFNLGRP_NFTABLES is group 7 of linux/netfilter/nfnetlink.h; bind takes bits.
const RULES: u32 = 1 << 6;
/// RTMGRP_LINK, RTMGRP_IPV4_IFADDR, RTMGRP_IPV4_ROUTE, RTMGRP_IPV6_IFADDR and RTMGRP_IPV6_ROUTE of
/// linux/rtnetlink.h; its groups 8 and 19, RTNLGRP_IPV4_RULE and RTNLGRP_IPV6_RULE, which tell of policy
/// routing; and its groups 24 and 25, RTNLGRP_IPV4_NETCONF and RTNLGRP_IPV6_NETCONF, which tell of switches
/// such as forwarding.
const ROUTES: u32 = 0x1 | 0x10 | 0x40 | 0x100 | 0x400 | 1 << 7 | 1 << 18 | 1 << 23 | 1 << 24;
/// What changes comes in bursts: a firewall's restart is hundreds of messages.
const BURST: Duration = Duration::from_millis(500);

/// The kernel's announcements, from now on.
#[derive(Debug)]
pub struct Changes {
    sockets: Vec<OwnedFd>,
    switches: Switches,
}

impl Changes {
    /// Listens.
    ///
    /// # Errors
    /// A netlink socket could not be opened.
    pub fn open() -> Result<Self, Error> {
        let subscriptions =
            [(SockProtocol::NetlinkNetFilter, RULES), (SockProtocol::NetlinkRoute, ROUTES)];
        let open = |(protocol, groups): (SockProtocol, u32)| -> Result<OwnedFd, Errno> {
            let flags = SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK;
            let fd = socket(AddressFamily::Netlink, SockType::Raw, flags, protocol)?;
            bind(fd.as_raw_fd(), &NetlinkAddr::new(0, groups))?;
            Ok(fd)
        };
        let sockets: Result<Vec<OwnedFd>, Errno> = subscriptions.into_iter().map(open).collect();
        let sockets = sockets.map_err(|errno| Error::Connect(errno.into()))?;
        Ok(Self { sockets, switches: Switches::none() })
    }

    /// Waits for changes of these switches as well: paths of files below /proc/sys. Those that are not
    /// there are left out.
    pub fn also(&mut self, switches: &[PathBuf]) {
        self.switches.watch(switches);
    }

    /// Returns when something has changed. What is announced from then on counts for the next call.
    ///
    /// # Errors
    /// The sockets are of no use any more.
    pub fn wait(&self) -> Result<(), Error> {
        let switches = self.switches.inotify.as_ref().map(AsFd::as_fd);
        let sockets = self.sockets.iter().map(AsFd::as_fd).chain(switches);
        let mut fds: Vec<PollFd<'_>> =
            sockets.map(|fd| PollFd::new(fd, PollFlags::POLLIN)).collect();
        while let Err(errno) = poll(&mut fds, PollTimeout::NONE) {
            if errno != Errno::EINTR {
                return Err(Error::Connect(errno.into()));
            }
        }
        Ok(())
    }

    /// Gives the rest of what changes half a second to arrive, and forgets what was announced.
    pub fn settle(&self) {
        std::thread::sleep(BURST);
        self.sockets.iter().for_each(drain);
        self.switches.drain();
    }
}

/// Files of switches, watched by inotify: a write by anybody is an event, as of any other file.
#[derive(Debug)]
struct Switches {
    inotify: Option<Inotify>,
    /// Held open: the kernel forgets a file of /proc that nobody uses, and the watch with it.
    files: Vec<(PathBuf, File)>,
}

impl Switches {
    fn none() -> Self {
        let flags = InitFlags::IN_CLOEXEC | InitFlags::IN_NONBLOCK;
        // Without it the announcements of netlink remain.
        Self { inotify: Inotify::init(flags).ok(), files: Vec::new() }
    }

    fn watch(&mut self, switches: &[PathBuf]) {
        let Some(inotify) = &self.inotify else { return };
        self.files.retain(|(path, _)| path.exists());
        for path in switches {
            if self.files.iter().any(|(known, _)| known == path) {
                continue;
            }
            if let Ok(file) = File::open(path)
                && inotify.add_watch(path, AddWatchFlags::IN_MODIFY).is_ok()
            {
                self.files.push((path.clone(), file));
            }
        }
    }

    fn drain(&self) {
        let Some(inotify) = &self.inotify else { return };
        while inotify.read_events().is_ok_and(|events| !events.is_empty()) {}
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
