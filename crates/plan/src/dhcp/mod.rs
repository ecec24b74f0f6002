//! DHCP and DNS for microVMs: the configuration of dnsmasq, and its leases.

mod leases;
mod packet;
mod render;

pub use leases::{Lease, leases};
pub use packet::{Offer, discover, offer};
pub use render::render;

/// Where dnsmasq keeps its leases: they outlive a reboot.
pub const LEASES: &str = "/var/lib/mvmhost/leases/dnsmasq.leases";
