//! Effects on the network, by netlink and the kernel's switches.
//!
//! Belongs here: reading the machine's interfaces, routes and rules, and doing one planned step.
//! Does not belong here: deciding, which is `plan::network` and `plan::nat`.

mod apply;
mod asking;
mod bus;
mod discover;
mod docker;
mod error;
mod existing;
mod firewalld;
pub mod firewalls;
mod gateway;
mod held;
mod host;
mod kernel;
mod link;
mod machine_id;
mod managers;
mod message;
mod moving;
pub mod nat;
mod nft;
mod occupied;
mod ownership;
mod records;
mod routed;
pub mod systemd;
pub mod tailscale;
mod traffic;
pub mod uplink;
mod watch;

pub use apply::{End, Outcome, bring_up, take_down, unread};
pub use asking::{answers, answers_beside, ask, ask_beside};
pub use discover::offers;
pub use error::{Answer, Error};
pub use gateway::Probe;
pub use kernel::{Kernel, Network};
pub use machine_id::machine_id;
pub use occupied::answered;
pub use routed::routed;
pub use traffic::{Place, Tried, place, traffic};
pub use watch::Changes;
