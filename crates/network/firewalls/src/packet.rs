//! A packet at a place of its path, and whether it meets a test.

use std::net::IpAddr;

use ipnet::IpNet;

use super::ruleset::{Family, Field, Hook, Test, Value};

/// A packet, by what rules ask of it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Packet<'a> {
    pub(super) v6: bool,
    /// `tcp`, `udp`, `icmp`, `icmpv6`
    pub(super) protocol: &'a str,
    /// The ports of sender and receiver; `None` is one that the sender chose.
    pub(super) ports: (Option<i64>, Option<i64>),
    /// The network of the sender and that of the receiver, where they are known.
    pub(super) ends: (Option<IpNet>, Option<IpNet>),
    /// conntrack's word: `new`, `established`.
    pub(super) state: &'a str,
    /// `host`, `broadcast`, `multicast`
    pub(super) cast: &'a str,
    /// The type of an ICMP message.
    pub(super) icmp: Option<&'a str>,
    /// Where its receiver's address leads.
    pub(super) to_type: Option<&'a str>,
}

impl Packet<'_> {
    fn version(&self) -> &'static str {
        match (self.protocol, self.v6) {
            (ARP, _) => ARP,
            (_, true) => "ipv6",
            (_, false) => "ipv4",
        }
    }
}

/// The protocol of a packet that asks for a hardware address.
pub(super) const ARP: &str = "arp";

/// An interface at a place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Name<'a> {
    /// No interface at this place, such as the incoming one of a packet of this host.
    None,
    Is(&'a str),
    /// A port of a bridge: one of many names with this beginning.
    Begins(&'a str),
    /// One of these; with none of them known any but the second.
    AnyOf(&'a [String], &'a str),
}

/// A place on the packet's path.
#[derive(Debug, Clone, Copy)]
pub(super) struct Hop<'a> {
    pub(super) hook: Hook,
    /// Frames of a bridge, or packets.
    pub(super) layer: Layer,
    pub(super) comes_in: Name<'a>,
    pub(super) goes_out: Name<'a>,
    /// The bridge that the frame passes; [`Name::None`] for packets.
    pub(super) bridge: Name<'a>,
}

/// Whose rules are asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Layer {
    /// Those of IP.
    Packets,
    /// Those of bridges.
    Frames,
    /// Those of an interface.
    Device,
    /// Those of the family `arp`.
    Arp,
}

impl Hop<'_> {
    /// Whether chains of this family are asked there.
    pub(super) fn asks(&self, family: Family, v6: bool) -> bool {
        match (self.layer, family) {
            (Layer::Packets, Family::Inet) | (Layer::Frames, Family::Bridge) => true,
            (Layer::Packets, Family::Ip) => !v6,
            (Layer::Packets, Family::Ip6) => v6,
            (Layer::Device, Family::Netdev | Family::Inet) | (Layer::Arp, Family::Arp) => true,
            _ => false,
        }
    }
}

/// Whether a packet meets a test.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Met {
    Yes,
    No,
    Unclear,
}

impl Met {
    pub(super) fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::No, _) | (_, Self::No) => Self::No,
            (Self::Yes, Self::Yes) => Self::Yes,
            _ => Self::Unclear,
        }
    }

    fn or(self, other: Self) -> Self {
        match (self, other) {
            (Self::Yes, _) | (_, Self::Yes) => Self::Yes,
            (Self::No, Self::No) => Self::No,
            _ => Self::Unclear,
        }
    }

    fn not(self) -> Self {
        match self {
            Self::Yes => Self::No,
            Self::No => Self::Yes,
            Self::Unclear => Self::Unclear,
        }
    }

    fn of(is: bool) -> Self {
        if is { Self::Yes } else { Self::No }
    }
}

/// What is asked: a packet at a place. With `marks` its mark may be any.
#[derive(Debug, Clone, Copy)]
pub(super) struct At<'a> {
    pub(super) packet: Packet<'a>,
    pub(super) hop: Hop<'a>,
    pub(super) marks: bool,
}

impl At<'_> {
    pub(super) fn meets(&self, test: &Test) -> Met {
        let met = self.is_any(test.field, &test.values);
        if test.negated { met.not() } else { met }
    }

    pub(super) fn is_any(&self, field: Field, values: &[Value]) -> Met {
        values.iter().fold(Met::No, |met, value| met.or(self.is(field, value)))
    }

    fn is(&self, field: Field, value: &Value) -> Met {
        match value {
            Value::Anything => return Met::Yes,
            Value::Nothing => return Met::No,
            Value::Unknown => return Met::Unclear,
            _ => {}
        }
        let packet = &self.packet;
        let word = |actual: Option<&str>| match (actual, value) {
            (Some(actual), Value::Text(text)) => Met::of(actual == text),
            _ => Met::Unclear,
        };
        match field {
            Field::In => name(self.hop.comes_in, value),
            Field::Out => name(self.hop.goes_out, value),
            Field::BridgeIn | Field::BridgeOut => name(self.hop.bridge, value),
            Field::Protocol => word(Some(packet.protocol)),
            Field::SourcePort => number(packet.ports.0, value),
            Field::Port => number(packet.ports.1, value),
            Field::From => address(packet.ends.0, value),
            Field::To => address(packet.ends.1, value),
            Field::State => word(Some(packet.state)),
            // Nobody has changed where it goes.
            Field::Status => Met::No,
            Field::Mark if self.marks => Met::Unclear,
            Field::Mark => number(Some(0), value),
            Field::Cast => word(Some(packet.cast)),
            Field::Version => word(Some(packet.version())),
            Field::Icmp => packet.icmp.map_or(Met::No, |icmp| word(Some(icmp))),
            Field::ToType => word(packet.to_type),
            Field::Flags => flags(packet, value),
            // A neighbour's message has 255 (RFC 4861, 6.1), and others what the sender is set to.
            Field::HopLimit => packet.icmp.map_or(Met::Unclear, |_| number(Some(255), value)),
            Field::FromType | Field::Other => Met::Unclear,
        }
    }
}

/// The first packet of a connection has the flag `syn` alone. Which flags a mask leaves is not asked:
/// one that the packet does not have is never left.
fn flags(packet: &Packet<'_>, value: &Value) -> Met {
    let Value::Text(tested) = value else { return Met::Unclear };
    let actual = if packet.state == "new" { "syn" } else { "ack" };
    if tested.split(',').any(|flag| !flag.eq_ignore_ascii_case(actual)) {
        return Met::No;
    }
    Met::Yes
}

fn name(actual: Name<'_>, value: &Value) -> Met {
    let Value::Text(text) = value else { return Met::Unclear };
    // iptables ends such a name with `+`.
    let begin = text.strip_suffix('*').or_else(|| text.strip_suffix('+'));
    let fits = |name: &str| match begin {
        Some(begin) => name.starts_with(begin),
        None => name == text,
    };
    match actual {
        Name::None => Met::of(text.is_empty() || begin == Some("")),
        Name::Is(name) => Met::of(fits(name)),
        Name::Begins(start) => match begin {
            Some(begin) if start.starts_with(begin) => Met::Yes,
            Some(begin) if begin.starts_with(start) => Met::Unclear,
            None if text.starts_with(start) => Met::Unclear,
            _ => Met::No,
        },
        Name::AnyOf([], but) => {
            if begin.is_none() && text == but {
                Met::No
            } else {
                Met::Unclear
            }
        }
        Name::AnyOf(names, _) => {
            let (all, any) = (names.iter().all(|one| fits(one)), names.iter().any(|one| fits(one)));
            if all {
                Met::Yes
            } else if any {
                Met::Unclear
            } else {
                Met::No
            }
        }
    }
}

fn number(actual: Option<i64>, value: &Value) -> Met {
    // A port that the sender chooses is one of the high ones.
    let range = actual.map_or((32_768, 60_999), |actual| (actual, actual));
    let (low, high) = match value {
        Value::Number(number) => (*number, *number),
        Value::Range(low, high) => (*low, *high),
        _ => return Met::Unclear,
    };
    if low <= range.0 && range.1 <= high {
        Met::Yes
    } else if high < range.0 || range.1 < low {
        Met::No
    } else {
        Met::Unclear
    }
}

fn address(actual: Option<IpNet>, value: &Value) -> Met {
    let first_and_last = |net: &IpNet| (net.network(), net.broadcast());
    let (low, high) = match value {
        Value::Net(net) => first_and_last(net),
        Value::Addresses(low, high) => (*low, *high),
        _ => return Met::Unclear,
    };
    let Some(actual) = actual else { return Met::Unclear };
    let (first, last) = first_and_last(&actual);
    if first.is_ipv4() != low.is_ipv4() {
        return Met::No;
    }
    let inside = |ip: IpAddr| low <= ip && ip <= high;
    if inside(first) && inside(last) {
        Met::Yes
    } else if last < low || high < first {
        Met::No
    } else {
        Met::Unclear
    }
}
