//! The table `inet mvmhost`, typed. As text it is what nft would be told, for people to read.

use std::fmt;

use ipnet::IpNet;
use serde::Serialize;

use super::Desired;

/// The table `inet mvmhost`, all of it; one without chains is not loaded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Table {
    /// Its chains, in their order.
    pub chains: Vec<Chain>,
}

/// A chain with a hook of its own; its policy is to accept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Chain {
    /// `postrouting`, `mss`, `withheld-in`, `withheld-out` or `dhcp`.
    pub name: &'static str,
    /// It decides the chain's type, hook and priority.
    pub kind: Kind,
    /// Its rules, in their order.
    pub rules: Vec<Rule>,
}

/// What a chain does, which decides its type, hook and priority.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// Gives what leaves another address.
    Nat,
    /// Changes packets that leave.
    Filter,
    /// Changes packets that are forwarded.
    Forward,
    /// Drops packets for this host.
    Input,
    /// Drops packets of this host.
    Output,
}

impl Kind {
    /// nft's words for type, hook and priority.
    pub fn type_hook_priority(self) -> (&'static str, &'static str, &'static str) {
        match self {
            Self::Nat => ("nat", "postrouting", "srcnat"),
            Self::Filter => ("filter", "postrouting", "filter"),
            Self::Forward => ("filter", "forward", "mangle"),
            Self::Input => ("filter", "input", "filter"),
            Self::Output => ("filter", "output", "filter"),
        }
    }
}

/// What is done to the packets that match all of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Rule {
    /// The rule is for packets that are like all of these.
    pub matches: Vec<Match>,
    /// What happens to such a packet.
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
    /// It comes in by this interface.
    InBy(String),
    /// It is TCP and begins a connection.
    TcpSyn,
    /// `udp dport`: it is UDP, to this port.
    UdpTo(u16),
    /// `udp sport`: it is UDP, from this port.
    UdpFrom(u16),
    /// `icmpv6 type nd-router-advert`.
    RouterAdvertisement,
    /// It is UDP, with these ports.
    Udp {
        /// `udp sport`.
        source: u16,
        /// `udp dport`.
        destination: u16,
    },
}

/// What is done to a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Action {
    /// It gets the address of the interface by which it leaves.
    Masquerade,
    /// Its UDP checksum becomes 0, which means that it has none.
    ClearUdpChecksum,
    /// TCP sends no more at once than the path takes, in both directions.
    ClampMss,
    /// It goes no further.
    Drop,
}

impl Table {
    /// The table that `desired` needs.
    pub fn new(desired: &Desired) -> Self {
        let interface = || desired.interface.clone();
        let rules: Vec<Rule> =
            desired.sources.iter().flat_map(|net| masquerade(net, desired)).collect();
        let mut chains = Vec::new();
        if !rules.is_empty() {
            chains.push(Chain { name: "postrouting", kind: Kind::Nat, rules });
        }
        if !desired.sources.is_empty() || desired.tailnet {
            let clamp =
                |side| Rule { matches: vec![side, Match::TcpSyn], action: Action::ClampMss };
            let both = |name: &str| [Match::InBy(name.to_owned()), Match::OutBy(name.to_owned())];
            let rules = desired.interfaces().flat_map(both).map(clamp).collect();
            chains.push(Chain { name: "mss", kind: Kind::Forward, rules });
        }
        if desired.dhcp && desired.withheld {
            let drop = |matches| Rule { matches, action: Action::Drop };
            let requests = vec![drop(vec![Match::InBy(interface()), Match::UdpTo(SERVER)])];
            chains.push(Chain { name: "withheld-in", kind: Kind::Input, rules: requests });
            let replies = vec![
                drop(vec![Match::OutBy(interface()), Match::UdpFrom(SERVER)]),
                drop(vec![Match::OutBy(interface()), Match::UdpFrom(SERVER_V6)]),
                drop(vec![Match::OutBy(interface()), Match::RouterAdvertisement]),
            ];
            chains.push(Chain { name: "withheld-out", kind: Kind::Output, rules: replies });
        }
        let served = desired.interfaces().skip(usize::from(desired.withheld));
        let served: Vec<&str> = served.filter(|_| desired.dhcp).collect();
        if !served.is_empty() {
            // A client that reads DHCP from a raw socket sees the checksum that virtio left to be
            // filled in, and drops the answer; 0 means "none" to it.
            let rule = |name: &str| {
                let answers = Match::Udp { source: SERVER, destination: 68 };
                let matches = vec![Match::OutBy(name.to_owned()), answers];
                Rule { matches, action: Action::ClearUdpChecksum }
            };
            let rules = served.into_iter().map(rule).collect();
            chains.push(Chain { name: "dhcp", kind: Kind::Filter, rules });
        }
        Self { chains }
    }
}

/// The port of a DHCP server, of IPv4 and of IPv6.
const SERVER: u16 = 67;
const SERVER_V6: u16 = 547;

/// A rule for each interface by which packets of this network leave.
fn masquerade(source: &IpNet, desired: &Desired) -> Vec<Rule> {
    let net = source.trunc();
    let rule = |leaving: &String| Rule {
        matches: vec![Match::From(net), Match::NotTo(net), Match::OutBy(leaving.clone())],
        action: Action::Masquerade,
    };
    desired.egress.of(source).iter().map(rule).collect()
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("table inet mvmhost {\n")?;
        for chain in &self.chains {
            let (kind, hook, priority) = chain.kind.type_hook_priority();
            writeln!(f, "\tchain {} {{", chain.name)?;
            writeln!(f, "\t\ttype {kind} hook {hook} priority {priority}; policy accept;")?;
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
            Self::InBy(name) => write!(f, "iifname \"{name}\""),
            Self::TcpSyn => f.write_str("tcp flags syn"),
            Self::UdpTo(port) => write!(f, "udp dport {port}"),
            Self::UdpFrom(port) => write!(f, "udp sport {port}"),
            Self::RouterAdvertisement => f.write_str("icmpv6 type nd-router-advert"),
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
            Self::ClampMss => "tcp option maxseg size set rt mtu",
            Self::Drop => "drop",
        })
    }
}
