//! One change of the network, and what it is called.

use std::fmt;

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use super::{BridgeOptions, InterfaceAddress, InterfaceRoute, Mac};

/// One change; records of what was made, and of the way back, hold it as JSON.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "do")]
pub enum Step {
    /// Make a bridge, down, without spanning tree and forward delay.
    CreateBridge {
        /// The name of the new bridge, such as `br-mvm`.
        name: String,
        /// [`Bridge::mac`](super::Bridge::mac), or the uplink's where one becomes a port.
        mac: Mac,
    },
    /// Make a VLAN, down.
    CreateVlan {
        /// The name of the new VLAN, such as `bond0.7`.
        name: String,
        /// The interface that it sits on.
        parent: String,
        /// 1 to 4094.
        id: u16,
    },
    /// Give a bridge a MAC of its own, which does not change with its ports.
    SetMac {
        /// The bridge.
        name: String,
        /// The planned MAC; on the way back the one that it had.
        mac: Mac,
    },
    /// Give a bridge the MTU of the file, else the uplink's, else 1500 bytes.
    SetMtu {
        /// The bridge.
        name: String,
        /// In bytes.
        mtu: u32,
    },
    /// Turn spanning tree off.
    SetStpOff {
        /// The bridge.
        name: String,
    },
    /// Let a new port forward at once.
    SetForwardDelayOff {
        /// The bridge.
        name: String,
    },
    /// Add an address; that it is there by now is no error.
    AddAddress {
        /// A bridge, a VLAN, or the parent of macvtaps.
        name: String,
        /// The address with its prefix length.
        address: IpNet,
    },
    /// Bring an interface up.
    SetUp {
        /// A bridge, a VLAN or its parent, or an uplink.
        name: String,
    },
    /// Bring it down again.
    SetDown {
        /// One that was down before [`Self::SetUp`].
        name: String,
    },
    /// Take an interface away that was made.
    DeleteLink {
        /// The bridge or VLAN.
        name: String,
    },
    /// Take an address away that was added.
    DeleteAddress {
        /// The one that has the address.
        name: String,
        /// The address with its prefix length.
        address: IpNet,
    },
    /// Give a bridge the spanning tree and forward delay that it had.
    SetBridgeOptions {
        /// The bridge.
        name: String,
        /// What it had before spanning tree or the delay was turned off.
        options: BridgeOptions,
    },
    /// Give an interface the addresses that another one has, whole.
    #[serde(rename = "add-held")]
    GiveAddresses {
        /// The bridge; on the way back the uplink.
        name: String,
        /// In the order in which they are added.
        addresses: Vec<InterfaceAddress>,
    },
    /// Take from an interface the addresses that another one has by now.
    #[serde(rename = "remove-held")]
    TakeAddresses {
        /// The uplink; on the way back the bridge.
        name: String,
        /// In the order in which they were added; the last one goes first.
        addresses: Vec<InterfaceAddress>,
    },
    /// Let routes lead through another interface, each in one message that replaces the old one.
    SetRoutes {
        /// The interface through which they lead afterwards.
        name: String,
        /// The interface through which they led before.
        from: String,
        /// Those that others need to reach their gateway come first.
        routes: Vec<InterfaceRoute>,
    },
    /// Make an interface a port of a bridge.
    Enslave {
        /// The uplink.
        name: String,
        /// The bridge that the uplink becomes a port of.
        bridge: String,
    },
    /// Make it a port no more.
    Release {
        /// The uplink.
        name: String,
    },
}

impl Step {
    /// `name` of the step: of [`Self::SetRoutes`] the interface that they lead through afterwards.
    pub fn interface(&self) -> &str {
        match self {
            Self::CreateBridge { name, .. }
            | Self::CreateVlan { name, .. }
            | Self::SetMac { name, .. }
            | Self::SetMtu { name, .. }
            | Self::SetStpOff { name }
            | Self::SetForwardDelayOff { name }
            | Self::AddAddress { name, .. }
            | Self::DeleteAddress { name, .. }
            | Self::SetBridgeOptions { name, .. }
            | Self::GiveAddresses { name, .. }
            | Self::TakeAddresses { name, .. }
            | Self::SetRoutes { name, .. }
            | Self::Enslave { name, .. }
            | Self::Release { name }
            | Self::DeleteLink { name }
            | Self::SetDown { name }
            | Self::SetUp { name } => name,
        }
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::CreateBridge { name, mac } => write!(f, "create bridge {name} with MAC {mac}"),
            Self::CreateVlan { name, parent, id } => {
                write!(f, "create {name}, VLAN {id} on {parent}")
            }
            Self::SetMac { name, mac } => write!(f, "give bridge {name} the MAC {mac}"),
            Self::SetMtu { name, mtu } => write!(f, "give bridge {name} the MTU {mtu}"),
            Self::SetStpOff { name } => write!(f, "turn spanning tree of bridge {name} off"),
            Self::SetForwardDelayOff { name } => {
                write!(f, "turn the forward delay of bridge {name} off")
            }
            Self::AddAddress { name, address } => write!(f, "add {address} to {name}"),
            Self::SetUp { name } => write!(f, "bring {name} up"),
            Self::SetDown { name } => write!(f, "bring {name} down"),
            Self::DeleteLink { name } => write!(f, "delete {name}"),
            Self::DeleteAddress { name, address } => write!(f, "take {address} from {name}"),
            Self::SetBridgeOptions { name, .. } => {
                write!(f, "give bridge {name} the spanning tree that it had")
            }
            Self::GiveAddresses { name, addresses } => write!(f, "give {name} {}", list(addresses)),
            Self::TakeAddresses { name, addresses } => {
                write!(f, "take {} from {name}", list(addresses))
            }
            Self::SetRoutes { name, from, routes } => {
                write!(f, "lead {} through {name} instead of {from}", list(routes))
            }
            Self::Enslave { name, bridge } => write!(f, "make {name} a port of {bridge}"),
            Self::Release { name } => write!(f, "make {name} a port of no bridge"),
        }
    }
}

fn list<T: fmt::Display>(items: &[T]) -> String {
    items.iter().map(T::to_string).collect::<Vec<_>>().join(", ")
}
