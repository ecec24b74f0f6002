//! A network namespace of this thread's own, and the one of the host that it left.

use std::fs;

use mvm_core::Roots;
use nix::unistd::Pid;

use super::packet::{FAR_V4, FAR_V6};
use crate::discover::leave;
use crate::error::Error;
use crate::kernel::Kernel;
use crate::link::Link;
use crate::nft::Ear;

/// Both, and what leaves the host.
#[derive(Debug)]
pub(super) struct Scratch {
    /// The host's.
    pub(super) outside: Kernel,
    /// This thread's.
    pub(super) inside: Kernel,
    /// A thread that stays in that of the host.
    pub(super) home: Pid,
    /// What leaves this host.
    pub(super) leaving: Link,
    pairs: usize,
}

impl Scratch {
    /// Moves this thread into a namespace of its own; what is heard of rules stays in the host's.
    pub(super) fn leave(roots: &Roots, home: Pid) -> Result<(Self, Ear), Error> {
        let outside = Kernel::connect(roots)?;
        let leaving = Link::to(FAR_V4, FAR_V6).map_err(Error::Packet)?;
        let ear = Ear::open()?;
        leave()?;
        // Neighbours are known by their answers; without IPv6 there are no such switches.
        for (switch, value) in
            [("accept_dad", "0"), ("accept_ra", "0"), ("router_solicitations", "0")]
        {
            let _ = fs::write(format!("/proc/sys/net/ipv6/conf/default/{switch}"), value);
        }
        let inside = Kernel::connect(roots)?;
        Ok((Self { outside, inside, home, leaving, pairs: 0 }, ear))
    }

    /// A pair of interfaces, one here and one outside, and their names.
    pub(super) fn pair(&mut self) -> Result<(String, String), Error> {
        // Whatever this namespace would say by itself must not arrive.
        let _ = fs::write("/proc/sys/net/ipv6/conf/default/disable_ipv6", "1");
        let number = self.pairs;
        self.pairs += 1;
        let (inside, outside) =
            (format!("eth{}", number + 2), super::bench::port(&format!("i{number}")));
        self.inside.wire(&inside, &outside, self.home)?;
        Ok((inside, outside))
    }
}
