//! What clients are told by what the machine shows.

use mvm_config::Config;

use super::{Lan, Service};
use crate::{nat, network};

/// The least MTU of IPv4, and that of a host that has to take whole datagrams, in bytes.
const LEAST_MTU: u32 = 576;

impl<'a> Service<'a> {
    /// What the file says of the interface that it serves; `None` when it serves none.
    pub fn of(config: &'a Config) -> Option<Self> {
        let network = &config.network;
        let interface = network.dhcp.interface.as_ref().filter(|_| network.dhcp.enabled)?;
        let (own, requested) = (network.dhcp_addresses(), network.explicit.dhcp);
        Some(Self { interface: interface.as_str(), own, requested })
    }
}

/// The interface that the file serves, on a machine like this. Clients are told of an MTU where packets
/// leave this host by a smaller one than theirs.
pub fn lan(config: &Config, observed: &network::Observed) -> Lan {
    let Some(service) = Service::of(config) else { return Lan::default() };
    let link = observed.links.iter().find(|link| link.name == service.interface);
    let own = link.map_or(network::DEFAULT_MTU, |link| link.mtu);
    let desired = nat::desired(config).filter(|desired| !desired.sources.is_empty());
    let leaving = desired.and_then(|desired| nat::egress(&desired, observed).mtu);
    Lan {
        // dnsmasq has one word for all that it serves.
        authoritative: service.is_authoritative(observed)
            && Service::also(config).all(|service| service.is_authoritative(observed)),
        mtu: leaving.filter(|mtu| *mtu < own).map(|mtu| mtu.max(LEAST_MTU)),
        ipv6: !observed.lacks_ipv6(service.interface),
    }
}
