//! Interfaces and neighbours of a network namespace, by name and by number.

use std::net::IpAddr;

use futures_util::TryStreamExt;
use mvm_network_kernel::{Answer, Error, Kernel};
use nix::unistd::Pid;
use rtnetlink::packet_route::link::LinkAttribute;
use rtnetlink::packet_route::neighbour::{NeighbourAddress, NeighbourAttribute, NeighbourMessage};
use rtnetlink::{LinkUnspec, LinkVeth};

/// A pair of interfaces in this namespace, of which `port` moves to that of thread `home`.
pub(crate) fn wire(kernel: &Kernel, inside: &str, port: &str, home: Pid) -> Result<(), Error> {
    let step = format!("make the interface {port}");
    let failed = |error| Error::Step { step: step.clone(), source: Answer::from(error) };
    kernel.run(async {
        let link = kernel.handle().link();
        link.add(LinkVeth::new(inside, port).build()).execute().await.map_err(failed)
    })?;
    let index = kernel.number(port)?;
    kernel.run(async {
        let moved = LinkUnspec::new_with_index(index).setns_by_pid(home.as_raw().unsigned_abs());
        kernel.handle().link().set(moved.build()).execute().await.map_err(failed)
    })
}

/// Makes `port` a port of the bridge, and switches it on.
pub(crate) fn plug(kernel: &Kernel, port: &str, bridge: &str) -> Result<(), Error> {
    let step = format!("make {port} a port of {bridge}");
    let (port, bridge) = (kernel.number(port)?, kernel.number(bridge)?);
    let link = LinkUnspec::new_with_index(port).controller(bridge).up().build();
    kernel.run(async {
        let set = kernel.handle().link().set(link).execute().await;
        set.map_err(|error| Error::Step { step, source: Answer::from(error) })
    })
}

/// Switches the interface on, and tells its hardware address.
pub(crate) fn up(kernel: &Kernel, name: &str) -> Result<[u8; 6], Error> {
    let index = kernel.number(name)?;
    let link = LinkUnspec::new_with_index(index).up().build();
    let set = kernel.run(async { kernel.handle().link().set(link).execute().await });
    let step = || format!("switch {name} on");
    set.map_err(|error| Error::Step { step: step(), source: Answer::from(error) })?;
    hardware_address(kernel, index).ok_or_else(|| Error::Gone { step: step() })
}

/// The hardware address of the interface with this number.
pub(crate) fn hardware_address(kernel: &Kernel, index: u32) -> Option<[u8; 6]> {
    kernel.run(async {
        let mut found = kernel.handle().link().get().match_index(index).execute();
        let link = found.try_next().await.ok().flatten()?;
        link.attributes.iter().find_map(|attribute| match attribute {
            LinkAttribute::Address(octets) => octets.as_slice().try_into().ok(),
            _ => None,
        })
    })
}

/// Has the kernel forget who had these addresses.
pub(crate) fn forget(kernel: &Kernel, addresses: &[IpAddr]) {
    let Ok(neighbours) = kernel.neighbours() else { return };
    for neighbour in neighbours.into_iter().filter(|one| is_of(one, addresses)) {
        let gone = kernel.handle().neighbours().del(neighbour).execute();
        if let Err(error) = kernel.run(gone) {
            log::debug!("a neighbour stays for a minute: {}", Answer::from(error));
        }
    }
}

/// Whether the neighbour has one of these addresses.
fn is_of(neighbour: &NeighbourMessage, addresses: &[IpAddr]) -> bool {
    neighbour.attributes.iter().any(|attribute| match attribute {
        NeighbourAttribute::Destination(NeighbourAddress::Inet(ip)) => {
            addresses.contains(&IpAddr::V4(*ip))
        }
        NeighbourAttribute::Destination(NeighbourAddress::Inet6(ip)) => {
            addresses.contains(&IpAddr::V6(*ip))
        }
        _ => false,
    })
}
