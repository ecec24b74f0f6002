//! Whose an interface is: microVMs' alone, or somebody else's as well.
//!
//! A DHCP server on an interface that leads to a LAN answers the LAN's machines, so that mvmhost serves
//! only what is microVMs' alone, unless the file asks for it in so many words.

use std::fmt;

use ipnet::IpNet;
use mvm_core::names::FLINTLOCK_TAP;
use serde::Deserialize;

use super::{Link, Observed};

/// What the names of the interfaces begin with by which `check --deep` and mvm-net ask for an address.
pub const PROBE_PORT: &str = "mvmask";
/// A default route, also in halves as VPNs write it.
const DEFAULT_ROUTE: u8 = 1;

/// Why an interface carries others' traffic: the first reason that was found.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Others {
    /// It is no bridge: who is at the other end of its cable is not known.
    Cable,
    /// This interface is a port of the bridge and no microVM's.
    Port(String),
    /// It has this address, which the file does not name.
    Address(IpNet),
    /// A default route of this host leads through it.
    DefaultRoute,
    /// This program configures it.
    Manager(String),
}

impl fmt::Display for Others {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cable => f.write_str("its cable leads to machines of others"),
            Self::Port(name) => write!(f, "{name} is a port of it"),
            Self::Address(address) => write!(f, "it has the address {address}"),
            Self::DefaultRoute => f.write_str("the host's default route leads through it"),
            Self::Manager(name) => write!(f, "{name} configures it"),
        }
    }
}

impl Observed {
    /// Why the interface carries others' traffic; `None` when it is microVMs' alone or is not there.
    /// `own` are the addresses that the file gives it.
    pub fn others_on(&self, name: &str, own: &[IpNet]) -> Option<Others> {
        let link = self.links.iter().find(|link| link.name == name)?;
        if link.bridge.is_none() {
            return Some(Others::Cable);
        }
        let port = self.others_ports(name).next().map(|port| Others::Port(port.to_owned()));
        let leads = |length: u8| length <= DEFAULT_ROUTE;
        let default = self
            .routes
            .iter()
            .any(|route| route.interface == name && leads(route.destination.prefix_len()))
            .then_some(Others::DefaultRoute);
        let owner = link.addressing.owner.clone().filter(|_| !self.is_own(name));
        port.or(default).or_else(|| foreign_address(link, own)).or(owner.map(Others::Manager))
    }

    /// The ports of a bridge that are no microVM's.
    pub fn others_ports<'a>(&'a self, bridge: &'a str) -> impl Iterator<Item = &'a str> {
        let of_microvm =
            |name: &str| name.starts_with(FLINTLOCK_TAP) || name.starts_with(PROBE_PORT);
        self.links
            .iter()
            .filter(|link| link.master.as_deref() == Some(bridge))
            .map(|link| link.name.as_str())
            .filter(move |name| !of_microvm(name))
    }
}

fn foreign_address(link: &Link, own: &[IpNet]) -> Option<Others> {
    let is_own = |address: &IpNet| {
        own.contains(address)
            || matches!(address, IpNet::V6(net) if net.addr().is_unicast_link_local())
    };
    link.addresses.iter().find(|address| !is_own(address)).copied().map(Others::Address)
}
