//! What rules compare with: values, and the elements of sets and maps.

use std::net::IpAddr;

use ipnet::IpNet;

use super::super::ruleset::Value;
use super::json::Json;

/// A set or map whose elements decide: `nft list KIND FAMILY TABLE NAME`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SetName {
    /// `set` or `map`
    pub kind: &'static str,
    /// Its family, table and name.
    pub of: [String; 3],
}

/// The types of what a rule asks of every packet alike. Sets of addresses can be very long, and tell
/// nothing about a microVM's.
const SHORT: [&str; 5] = ["ifname", "inet_service", "inet_proto", "ct_state", "mark"];
/// So many sets are asked for.
pub(super) const SETS: usize = 16;

/// The set or map, if its elements are to be listed as well.
pub(super) fn short(kind: &'static str, set: &Json<'_>) -> Option<SetName> {
    let types = match &set["type"] {
        Json::Array(types) => types.iter().collect(),
        one => vec![one],
    };
    let short = types.iter().all(|one| one.as_str().is_some_and(|one| SHORT.contains(&one)));
    let word = |key: &str| set[key].as_str().map(str::to_owned);
    let of = [word("family")?, word("table")?, word("name")?];
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
    let is_plain = of.iter().all(|word| word.chars().all(plain) && !word.starts_with('-'));
    (short && is_plain).then_some(SetName { kind, of })
}

/// The named sets and maps whose elements were listed.
pub(super) struct Sets<'a>(pub(super) Vec<&'a Json<'a>>);

impl<'a> Sets<'a> {
    /// The elements of the set of this name in the table of a rule; `None` when they are not known.
    pub(super) fn elements(&self, name: &str, rule: &Json<'_>) -> Option<&'a [Json<'a>]> {
        let name = name.strip_prefix('@')?;
        self.0.iter().find_map(|object| {
            let set = object.get("set").or_else(|| object.get("map"))?;
            let same = set["name"].is(name)
                && set["table"].as_str() == rule["table"].as_str()
                && set["family"].as_str() == rule["family"].as_str();
            set["elem"].as_array().filter(|_| same)
        })
    }
}

pub(super) fn values(right: &Json<'_>, sets: &Sets<'_>, whole: &Json<'_>) -> Vec<Value> {
    if let Some(name) = right.as_str().filter(|text| text.starts_with('@')) {
        return match sets.elements(name, whole) {
            Some(elements) => elements.iter().map(element).map(value).collect(),
            None => vec![Value::Unknown],
        };
    }
    let right = right.get("set").unwrap_or(right);
    match right.as_array() {
        Some(all) => all.iter().map(element).map(value).collect(),
        None => vec![value(right)],
    }
}

/// An element of a set may have a timeout or a comment beside its value.
pub(super) fn element<'a, 'j>(one: &'a Json<'j>) -> &'a Json<'j> {
    match &one["elem"]["val"] {
        Json::Null => one,
        value => value,
    }
}

pub(super) fn value(one: &Json<'_>) -> Value {
    if let Some(number) = one.as_i64() {
        return Value::Number(number);
    }
    if let Some(text) = one.as_str() {
        return match text.parse::<IpAddr>() {
            Ok(ip) => Value::Net(ip.into()),
            // What `ether type` calls them, and iptables the protocol.
            Err(_) if text == "*" => Value::Anything,
            Err(_) if text == "ip" => Value::Text("ipv4".to_owned()),
            Err(_) if text == "ip6" => Value::Text("ipv6".to_owned()),
            Err(_) if text == "ipv6-icmp" => Value::Text("icmpv6".to_owned()),
            Err(_) => Value::Text(text.to_owned()),
        };
    }
    let prefix = &one["prefix"];
    if let (Some(ip), Some(length)) = (prefix["addr"].as_str(), prefix["len"].as_i64()) {
        let net = ip.parse::<IpAddr>().ok().zip(u8::try_from(length).ok());
        let net = net.and_then(|(ip, length)| IpNet::new(ip, length).ok());
        return net.map_or(Value::Unknown, |net| Value::Net(net.trunc()));
    }
    let range = one["range"].as_array();
    match range {
        Some([low, high]) => match (value(low), value(high)) {
            (Value::Number(low), Value::Number(high)) => Value::Range(low, high),
            (Value::Net(low), Value::Net(high)) => Value::Addresses(low.addr(), high.addr()),
            _ => Value::Unknown,
        },
        _ => Value::Unknown,
    }
}
