//! A firewall's rules, as far as they decide about a packet, whatever program wrote them.

use std::fmt;
use std::net::IpAddr;

use ipnet::IpNet;

/// All rules of a host.
#[derive(Debug, Default)]
pub(super) struct Ruleset {
    pub(super) chains: Vec<Chain>,
    /// Whether some rule gives packets a mark, so that none can be told from where it is.
    pub(super) marks: bool,
}

/// The program that a chain is changed by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Tool {
    /// nft(8).
    Nft,
    /// iptables or ip6tables, in nftables.
    Iptables,
    /// iptables-legacy or ip6tables-legacy.
    IptablesLegacy,
}

/// The packets that a table is asked of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Family {
    /// nft's `ip`.
    Ip,
    /// nft's `ip6`.
    Ip6,
    /// nft's `inet`: IPv4 and IPv6.
    Inet,
    /// Frames of bridges.
    Bridge,
    /// Frames of one interface.
    Netdev,
    /// Questions for hardware addresses, and their answers.
    Arp,
}

impl Family {
    pub(super) fn parse(word: &str) -> Option<Self> {
        Some(match word {
            "ip" => Self::Ip,
            "ip6" => Self::Ip6,
            "inet" => Self::Inet,
            "bridge" => Self::Bridge,
            "netdev" => Self::Netdev,
            "arp" => Self::Arp,
            _ => return None,
        })
    }
}

impl fmt::Display for Family {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Ip => "ip",
            Self::Ip6 => "ip6",
            Self::Inet => "inet",
            Self::Bridge => "bridge",
            Self::Netdev => "netdev",
            Self::Arp => "arp",
        })
    }
}

/// Where in the kernel a base chain is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Hook {
    /// Of frames that arrive on an interface.
    Ingress,
    /// Of packets that arrive.
    Prerouting,
    /// Of packets for this host.
    Input,
    /// Of packets for others.
    Forward,
    /// Of packets of this host.
    Output,
    /// Of packets that leave.
    Postrouting,
    /// Of frames that leave by an interface.
    Egress,
}

impl Hook {
    const WORDS: [(Self, &'static str); 7] = [
        (Self::Ingress, "ingress"),
        (Self::Prerouting, "prerouting"),
        (Self::Input, "input"),
        (Self::Forward, "forward"),
        (Self::Output, "output"),
        (Self::Postrouting, "postrouting"),
        (Self::Egress, "egress"),
    ];

    /// By nft's word, or by that of iptables, which is written in capitals.
    pub(super) fn parse(word: &str) -> Option<Self> {
        let found = Self::WORDS.into_iter().find(|(_, name)| word.eq_ignore_ascii_case(name));
        found.map(|(hook, _)| hook)
    }
}

impl fmt::Display for Hook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let found = Self::WORDS.into_iter().find(|(hook, _)| hook == self);
        f.write_str(found.map_or("", |(_, word)| word))
    }
}

/// A chain's name with its table.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    pub(super) tool: Tool,
    /// The table's family.
    pub(super) family: Family,
    pub(super) table: String,
    pub(super) chain: String,
}

impl Place {
    /// Names stand in commands that operators type: what a shell or nft would have to quote is shown
    /// and not typed.
    pub(super) fn is_plain(&self) -> bool {
        let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
        [&self.table, &self.chain].into_iter().all(|name| {
            name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
                && name.chars().all(fits)
        })
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let printable = |name: &str| -> String {
            name.chars().map(|c| if c.is_control() { '?' } else { c }).take(64).collect()
        };
        write!(f, "{} {} {}", self.family, printable(&self.table), printable(&self.chain))?;
        if self.tool == Tool::IptablesLegacy { f.write_str(" of iptables-legacy") } else { Ok(()) }
    }
}

#[derive(Debug)]
pub(super) struct Chain {
    pub(super) place: Place,
    /// Where it is asked by itself.
    pub(super) base: Option<Base>,
    pub(super) rules: Vec<Rule>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Base {
    pub(super) hook: Hook,
    /// Whether it gives packets other addresses: only the first of a connection is asked there.
    pub(super) translates: bool,
    /// Whether what no rule decides is dropped.
    pub(super) drops: bool,
    /// Of which interfaces, for the hooks that are of interfaces; `None` where it is not told.
    pub(super) devices: Option<Vec<String>>,
}

#[derive(Debug, Default)]
pub(super) struct Rule {
    pub(super) tests: Vec<Test>,
    pub(super) then: Then,
    /// Whether it excludes the packet from connection tracking.
    pub(super) untracks: bool,
    /// As the program that lists it writes it, shortened.
    pub(super) text: String,
}

/// What becomes of a packet that meets all tests of a rule.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) enum Then {
    /// The next rule is asked.
    #[default]
    On,
    Accept,
    Drop,
    Return,
    Jump(String),
    Goto(String),
    /// The first entry whose fields all match decides; without one the next rule is asked.
    Map(Vec<Field>, Vec<(Vec<Value>, Then)>),
    /// A program decides, or a map that is not told.
    Unknown,
}

impl Then {
    /// Whether a packet may end here: the rule's text is shown for that alone.
    pub(super) fn may_drop(&self) -> bool {
        match self {
            Self::Drop | Self::Unknown => true,
            Self::Map(_, entries) => entries.iter().any(|(_, then)| then.may_drop()),
            Self::On | Self::Accept | Self::Return | Self::Jump(_) | Self::Goto(_) => false,
        }
    }
}

/// Something of a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Field {
    In,
    Out,
    BridgeIn,
    BridgeOut,
    /// The protocol above IP, such as `tcp`.
    Protocol,
    SourcePort,
    Port,
    From,
    To,
    State,
    Status,
    Mark,
    /// Whether the frame is for this host alone: `host`, `broadcast`, `multicast`.
    Cast,
    /// `ipv4` or `ipv6`
    Version,
    /// The type of an ICMP message, by its name.
    Icmp,
    /// Where its receiver's address leads: `local`, `broadcast`, `unicast`.
    ToType,
    FromType,
    /// How many routers may still pass it on.
    HopLimit,
    /// Flags of TCP, joined by commas.
    Flags,
    Other,
}

/// A test of a rule: whether the field has one of the values, or none where it is `negated`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Test {
    pub(super) field: Field,
    pub(super) negated: bool,
    /// Any of them will do.
    pub(super) values: Vec<Value>,
}

impl Test {
    pub(super) fn is(field: Field, values: Vec<Value>) -> Self {
        Self { field, negated: false, values }
    }

    pub(super) fn unclear() -> Self {
        Self::is(Field::Other, vec![Value::Unknown])
    }

    /// No packet meets it.
    pub(super) fn never() -> Self {
        Self::is(Field::Other, vec![Value::Nothing])
    }
}

/// What a field is compared with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Value {
    /// With a `*` at its end it is the beginning of a name.
    Text(String),
    Number(i64),
    Range(i64, i64),
    Net(IpNet),
    Addresses(IpAddr, IpAddr),
    /// Every packet meets it.
    Anything,
    /// No packet.
    Nothing,
    /// It is not told.
    Unknown,
}
