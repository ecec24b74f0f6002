//! The table `inet mvmhost`, typed. As text it is what nft would be told, for people to read.

use std::fmt;

use ipnet::IpNet;
use serde::Serialize;

use super::Desired;

/// The whole table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Table {
    /// Its chains, in their order.
    pub chains: Vec<Chain>,
}

/// A chain of what leaves the machine, by a hook of its own; its policy is to accept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Chain {
    /// Its name.
    pub name: &'static str,
    /// What it is for.
    pub kind: Kind,
    /// Its rules, in their order.
    pub rules: Vec<Rule>,
}

/// What a chain is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// Gives what leaves another address.
    Nat,
    /// Changes packets.
    Filter,
}

impl Kind {
    /// nft's words for type and priority.
    pub fn words(self) -> (&'static str, &'static str) {
        match self {
            Self::Nat => ("nat", "srcnat"),
            Self::Filter => ("filter", "filter"),
        }
    }
}

/// What is done to the packets that match all of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Rule {
    /// What has to match.
    pub matches: Vec<Match>,
    /// What is done.
    pub action: Action,
}

/// Something that a packet has to be like.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Match {
    /// It comes from this network.
    From(IpNet),
    /// It is of the same family as this network and goes elsewhere.
    NotTo(IpNet),
    /// It leaves by this interface.
    OutBy(String),
    /// It leaves by any other.
    NotOutBy(String),
    /// It is UDP, with these ports.
    Udp {
        /// Of the sender.
        source: u16,
        /// Of the receiver.
        destination: u16,
    },
}

/// What is done to a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Action {
    /// It gets the address of the interface by which it leaves.
    Masquerade,
    /// Its UDP checksum becomes 0.
    ClearUdpChecksum,
}

impl Table {
    /// The table that `desired` needs.
    pub fn new(desired: &Desired) -> Self {
        let interface = || desired.interface.clone();
        let mut chains = Vec::new();
        if !desired.sources.is_empty() {
            let way_out = match &desired.uplink {
                Some(uplink) => Match::OutBy(uplink.clone()),
                None => Match::NotOutBy(interface()),
            };
            let rule = |source: &IpNet| Rule {
                matches: vec![
                    Match::From(source.trunc()),
                    Match::NotTo(source.trunc()),
                    way_out.clone(),
                ],
                action: Action::Masquerade,
            };
            let rules = desired.sources.iter().map(rule).collect();
            chains.push(Chain { name: "postrouting", kind: Kind::Nat, rules });
        }
        if desired.dhcp {
            // A client that reads DHCP from a raw socket sees the checksum that virtio left to be
            // filled in, and drops the answer; 0 means "none" to it.
            let answers = Match::Udp { source: 67, destination: 68 };
            let matches = vec![Match::OutBy(interface()), answers];
            let rules = vec![Rule { matches, action: Action::ClearUdpChecksum }];
            chains.push(Chain { name: "dhcp", kind: Kind::Filter, rules });
        }
        Self { chains }
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("table inet mvmhost {\n")?;
        for chain in &self.chains {
            let (kind, priority) = chain.kind.words();
            writeln!(f, "\tchain {} {{", chain.name)?;
            writeln!(f, "\t\ttype {kind} hook postrouting priority {priority}; policy accept;")?;
            for rule in &chain.rules {
                f.write_str("\t\t")?;
                rule.matches.iter().try_for_each(|found| write!(f, "{found} "))?;
                writeln!(f, "{}", rule.action)?;
            }
            f.write_str("\t}\n")?;
        }
        f.write_str("}\n")
    }
}

impl fmt::Display for Match {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::From(net) => write!(f, "{} saddr {net}", family(net)),
            Self::NotTo(net) => write!(f, "{} daddr != {net}", family(net)),
            // A name of an interface has neither quotes nor backslashes nor control characters.
            Self::OutBy(name) => write!(f, "oifname \"{name}\""),
            Self::NotOutBy(name) => write!(f, "oifname != \"{name}\""),
            Self::Udp { source, destination } => {
                write!(f, "udp sport {source} udp dport {destination}")
            }
        }
    }
}

fn family(net: &IpNet) -> &'static str {
    match net {
        IpNet::V4(_) => "ip",
        IpNet::V6(_) => "ip6",
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Masquerade => "masquerade",
            Self::ClearUdpChecksum => "udp checksum set 0",
        })
    }
}
