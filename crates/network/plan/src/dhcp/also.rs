//! Interfaces that are served beside the first: each only where it is microVMs' alone, or no other server
//! answers.

use mvm_config::Config;

use super::{Answers, Permit, Service};
use crate::network::Observed;

impl<'a> Service<'a> {
    /// What the file says of each further interface. To write one down is to ask for it.
    pub fn also(config: &'a Config) -> impl Iterator<Item = Self> {
        let network = &config.network;
        let also = network.dhcp.also.iter().filter(|_| network.dhcp.enabled);
        also.map(|one| Self {
            interface: one.interface.as_str(),
            own: network.addresses_of(&one.interface),
            requested: true,
        })
    }
}

/// Whether each of them is served on a machine like this; `answers` are what others said on any of them.
pub fn permits(config: &Config, observed: &Observed, answers: &[Answers]) -> Vec<(String, Permit)> {
    let permit = |service: Service<'_>| {
        let answers = answers.iter().find(|one| one.interface == service.interface);
        (service.interface.to_owned(), service.permit(observed, answers))
    };
    Service::also(config).map(permit).collect()
}

/// The file without those that may not be served.
pub fn only_permitted(config: &Config, permits: &[(String, Permit)]) -> Config {
    let mut config = config.clone();
    config.network.dhcp.also.retain(|one| {
        permits.iter().any(|(name, permit)| name == one.interface.as_str() && permit.is_granted())
    });
    config
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::network::{BridgeOptions, Link};

    #[test]
    fn a_bridge_of_our_own_is_served_and_a_lan_is_asked() {
        let text = "[network]\nvlan = [{ parent = \"bond0\", id = 7, addresses = [\"192.168.10.2/25\"] }]\n\
                    [network.dhcp]\nalso = [{ interface = \"bond0.7\" }]";
        let source = mvm_config::Source { name: "t".to_owned(), text: text.to_owned() };
        let config = mvm_config::load::parse(&[source]).unwrap().config;
        let bridge = Some(BridgeOptions { stp: false, forward_delay: 0 });
        let link = |name: &str| Link { name: name.to_owned(), ..Link::default() };
        let links = vec![link("bond0.7"), Link { bridge, ..link("br-mvm") }];
        let observed = Observed { links, ..Observed::default() };
        let unasked = permits(&config, &observed, &[]);
        assert_eq!(unasked, [("bond0.7".to_owned(), Permit::Unasked)]);
        assert!(only_permitted(&config, &unasked).network.dhcp.also.is_empty());
        let answers = Answers { interface: "bond0.7".to_owned(), ..Answers::default() };
        let granted = permits(&config, &observed, &[answers]);
        assert_eq!(only_permitted(&config, &granted).network.dhcp.also.len(), 1);
    }
}
