//! The kernel of this network namespace, over rtnetlink.

use std::collections::HashMap;
use std::path::Path;

use futures_util::TryStreamExt;
use ipnet::IpNet;
use mvm_core::Roots;
use mvm_core::state::{self, File};
use mvm_network_plan::network::{Addressing, Link, Manager, Observed, Receipt, Route, Step};
use rtnetlink::packet_route::address::AddressMessage;
use rtnetlink::packet_route::link::{BridgeStpState, LinkAttribute, LinkMessage};
use rtnetlink::packet_route::route::RouteMessage;
use rtnetlink::{
    Handle, LinkBridge, LinkMessageBuilder, LinkUnspec, LinkVlan, RouteMessageBuilder,
};

use crate::error::{Answer, Error};
use crate::existing::{existing, index, reconfigure};
use crate::message::{self, Numbered};
use crate::{addressing, host, managers, moving};

/// What can be asked of a network and done to it.
pub trait Network {
    /// Reads everything again.
    ///
    /// # Errors
    /// When the kernel does not answer.
    fn observe(&mut self) -> Result<Observed, Error>;

    /// Does one step. A step that somebody else has done in the meantime is done.
    ///
    /// # Errors
    /// When the kernel refuses it.
    fn apply(&mut self, step: &Step) -> Result<(), Error>;

    /// Puts on record what mvmhost made, in place of what is there.
    ///
    /// # Errors
    /// When the record cannot be written.
    fn keep(&mut self, steps: &[Step]) -> Result<(), Error>;

    /// Has another manager of networks leave these interfaces alone, and no others.
    ///
    /// # Errors
    /// When it cannot be told.
    fn set_unmanaged(&mut self, manager: Manager, names: &[String]) -> Result<(), Error>;
}

/// The network namespace of the thread that called [`Kernel::connect`].
#[derive(Debug)]
pub struct Kernel {
    runtime: tokio::runtime::Runtime,
    handle: Handle,
    roots: Roots,
}

/// What this boot has made.
const RECEIPT: File<Receipt> = File::of(&state::NETWORK);

impl Kernel {
    /// Opens a netlink socket. `roots` says where /sys and /run are.
    ///
    /// # Errors
    /// When the event loop or the socket cannot be made.
    pub fn connect(roots: &Roots) -> Result<Self, Error> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_io()
            .build()
            .map_err(Error::Runtime)?;
        let guard = runtime.enter();
        let (connection, handle, _) = rtnetlink::new_connection().map_err(Error::Connect)?;
        drop(guard);
        runtime.spawn(connection);
        Ok(Self { runtime, handle, roots: roots.clone() })
    }

    /// Requests to this namespace; [`Kernel::run`] executes them.
    pub fn handle(&self) -> &Handle {
        &self.handle
    }

    /// Waits for a request of [`Kernel::handle`].
    pub fn run<T>(&self, work: impl Future<Output = T>) -> T {
        self.runtime.block_on(work)
    }

    /// The kernel's number of the interface.
    ///
    /// # Errors
    /// There is no such interface.
    pub fn number(&self, name: &str) -> Result<u32, Error> {
        self.run(async {
            let mut found = self.handle().link().get().match_name(name.to_owned()).execute();
            match found.try_next().await {
                Ok(Some(link)) => Ok(link.header.index),
                _ => Err(Error::Gone { step: format!("use {name}") }),
            }
        })
    }

    /// The name of the interface with this number.
    pub fn name_of(&self, index: u32) -> Option<String> {
        self.run(async {
            let mut found = self.handle().link().get().match_index(index).execute();
            let link = found.try_next().await.ok().flatten()?;
            link.attributes.into_iter().find_map(|attribute| match attribute {
                LinkAttribute::IfName(name) => Some(name),
                _ => None,
            })
        })
    }
}

impl Network for Kernel {
    fn observe(&mut self) -> Result<Observed, Error> {
        let (mut observed, addressing) = self.runtime.block_on(observe(&self.handle))?;
        let (sys, run) = (self.roots.at("/sys/class/net"), self.roots.at("/run"));
        for (link, (index, addressing)) in observed.links.iter_mut().zip(addressing) {
            link.wireless = is_wireless(&sys, &link.name);
            link.no_ipv6 = host::lacks_ipv6(&self.roots, &link.name);
            link.addressing = addressing;
            // Whoever looks after an interface has given it an address.
            if !link.addressing.addresses.is_empty() {
                link.addressing.owner = addressing::owner(&run, index);
            }
        }
        let receipt = RECEIPT.get(&self.roots);
        observed.name_servers = host::name_servers(&self.roots);
        observed.no_ipv6 = host::has_no_ipv6(&self.roots);
        observed.own_steps = receipt.map(|receipt| receipt.standing(&observed)).unwrap_or_default();
        Ok(observed)
    }

    fn apply(&mut self, step: &Step) -> Result<(), Error> {
        self.runtime.block_on(apply(&self.handle, step))
    }

    fn keep(&mut self, steps: &[Step]) -> Result<(), Error> {
        let written = RECEIPT.write(&self.roots, &Receipt::new(steps));
        written.map_err(|source| Error::Keep { source })
    }

    fn set_unmanaged(&mut self, manager: Manager, names: &[String]) -> Result<(), Error> {
        managers::set_unmanaged(&self.roots, manager, names)
    }
}

fn listing(objects: &'static str) -> impl Fn(rtnetlink::Error) -> Error {
    move |error| Error::List { objects, source: Answer::from(error) }
}

/// The network, and the number and addressing of each of its links.
async fn observe(handle: &Handle) -> Result<(Observed, Vec<(u32, Addressing)>), Error> {
    let links: Vec<LinkMessage> =
        handle.link().get().execute().try_collect().await.map_err(listing("interfaces"))?;
    let addresses: Vec<AddressMessage> =
        handle.address().get().execute().try_collect().await.map_err(listing("addresses"))?;
    let routes = routes(handle).await?;
    let links: Vec<_> = links.iter().map(message::link).collect();
    let names: HashMap<u32, String> =
        links.iter().map(|found| (found.index, found.link.name.clone())).collect();
    let mut of_link: HashMap<u32, Vec<IpNet>> = HashMap::new();
    for (index, address) in addresses.iter().filter_map(message::address) {
        of_link.entry(index).or_default().push(address);
    }
    let addressing = links.iter().map(|found| {
        (found.index, addressing::of_link(found.index, &found.link.name, &addresses, &routes))
    });
    let addressing = addressing.collect();
    let name = |index: u32| names.get(&index).cloned();
    let complete = |found: Numbered| Link {
        addresses: of_link.remove(&found.index).unwrap_or_default(),
        master: found.master.and_then(name),
        parent: found.parent.and_then(name),
        ..found.link
    };
    let links = links.into_iter().map(complete).collect();
    let routes: Vec<Route> =
        routes.iter().flat_map(|route| message::routes(route, &names)).collect();
    Ok((Observed { links, routes, ..Observed::default() }, addressing))
}

/// A radio has a physical device of the 802.11 stack; older drivers have the folder `wireless`.
fn is_wireless(sys: &Path, name: &str) -> bool {
    ["phy80211", "wireless"].iter().any(|entry| sys.join(name).join(entry).exists())
}

async fn routes(handle: &Handle) -> Result<Vec<RouteMessage>, Error> {
    let v4 = RouteMessageBuilder::<std::net::Ipv4Addr>::new().build();
    let v6 = RouteMessageBuilder::<std::net::Ipv6Addr>::new().build();
    let mut routes = Vec::new();
    for family in [v4, v6] {
        let found: Vec<RouteMessage> =
            handle.route().get(family).execute().try_collect().await.map_err(listing("routes"))?;
        routes.extend(found);
    }
    Ok(routes)
}

async fn apply(handle: &Handle, step: &Step) -> Result<(), Error> {
    let failed = |error: rtnetlink::Error| Error::Step {
        step: step.to_string(),
        source: Answer::from(error),
    };
    match step {
        Step::CreateBridge { name, mac } => {
            // One message: the kernel makes the bridge with all of it or not at all.
            let bridge = LinkMessageBuilder::<LinkBridge>::new(name)
                .address(mac.0.to_vec())
                .stp_state(BridgeStpState::Disabled)
                .forward_delay(0)
                .build();
            handle.link().add(bridge).execute().await.map_err(failed)
        }
        Step::CreateVlan { name, parent, id } => {
            let parent = index(handle, step, parent).await?;
            let vlan = LinkVlan::new(name, parent, *id).build();
            handle.link().add(vlan).execute().await.map_err(failed)
        }
        Step::SetStpOff { name } => {
            let bridge = existing(handle, step, name).await?.stp_state(BridgeStpState::Disabled);
            reconfigure(handle, bridge).await.map_err(failed)
        }
        Step::SetForwardDelayOff { name } => {
            let bridge = existing(handle, step, name).await?.forward_delay(0);
            reconfigure(handle, bridge).await.map_err(failed)
        }
        Step::SetMac { name, mac } => {
            let link = LinkUnspec::new_with_index(index(handle, step, name).await?);
            let link = link.address(mac.0.to_vec()).build();
            handle.link().set(link).execute().await.map_err(failed)
        }
        Step::SetMtu { name, mtu } => {
            let link = LinkUnspec::new_with_index(index(handle, step, name).await?);
            handle.link().set(link.mtu(*mtu).build()).execute().await.map_err(failed)
        }
        Step::AddAddress { name, address } => {
            let index = index(handle, step, name).await?;
            let request = handle.address().add(index, address.addr(), address.prefix_len());
            // `replace`: an address that appeared in the meantime is no failure.
            request.replace().execute().await.map_err(failed)
        }
        Step::SetUp { name } => {
            let link = LinkUnspec::new_with_index(index(handle, step, name).await?);
            handle.link().set(link.up().build()).execute().await.map_err(failed)
        }
        Step::SetDown { .. }
        | Step::DeleteLink { .. }
        | Step::DeleteAddress { .. }
        | Step::SetBridgeOptions { .. }
        | Step::GiveAddresses { .. }
        | Step::TakeAddresses { .. }
        | Step::SetRoutes { .. }
        | Step::Enslave { .. }
        | Step::Release { .. } => moving::apply(handle, step).await,
    }
}
