//! Addresses and routes as the kernel tells them, whole: what moves to a bridge with its uplink has
//! to come back as it was.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr};

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

/// IFA_F_NODAD of linux/if_addr.h: nobody is asked whether he has the address as well.
const NO_DAD: u32 = 0x02;
/// IFA_F_NOPREFIXROUTE: the subnet's route is somebody else's to make.
const NO_PREFIX_ROUTE: u32 = 0x200;
/// RTPROT_KERNEL of linux/rtnetlink.h.
pub(super) const BY_KERNEL: u8 = 2;

/// An address of an interface, with all that RTM_NEWADDR tells of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InterfaceAddress {
    /// With its prefix length.
    pub address: IpNet,
    /// The other end of a point-to-point address.
    pub peer: Option<IpAddr>,
    /// IFA_BROADCAST, which only IPv4 has.
    pub broadcast: Option<Ipv4Addr>,
    /// Of IPv4, where it is not the interface's name.
    pub label: Option<String>,
    /// The kernel's number: 0 is global.
    pub scope: u8,
    /// Those of IFA_F_* that a program may set.
    pub flags: u32,
    /// For how many seconds it is preferred and valid, [`u32::MAX`] for ever; `None` is both.
    pub lifetimes: Option<(u32, u32)>,
    /// Of its subnet's route, where it is not the usual one.
    pub metric: Option<u32>,
    /// The kernel's number for who brought it, IFAPROT_*.
    pub protocol: Option<u8>,
}

impl InterfaceAddress {
    /// Whether a program that got it from a DHCP server has to renew it. Router advertisements
    /// never give an address of 128 bits, and the kernel renews by them itself.
    pub(super) fn is_leased(&self) -> bool {
        let alone = self.address.addr().is_ipv4() || self.address.prefix_len() == 128;
        self.lifetimes.is_some_and(|(_, valid)| valid != u32::MAX) && alone
    }

    /// Whether adding it makes this route.
    pub(super) fn brings(&self, route: &InterfaceRoute) -> bool {
        let subnet = route.destination == self.address.trunc() && route.gateway.is_none();
        subnet && route.protocol == BY_KERNEL && self.flags & NO_PREFIX_ROUTE == 0
    }

    /// The same, to be used at once: it was proved unique on the other interface, and IPv6 would
    /// be silent for the second in which it was proved again.
    pub fn proved(&self) -> Self {
        let flag = if self.address.addr().is_ipv6() { NO_DAD } else { 0 };
        Self { flags: self.flags | flag, ..self.clone() }
    }

    /// The same for a bridge: [`Self::proved`], and without the label.
    pub(super) fn on_bridge(&self) -> Self {
        Self { label: None, ..self.proved() }
    }
}

impl fmt::Display for InterfaceAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.address.fmt(f)
    }
}

/// One unicast route through an interface.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InterfaceRoute {
    /// RTA_DST; a prefix length of 0 is the default route.
    pub destination: IpNet,
    /// By whom; `None` is directly.
    pub gateway: Option<IpAddr>,
    /// The own address that is used for it.
    pub source: Option<IpAddr>,
    /// The kernel's number: 254 is main.
    pub table: u32,
    /// The kernel's number for who made it, RTPROT_*.
    pub protocol: u8,
    /// RT_SCOPE_*.
    pub scope: u8,
    /// The type of service it is for.
    pub tos: u8,
    /// Whether the gateway counts as reachable although no subnet has it.
    pub onlink: bool,
    /// The lower, the better.
    pub metric: Option<u32>,
    /// Of IPv6 routers, ICMPV6_ROUTER_PREF_*.
    pub preference: Option<u8>,
    /// In how many seconds it ends.
    pub expires: Option<u32>,
    /// RTAX_* and their values, such as 2 for the MTU.
    pub metrics: Vec<(u16, u32)>,
}

impl fmt::Display for InterfaceRoute {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.destination.prefix_len() == 0 {
            f.write_str("the default route")?;
        } else {
            write!(f, "the route {}", self.destination)?;
        }
        self.gateway.map_or(Ok(()), |gateway| write!(f, " via {gateway}"))
    }
}

/// What an interface has that would have to go with it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Addressing {
    /// All but link-local ones, in the kernel's order.
    pub addresses: Vec<InterfaceAddress>,
    /// All but those of link-local subnets and of the kernel's own tables, in the kernel's order.
    pub routes: Vec<InterfaceRoute>,
    /// Whether the kernel still asks if somebody else has one of its IPv6 addresses.
    pub proving: bool,
    /// What cannot be moved, in words.
    pub unmovable: Vec<String>,
    /// The program that gives the interface its addresses and would do so again.
    pub owner: Option<String>,
}
