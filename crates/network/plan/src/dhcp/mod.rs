//! DHCP and DNS for microVMs: the configuration of dnsmasq, and its leases.

mod also;
mod lan;
mod leases;
mod packet;
mod permit;
mod render;

pub use also::{only_permitted, permits};
pub use lan::lan;
pub use leases::{Lease, leases};
pub use packet::{Offer, discover, offer};
pub use permit::{Answers, Permit, Service};
pub use render::{Lan, render, render_on};

/// Where dnsmasq keeps its leases: they outlive a reboot.
pub const LEASES: &str = "/var/lib/mvmhost/leases/dnsmasq.leases";
