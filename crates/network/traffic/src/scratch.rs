//! A network namespace of this thread's own, and the one of the host that it left.

use std::fs;

use mvm_core::Roots;
use mvm_network_kernel::packet_socket::PacketSocket;
use mvm_network_kernel::trace::Listener;
use mvm_network_kernel::{Error, Kernel};
use mvm_network_plan::network::PROBE_PORT;
use nix::sched::{CloneFlags, unshare};
use nix::unistd::{Pid, gettid};

use crate::packet::{FAR_V4, FAR_V6};
use crate::ports::wire;

/// The first interface in the namespace.
pub(crate) const FIRST: &str = "eth0";
/// The second one inside, where there are two.
pub(crate) const SECOND: &str = "eth1";

/// Both, and what leaves the host.
#[derive(Debug)]
pub(crate) struct Scratch {
    /// The host's.
    pub(crate) outside: Kernel,
    /// This thread's.
    pub(crate) inside: Kernel,
    /// A thread that stays in that of the host.
    pub(crate) home: Pid,
    /// A socket on the host that sees packets for [`FAR_V4`] and [`FAR_V6`] when they leave.
    pub(crate) leaving: PacketSocket,
    pairs: usize,
}

impl Scratch {
    /// Moves this thread into a namespace of its own; what is heard of rules stays in the host's.
    pub(crate) fn enter(roots: &Roots, home: Pid) -> Result<(Self, Listener), Error> {
        let outside = Kernel::connect(roots)?;
        let leaving = PacketSocket::to(FAR_V4, FAR_V6).map_err(Error::Packet)?;
        let listener = Listener::open()?;
        enter_namespace()?;
        // Neighbours are known by their answers; without IPv6 there are no such switches.
        for (switch, value) in
            [("accept_dad", "0"), ("accept_ra", "0"), ("router_solicitations", "0")]
        {
            let _ = fs::write(format!("/proc/sys/net/ipv6/conf/default/{switch}"), value);
        }
        let inside = Kernel::connect(roots)?;
        Ok((Self { outside, inside, home, leaving, pairs: 0 }, listener))
    }

    /// A pair of interfaces, one here and one outside, and their names.
    pub(crate) fn pair(&mut self) -> Result<(String, String), Error> {
        // Whatever this namespace would say by itself must not arrive.
        let _ = fs::write("/proc/sys/net/ipv6/conf/default/disable_ipv6", "1");
        let number = self.pairs;
        self.pairs += 1;
        let (inside, outside) = (format!("eth{}", number + 2), port(&format!("i{number}")));
        wire(&self.inside, &inside, &outside, self.home)?;
        Ok((inside, outside))
    }
}

/// The kernel takes its time with what an earlier thread left: each has names of its own.
pub(crate) fn port(end: &str) -> String {
    format!("{PROBE_PORT}{}{end}", gettid())
}

/// Puts this thread into a network namespace of its own.
pub(crate) fn enter_namespace() -> Result<(), Error> {
    unshare(CloneFlags::CLONE_NEWNET).map_err(|errno| Error::Namespace(errno.into()))?;
    // Loosely checked too, a sender is one that has to be reached back, which nobody is from here.
    for interface in ["all", "default"] {
        let path = format!("/proc/sys/net/ipv4/conf/{interface}/rp_filter");
        fs::write(&path, "0").map_err(|source| Error::Set { path: path.into(), source })?;
    }
    Ok(())
}
