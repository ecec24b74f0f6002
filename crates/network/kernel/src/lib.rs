//! Effects on the network, by netlink and the kernel's switches.
//!
//! Belongs here: reading the machine's interfaces, routes and rules, and doing one planned step.
//! Does not belong here: deciding, which is `mvm-network-plan`, and test packets, which are
//! `mvm-network-traffic`.

mod addressing;
mod apply;
mod asking;
mod bus;
mod docker;
mod error;
mod existing;
mod firewalld;
pub mod firewalls;
mod gateway;
mod host;
mod kernel;
mod machine_id;
mod managers;
mod message;
mod moving;
pub mod nat;
mod nft;
mod occupied;
mod ownership;
pub mod packet_socket;
mod records;
mod routed;
pub mod systemd;
pub mod tailscale;
pub mod uplink;
mod watch;

pub use apply::{End, Outcome, bring_up, take_down, unread};
pub use asking::{answers, answers_beside, ask, ask_beside};
pub use error::{Answer, Error};
pub use gateway::Probe;
pub use kernel::{Kernel, Network};
/// nftables' trace of single packets: marks on them, and what the kernel tells of their way.
pub mod trace {
    pub use crate::nft::{Event, Listener, Mark, Trace};
}
pub use machine_id::machine_id;
pub use occupied::address_owners;
pub use routed::routed;
pub use watch::Changes;
