//! Whether mvmhost serves DHCP on an interface.

use std::net::Ipv4Addr;

use ipnet::IpNet;
use mvm_core::Finding;
use mvm_core::catalogue::dhcp;
use serde::{Deserialize, Serialize};

use crate::network::{Observed, Others};

/// What other servers answered, as it is kept in /run. An answer holds for the ports that were there.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Answers {
    /// Where they were asked.
    pub interface: String,
    /// The ports of others that the interface had then.
    pub ports: Vec<String>,
    /// The servers that offered an address; empty when nobody did.
    pub servers: Vec<Ipv4Addr>,
}

/// An interface that the file wants DHCP served on.
#[derive(Debug, Clone, Copy)]
pub struct Service<'a> {
    /// `network.dhcp.interface`.
    pub interface: &'a str,
    /// The addresses that the file gives it.
    pub own: &'a [IpNet],
    /// Whether the file asks in so many words that it is served.
    pub requested: bool,
}

/// Whether the interface is served.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Permit {
    /// It is microVMs' alone, or nobody else serves it.
    Granted,
    /// It is not, before other servers were asked.
    Unasked,
    /// It carries others' traffic, and the file does not ask for it.
    NotAsked(Others),
    /// These servers give out addresses there.
    Taken(Vec<Ipv4Addr>),
}

impl Permit {
    /// Whether it may be served now.
    pub fn is_granted(&self) -> bool {
        *self == Self::Granted
    }

    /// What there is to say.
    pub fn finding(&self, interface: &str) -> Option<Finding> {
        match self {
            Self::Granted | Self::Unasked => None,
            Self::NotAsked(why) => Some(dhcp::withheld(interface, why)),
            Self::Taken(servers) => {
                let servers: Vec<String> = servers.iter().map(ToString::to_string).collect();
                let taken = dhcp::other_server(interface, servers.join(", "));
                Some(taken)
            }
        }
    }
}

impl Service<'_> {
    /// Whether the interface is served, on a machine like this and by what others answered.
    pub fn permit(&self, observed: &Observed, answers: Option<&Answers>) -> Permit {
        let Some(others) = observed.others_on(self.interface, self.own) else {
            return Permit::Granted;
        };
        if !self.requested {
            return Permit::NotAsked(others);
        }
        let answers = answers.filter(|answers| {
            let is_covered = |port: &str| answers.ports.iter().any(|one| one == port);
            answers.interface == self.interface
                && observed.others_ports(self.interface).all(is_covered)
        });
        match answers {
            None => Permit::Unasked,
            Some(answers) if answers.servers.is_empty() => Permit::Granted,
            Some(answers) => Permit::Taken(answers.servers.clone()),
        }
    }

    /// Whether a machine that comes back with another network's address is told that it is wrong: only
    /// where nobody else's machines are.
    pub fn is_authoritative(&self, observed: &Observed) -> bool {
        let is_created = observed.own_steps.iter().any(|step| step.interface() == self.interface);
        let others = observed.others_on(self.interface, self.own);
        others.is_none() || (is_created && others == Some(Others::Cable))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::network::{BridgeOptions, Link};

    const BRIDGE: BridgeOptions = BridgeOptions { stp: false, forward_delay: 0 };

    fn machine(ports: &[&str]) -> Observed {
        let bridge = Link {
            name: "br0".to_owned(),
            bridge: Some(BRIDGE),
            addresses: vec!["10.42.0.1/24".parse().unwrap()],
            ..Link::default()
        };
        let port = |name: &&str| Link {
            name: (*name).to_owned(),
            master: Some("br0".to_owned()),
            ..Link::default()
        };
        let links = [vec![bridge], ports.iter().map(port).collect()].concat();
        Observed { links, ..Observed::default() }
    }

    fn permit(requested: bool, ports: &[&str], answers: Option<&Answers>) -> Permit {
        let own = ["10.42.0.1/24".parse().unwrap()];
        Service { interface: "br0", own: &own, requested }.permit(&machine(ports), answers)
    }

    #[test]
    fn what_is_microvms_alone_is_served() {
        assert_eq!(permit(false, &["fltap1", "mvmask77"], None), Permit::Granted);
    }

    #[test]
    fn a_lan_is_served_when_it_is_asked_for_and_nobody_answers() {
        let port = Permit::NotAsked(Others::Port("eth1".to_owned()));
        assert_eq!(permit(false, &["fltap1", "eth1"], None), port);
        assert_eq!(permit(true, &["eth1"], None), Permit::Unasked);
        let mut answers = Answers {
            interface: "br0".to_owned(),
            ports: vec!["eth1".to_owned()],
            servers: Vec::new(),
        };
        assert_eq!(permit(true, &["eth1"], Some(&answers)), Permit::Granted);
        // Nobody was asked by the second port.
        assert_eq!(permit(true, &["eth1", "eth2"], Some(&answers)), Permit::Unasked);
        answers.servers = vec![[192, 168, 77, 1].into()];
        assert_eq!(permit(true, &["eth1"], Some(&answers)), Permit::Taken(answers.servers.clone()));
        assert_eq!(permit(false, &["eth1"], Some(&answers)), port);
    }
}
