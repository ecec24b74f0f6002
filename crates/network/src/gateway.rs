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
const GLANCE: Duration = Duration::from_millis(100);
/// The kernel asks three times, a second apart, and then gives up until it is told to ask again.
const AGAIN: Duration = Duration::from_millis(3500);

/// What can be asked of the network beyond.
pub trait Probe: Network {
    /// Those of `gateways` that answer on `interface`, as soon as one does, and none after
    /// `patience`.
    ///
    /// # Errors
    /// The kernel cannot be asked.
    fn answers(
        &mut self,
        interface: &str,
        gateways: &[IpAddr],
        patience: Duration,
    ) -> Result<Vec<IpAddr>, Error>;
}

impl Probe for Kernel {
    fn answers(
        &mut self,
        interface: &str,
        gateways: &[IpAddr],
        patience: Duration,
    ) -> Result<Vec<IpAddr>, Error> {
        let index = self.number(interface)?;
        let start = Instant::now();
        let mut asked = None::<Instant>;
        while start.elapsed() < patience && !gateways.is_empty() {
            if asked.is_none_or(|asked| asked.elapsed() > AGAIN) {
                gateways.iter().for_each(|gateway| self.ask(index, *gateway, asked.is_none()));
                asked = Some(Instant::now());
            }
            thread::sleep(GLANCE);
            let neighbours = self.neighbours()?;
            let there = neighbours.iter().filter_map(|neighbour| answered(neighbour, index));
            let there: Vec<IpAddr> = there.filter(|ip| gateways.contains(ip)).collect();
            if !there.is_empty() {
                return Ok(there);
            }
        }
        Ok(Vec::new())
    }
}

impl Kernel {
    /// Lets the kernel ask for the neighbour; `anew` without what it knows of it. That it has
    /// nothing to forget is no failure, and one that cannot be asked does not answer.
    fn ask(&self, index: u32, gateway: IpAddr, anew: bool) {
        let neighbours = self.handle().neighbours();
        self.run(async {
            let mut request = neighbours.add(index, gateway);
            let message = request.message_mut().clone();
            if anew {
                let _ = neighbours.del(message).execute().await;
            }
            let request = request.flags(NeighbourFlags::Use).state(NeighbourState::None);
            if let Err(error) = request.replace().execute().await {
                log::debug!("{gateway}: {}", Answer::from(error));
            }
        });
    }

    fn neighbours(&self) -> Result<Vec<NeighbourMessage>, Error> {
        let listed = self.handle().neighbours().get().execute().try_collect();
        let failed = |error| Error::List { what: "neighbours", source: Answer::from(error) };
        self.run(listed).map_err(failed)
    }
}

/// The neighbour's address, when it has told its hardware address.
fn answered(neighbour: &NeighbourMessage, index: u32) -> Option<IpAddr> {
    let known = matches!(
        neighbour.header.state,
        NeighbourState::Reachable | NeighbourState::Stale | NeighbourState::Delay
    );
    let here = known && neighbour.header.ifindex == index;
    neighbour.attributes.iter().filter(|_| here).find_map(|attribute| match attribute {
        NeighbourAttribute::Destination(NeighbourAddress::Inet(ip)) => Some(IpAddr::V4(*ip)),
        NeighbourAttribute::Destination(NeighbourAddress::Inet6(ip)) => Some(IpAddr::V6(*ip)),
        _ => None,
    })
}
