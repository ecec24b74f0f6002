//! Whether a gateway answers, by the kernel's own ARP and neighbour discovery.

use std::net::IpAddr;
use std::thread;
use std::time::{Duration, Instant};

use futures_util::TryStreamExt;
use rtnetlink::packet_route::neighbour::{
    NeighbourAddress, NeighbourAttribute, NeighbourFlags, NeighbourMessage, NeighbourState,
};

use crate::error::{Answer, Error};
use crate::kernel::{Kernel, Network};

/// How often the kernel's table is looked at.
const POLL_INTERVAL: Duration = Duration::from_millis(100);
/// The kernel asks three times, a second apart, and then gives up until it is told to ask again.
const AGAIN: Duration = Duration::from_millis(3500);
/// The states of a neighbour that has told its hardware address since it was asked.
const ANSWERED: &[NeighbourState] =
    &[NeighbourState::Reachable, NeighbourState::Stale, NeighbourState::Delay];
/// Those of one that the operator has told the kernel of, and nobody asks for.
const FIXED: &[NeighbourState] = &[NeighbourState::Permanent, NeighbourState::Noarp];

/// What can be asked of the network beyond.
pub trait Probe: Network {
    /// Those of `gateways` that answer on `interface`, as soon as one does, and none after
    /// `timeout`. One whose hardware address the operator has fixed does not count as answering.
    ///
    /// # Errors
    /// The kernel cannot be asked.
    fn answers(
        &mut self,
        interface: &str,
        gateways: &[IpAddr],
        timeout: Duration,
    ) -> Result<Vec<IpAddr>, Error>;
}

impl Probe for Kernel {
    fn answers(
        &mut self,
        interface: &str,
        gateways: &[IpAddr],
        timeout: Duration,
    ) -> Result<Vec<IpAddr>, Error> {
        let index = self.number(interface)?;
        let start = Instant::now();
        let mut last_request = None::<Instant>;
        let fixed = self.neighbours()?;
        let fixed: Vec<IpAddr> = fixed.iter().filter_map(|one| is(one, index, FIXED)).collect();
        let gateways: Vec<IpAddr> =
            gateways.iter().copied().filter(|gateway| !fixed.contains(gateway)).collect();
        while start.elapsed() < timeout && !gateways.is_empty() {
            if last_request.is_none_or(|last_request| last_request.elapsed() > AGAIN) {
                gateways.iter().for_each(|gateway| self.ask(index, *gateway));
                last_request = Some(Instant::now());
            }
            thread::sleep(POLL_INTERVAL);
            let neighbours = self.neighbours()?;
            let there = neighbours.iter().filter_map(|one| is(one, index, ANSWERED));
            let there: Vec<IpAddr> = there.filter(|ip| gateways.contains(ip)).collect();
            if !there.is_empty() {
                return Ok(there);
            }
        }
        Ok(Vec::new())
    }
}

impl Kernel {
    /// Lets the kernel ask for the neighbour. What it knows of it stays in use meanwhile: without
    /// that, whoever sends to it waits for the answer, or is refused when the kernel cannot ask yet
    /// (IPv6, while the link-local address is being proved unique). One that cannot be asked does
    /// not answer.
    fn ask(&self, index: u32, gateway: IpAddr) {
        let request = || self.handle().neighbours().add(index, gateway).replace();
        let known = request().state(NeighbourState::Probe);
        let unknown = request().flags(NeighbourFlags::Use).state(NeighbourState::None);
        self.run(async {
            if known.execute().await.is_err()
                && let Err(error) = unknown.execute().await
            {
                log::debug!("{gateway}: {}", Answer::from(error));
            }
        });
    }

    /// Who the kernel knows on its links, by address.
    ///
    /// # Errors
    /// The kernel does not tell.
    pub fn neighbours(&self) -> Result<Vec<NeighbourMessage>, Error> {
        let listed = self.handle().neighbours().get().execute().try_collect();
        let failed = |error| Error::List { objects: "neighbours", source: Answer::from(error) };
        self.run(listed).map_err(failed)
    }
}

/// The neighbour's address, when it is in one of `states` on the interface.
fn is(neighbour: &NeighbourMessage, index: u32, states: &[NeighbourState]) -> Option<IpAddr> {
    let header = &neighbour.header;
    let here = header.ifindex == index && states.contains(&header.state);
    neighbour.attributes.iter().filter(|_| here).find_map(|attribute| match attribute {
        NeighbourAttribute::Destination(NeighbourAddress::Inet(ip)) => Some(IpAddr::V4(*ip)),
        NeighbourAttribute::Destination(NeighbourAddress::Inet6(ip)) => Some(IpAddr::V6(*ip)),
        _ => None,
    })
}
