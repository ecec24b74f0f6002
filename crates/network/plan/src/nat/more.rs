//! Interfaces on which DHCP is served beside the first: what is forwarded and translated holds for them
//! too, and so does what others' firewalls are told.

use mvm_config::model::{self, NetworkMode};

use super::{Carries, Desired};

/// An interface on which DHCP is served beside the first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct More {
    /// `interface` of an entry of `network.dhcp.also`.
    pub interface: String,
    /// [`Carries::MicroVms`] for a VLAN and for a bridge without an uplink, else [`Carries::Both`].
    pub carries: Carries,
}

impl Desired {
    /// The same for an interface that is served besides: what others' firewalls are told of it.
    pub(super) fn besides(&self, more: &More) -> Self {
        Self {
            interface: more.interface.clone(),
            carries: more.carries,
            withheld: false,
            more: Vec::new(),
            ..self.clone()
        }
    }

    /// All interfaces that are served.
    pub fn interfaces(&self) -> impl Iterator<Item = &str> {
        let more = self.more.iter().map(|more| more.interface.as_str());
        std::iter::once(self.interface.as_str()).chain(more)
    }
}

/// What the file says of such an interface.
pub(super) fn more(network: &model::Network) -> impl Fn(&model::Also) -> More {
    move |also| {
        let bridge = network.mode == NetworkMode::Tap && also.interface == network.bridge.name;
        let vlan = network.vlans.iter().any(|vlan| also.interface == vlan.name);
        let of_microvms = vlan || (bridge && network.bridge.uplink.is_none());
        let carries = if of_microvms { Carries::MicroVms } else { Carries::Both };
        More { interface: also.interface.to_string(), carries }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Firewalld, Firewalls, Iptables, Observed, Table, desired, plan, switches};
    use super::*;
    use crate::network;

    const HUB: &str = "[network]\nvlan = [{ parent = \"bond0\", id = 7, addresses = [\"192.168.10.2/25\"] }]\n\
                       [network.dhcp]\ninterface = \"bond0.7\"\nenabled = true\n\
                       also = [{ interface = \"br-mvm\" }]\n[network.nat]\nenabled = true\nuplink = \"eth0\"";

    fn hub() -> (Desired, network::Observed) {
        let source = mvm_config::Source { name: "t".to_owned(), text: HUB.to_owned() };
        let config = mvm_config::load::parse(&[source]).unwrap().config;
        let link = |name: &str| network::Link { name: name.to_owned(), ..network::Link::default() };
        let bridge = Some(network::BridgeOptions { stp: false, forward_delay: 0 });
        let links = vec![link("eth0"), link("bond0.7"), network::Link { bridge, ..link("br-mvm") }];
        let observed = network::Observed { links, ..network::Observed::default() };
        (desired(&config).unwrap().on_network(&observed, None), observed)
    }

    #[test]
    fn both_networks_of_a_hub_are_forwarded_and_translated() {
        let (desired, machine) = hub();
        let text = Table::new(&desired).to_string();
        for line in [
            "ip saddr 192.168.10.0/25 ip daddr != 192.168.10.0/25 oifname \"eth0\" masquerade",
            "ip saddr 10.42.0.0/24 ip daddr != 10.42.0.0/24 oifname \"eth0\" masquerade",
            "iifname \"br-mvm\" tcp flags syn",
            "oifname \"br-mvm\" udp sport 67 udp dport 68 udp checksum set 0",
        ] {
            assert!(text.contains(line), "no {line} in {text}");
        }
        let paths: Vec<String> =
            switches(&desired, &machine, &[]).into_iter().map(|switch| switch.path).collect();
        assert!(paths.contains(&"net/ipv4/conf/br-mvm/forwarding".to_owned()), "{paths:?}");
    }

    #[test]
    fn firewalls_of_others_are_told_of_both() {
        let (desired, _) = hub();
        let lacking = || Firewalls {
            firewalld: Firewalld::Unassigned,
            docker_lacks: vec![(Iptables::V4, vec![0, 1, 2])],
            ..Firewalls::default()
        };
        let observed =
            Observed { firewalls: lacking(), more: vec![lacking()], ..Observed::default() };
        let steps: Vec<String> =
            plan(Some(&desired), &[], &observed).steps.iter().map(ToString::to_string).collect();
        for name in ["bond0.7", "br-mvm"] {
            let count = steps.iter().filter(|step| step.contains(name)).count();
            assert!(count >= 3, "{name} in {steps:?}");
        }
    }

    #[test]
    fn a_port_of_the_bridge_keeps_its_switches() {
        let text = "network.bridge.addresses = [\"10.1.0.1/24\", \"fd00:1::1/64\"]".to_owned();
        let source = mvm_config::Source { name: "t".to_owned(), text };
        let config = mvm_config::load::parse(&[source]).unwrap().config;
        let link = |name: &str, master: Option<&str>| network::Link {
            name: name.to_owned(),
            master: master.map(str::to_owned),
            ..network::Link::default()
        };
        let links = vec![link("br-mvm", None), link("fltap1", Some("br-mvm")), link("eth0", None)];
        let observed = network::Observed { links, ..network::Observed::default() };
        let accept_ra = ["br-mvm", "eth0", "fltap1"].map(str::to_owned);
        let found = switches(&desired(&config).unwrap(), &observed, &accept_ra);
        let paths = found.iter().map(|switch| switch.path.as_str());
        let paths: Vec<&str> = paths.filter(|path| path.starts_with("net/ipv6")).collect();
        assert_eq!(paths, ["net/ipv6/conf/eth0/accept_ra", "net/ipv6/conf/all/forwarding"]);
    }
}
