//! `[network]`.

use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use ipnet::{IpNet, Ipv4Net};

use crate::names::{IfName, MacAddr};

/// How a microVM's interface meets the host's network.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NetworkMode {
    /// `tap`, the default: a tap on the bridge of `[network.bridge]`.
    Tap,
    /// `macvtap`: a macvtap on the parent of `[network.macvtap]`.
    Macvtap,
    /// `none`: the operator makes the network.
    None,
}

/// `[network]`
#[derive(Debug, Clone, PartialEq)]
pub struct Network {
    /// `mode`: what interface a microVM gets; default `tap`.
    pub mode: NetworkMode,
    /// `[network.bridge]`
    pub bridge: Bridge,
    /// `[network.macvtap]`
    pub macvtap: Macvtap,
    /// `[[network.vlan]]`
    pub vlans: Vec<Vlan>,
    /// `reserved`: addresses that no microVM gets by DHCP, such as a control plane's
    pub reserved: Vec<Reserved>,
    /// `[network.dhcp]`
    pub dhcp: Dhcp,
    /// `[network.nat]`
    pub nat: Nat,
    /// `[network.tailscale] advertise-routes`
    pub tailscale_routes: Vec<IpNet>,
    /// What of this the file asks for in so many words.
    pub explicit: Explicit,
}

/// What the file asks for in so many words, and not by default: an interface that carries others'
/// traffic gets nothing else.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Explicit {
    /// `[network.bridge] addresses`
    pub addresses: bool,
    /// `[network.dhcp] enabled`
    pub dhcp: bool,
    /// `[network.nat] enabled`
    pub nat: bool,
}

impl Explicit {
    /// Whether a key of the file is one of these, and was not written.
    pub(crate) fn is_default(&self, path: &str) -> bool {
        match path {
            "network.bridge.addresses" => !self.addresses,
            "network.dhcp.enabled" => !self.dhcp,
            "network.nat.enabled" => !self.nat,
            _ => false,
        }
    }
}

impl Network {
    /// The addresses that this host has on `name` by this file: those of the bridge, the macvtap
    /// parent or a VLAN, as the mode has them. Empty for an interface that is somebody else's.
    pub fn addresses_of(&self, name: &IfName) -> &[IpNet] {
        if self.mode == NetworkMode::Tap && self.bridge.name == *name {
            return &self.bridge.addresses;
        }
        let parent = self.macvtap.parent.as_ref() == Some(name);
        if self.macvtap.enabled && parent && !self.macvtap.addresses.is_empty() {
            return &self.macvtap.addresses;
        }
        let vlan = self.vlans.iter().find(|vlan| vlan.name == *name);
        vlan.map_or(&[], |vlan| &vlan.addresses)
    }

    /// Whether microVMs may have taps on the bridge and macvtaps beside an interface.
    pub fn has_both(&self) -> bool {
        self.mode == NetworkMode::Tap && self.macvtap.enabled
    }

    /// What DHCP gives out of a range: all but the reserved addresses in it.
    pub fn leased(&self, range: Option<(Ipv4Addr, Ipv4Addr)>) -> Vec<(Ipv4Addr, Ipv4Addr)> {
        let Some((first, last)) = range else { return Vec::new() };
        let mut taken: Vec<u32> = self
            .reserved
            .iter()
            .filter_map(|one| match one.address {
                IpAddr::V4(address) => Some(u32::from(address)),
                IpAddr::V6(_) => None,
            })
            .filter(|address| (u32::from(first)..=u32::from(last)).contains(address))
            .collect();
        taken.sort_unstable();
        taken.dedup();
        let (mut from, mut parts) = (Some(u32::from(first)), Vec::new());
        for address in taken {
            if let Some(from) = from.filter(|from| *from < address) {
                parts.push((from.into(), (address - 1).into()));
            }
            from = address.checked_add(1);
        }
        parts.extend(from.filter(|from| *from <= u32::from(last)).map(|from| (from.into(), last)));
        parts
    }

    /// The addresses that this host has on all interfaces where DHCP is served.
    pub fn served_addresses(&self) -> Vec<IpNet> {
        let also = self.dhcp.also.iter().flat_map(|one| self.addresses_of(&one.interface));
        self.dhcp_addresses().iter().chain(also).copied().collect()
    }

    /// The addresses that this host has on the interface where DHCP is served.
    pub fn dhcp_addresses(&self) -> &[IpNet] {
        match &self.dhcp.interface {
            Some(name) => self.addresses_of(name),
            None if self.mode == NetworkMode::Macvtap => &self.macvtap.addresses,
            None => &[],
        }
    }
}

/// `[network.bridge]`
#[derive(Debug, Clone, PartialEq)]
pub struct Bridge {
    /// `name`; default `br-mvm`.
    pub name: IfName,
    /// `addresses` with their prefix length; the host part is kept.
    pub addresses: Vec<IpNet>,
    /// `uplink`; `None` is written `""`.
    pub uplink: Option<IfName>,
    /// `mtu` in bytes; `None` is written 0: the uplink's, else 1500.
    pub mtu: Option<u32>,
}

/// `[network.macvtap]`
#[derive(Debug, Clone, PartialEq)]
pub struct Macvtap {
    /// `enabled`: whether microVMs may have macvtaps; default: with mode = "macvtap"
    pub enabled: bool,
    /// `parent`; `None` is written `""`: the interface of the default route.
    pub parent: Option<IfName>,
    /// `addresses` of this host on the parent, with their prefix length.
    pub addresses: Vec<IpNet>,
}

/// `[[network.vlan]]`
#[derive(Debug, Clone, PartialEq)]
pub struct Vlan {
    /// `parent`: the interface whose frames are tagged.
    pub parent: IfName,
    /// `id` of the VLAN, 1 to 4094.
    pub id: u16,
    /// `name`; default `parent.id`
    pub name: IfName,
    /// `addresses` of this host on the VLAN, with their prefix length.
    pub addresses: Vec<IpNet>,
}

/// One entry of `[network] reserved`: an address that DHCP gives to nobody.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reserved {
    /// `address` that DHCP gives to nobody.
    pub address: IpAddr,
    /// `name`: whose it is, such as the cluster's
    pub name: Option<String>,
}

/// `[network.dhcp]`
#[derive(Debug, Clone, PartialEq)]
pub struct Dhcp {
    /// `enabled`; default: true for a bridge with an address and no uplink
    pub enabled: bool,
    /// `interface`; default: the bridge, or the macvtap parent (`None` when that is found at run time)
    pub interface: Option<IfName>,
    /// `range`, first and last; default: the first IPv4 subnet without its first nine addresses
    pub range: Option<(Ipv4Addr, Ipv4Addr)>,
    /// `lease-time`, 2 min or more; default 10 min.
    pub lease_time: Duration,
    /// `router`; default: this host's address on the interface
    pub router: Option<IpAddr>,
    /// `dns`: servers that microVMs are told; without any, this host, which forwards.
    pub dns: Vec<IpAddr>,
    /// `dns-server`: dnsmasq also answers DNS; false leaves port 53 free; default true.
    pub dns_server: bool,
    /// `domain`: the end of microVMs' names; `None` is written `""`
    pub domain: Option<String>,
    /// `ntp`: time servers that microVMs are told
    pub ntp: Vec<Ipv4Addr>,
    /// `routes`: ways beside the router that microVMs are told
    pub routes: Vec<StaticRoute>,
    /// `reservations`: addresses that belong to one MAC address each.
    pub reservations: Vec<Reservation>,
    /// `also`: further interfaces that are served
    pub also: Vec<Also>,
}

/// One entry of `[network.dhcp] also`: one more interface on which DHCP is served.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Also {
    /// `interface`: one to which the file gives an IPv4 address
    pub interface: IfName,
    /// `range`; default: its first IPv4 subnet without its first nine addresses
    pub range: Option<(Ipv4Addr, Ipv4Addr)>,
    /// `router`; default: this host's address on the interface
    pub router: Option<IpAddr>,
    /// `dns`: servers that microVMs on it are told.
    pub dns: Vec<IpAddr>,
}

/// One entry of `[network.dhcp] routes`: microVMs get it by DHCP, as a classless static route.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StaticRoute {
    /// `to`: the IPv4 subnet that `via` leads to.
    pub to: Ipv4Net,
    /// `via`: by whom it is reached
    pub via: Ipv4Addr,
}

/// One entry of `[network.dhcp] reservations`: the address that one MAC address always gets.
#[derive(Debug, Clone, PartialEq)]
pub struct Reservation {
    /// `mac` of the interface inside the microVM.
    pub mac: MacAddr,
    /// `address` that it gets, in a subnet that is served.
    pub address: IpAddr,
    /// `name`: the host name that DHCP gives it; the first card of a microVM of this name gets
    /// `mac`.
    pub name: Option<String>,
}

/// `[network.nat]`
#[derive(Debug, Clone, PartialEq)]
pub struct Nat {
    /// `enabled`; default: as DHCP
    pub enabled: bool,
    /// `sources`; default: the subnets of the DHCP interface
    pub sources: Vec<IpNet>,
    /// `uplink`; `None` is written `""`: whatever the default route uses
    pub uplink: Option<IfName>,
}
