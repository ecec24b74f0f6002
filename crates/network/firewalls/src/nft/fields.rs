//! What rules compare: a field of a packet, by nft's words for it; and the maps that decide by one.

use super::super::ruleset::{Field, Test, Then, Value};
use super::json::Json;
use super::sets::{Sets, element, value, values};

/// The tests of a match: the header that a field is of, and the field.
pub(super) fn tests(expression: &Json<'_>, sets: &Sets<'_>, whole: &Json<'_>) -> Vec<Test> {
    let left = &expression["left"];
    // No packet of microVMs that is asked has such a header, and a match needs it, unless it asks for
    // its absence.
    if let Some(header) = left.get("exthdr") {
        let absent = header.get("field").is_none() && expression["right"] == Json::Bool(false);
        return if absent { Vec::new() } else { vec![Test::never()] };
    }
    let mut tests = header(left);
    let negated = match expression["op"].as_str() {
        Some("==" | "in") => false,
        Some("!=") => true,
        _ => {
            tests.push(Test::unclear());
            return tests;
        }
    };
    // A mask on what is 0 leaves 0.
    let masked = left["&"].as_array().and_then(|parts| parts.first());
    let right = &expression["right"];
    if masked.map(field) == Some(Field::Flags) {
        let flags = right.as_array().unwrap_or(std::slice::from_ref(right));
        let flags: Option<Vec<&str>> = flags.iter().map(Json::as_str).collect();
        let value = flags.map_or(Value::Unknown, |flags| Value::Text(flags.join(",")));
        tests.push(Test { field: Field::Flags, negated, values: vec![value] });
        return tests;
    }
    let field = match masked.map(field) {
        Some(Field::Mark) => Field::Mark,
        Some(_) => Field::Other,
        None => field(left),
    };
    tests.push(Test { field, negated, values: values(right, sets, whole) });
    tests
}

/// What a field of a header says by itself.
fn header(left: &Json<'_>) -> Vec<Test> {
    let left = left["&"].as_array().and_then(|parts| parts.first()).unwrap_or(left);
    let protocol = left["payload"]["protocol"].as_str();
    let text = |field, word: &str| vec![Test::is(field, vec![Value::Text(word.to_owned())])];
    match protocol {
        Some("ip") => text(Field::Version, "ipv4"),
        Some("ip6") => text(Field::Version, "ipv6"),
        Some("th" | "ether" | "vlan") | None => Vec::new(),
        Some(other) => text(Field::Protocol, other),
    }
}

fn field(left: &Json<'_>) -> Field {
    let of = |kind: &str, key: &str| left[kind][key].as_str();
    if let Some(key) = of("meta", "key") {
        return match key {
            "iifname" | "iif" => Field::In,
            "oifname" | "oif" => Field::Out,
            "ibrname" | "ibriport" => Field::BridgeIn,
            "obrname" | "obriport" => Field::BridgeOut,
            "l4proto" => Field::Protocol,
            "mark" => Field::Mark,
            "pkttype" => Field::Cast,
            "nfproto" => Field::Version,
            _ => Field::Other,
        };
    }
    if let Some(key) = of("ct", "key") {
        return match key {
            "state" => Field::State,
            "status" => Field::Status,
            "mark" => Field::Mark,
            _ => Field::Other,
        };
    }
    let flag = left["fib"]["flags"].as_array().and_then(|flags| flags.first());
    match (of("fib", "result"), flag.and_then(Json::as_str)) {
        (Some("type"), Some("daddr")) => return Field::ToType,
        (Some("type"), Some("saddr")) => return Field::FromType,
        _ => {}
    }
    match (of("payload", "protocol"), of("payload", "field")) {
        (Some("ip"), Some("protocol")) | (Some("ip6"), Some("nexthdr")) => Field::Protocol,
        (Some("ip6"), Some("hoplimit")) | (Some("ip"), Some("ttl")) => Field::HopLimit,
        (Some("ip" | "ip6"), Some("saddr")) => Field::From,
        (Some("ip" | "ip6"), Some("daddr")) => Field::To,
        (Some("tcp" | "udp" | "th" | "udplite" | "sctp" | "dccp"), Some("sport")) => {
            Field::SourcePort
        }
        (Some("tcp" | "udp" | "th" | "udplite" | "sctp" | "dccp"), Some("dport")) => Field::Port,
        (Some("icmp" | "icmpv6"), Some("type")) => Field::Icmp,
        (Some("tcp"), Some("flags")) => Field::Flags,
        (Some("ether"), Some("type")) => Field::Version,
        _ => Field::Other,
    }
}

/// What a map makes of a packet.
pub(super) fn map(body: &Json<'_>, sets: &Sets<'_>, whole: &Json<'_>) -> Then {
    let key = &body["key"];
    let fields: Vec<Field> = match key["concat"].as_array() {
        Some(parts) => parts.iter().map(field).collect(),
        None => vec![field(key)],
    };
    let data = &body["data"];
    let entries = match data.as_str() {
        Some(name) => sets.elements(name, whole),
        None => data["set"].as_array(),
    };
    let Some(entries) = entries else { return Then::Unknown };
    let entry = |entry: &Json<'_>| -> Option<(Vec<Value>, Then)> {
        let pair = entry.as_array()?;
        let key = element(pair.first()?);
        let values = match key["concat"].as_array() {
            Some(parts) => parts.iter().map(value).collect(),
            None => vec![value(key)],
        };
        let (kind, body) = pair.get(1)?.first()?;
        let to = || body["target"].as_str().map(str::to_owned);
        let then = match kind {
            "accept" => Then::Accept,
            "drop" => Then::Drop,
            "return" => Then::Return,
            "continue" => Then::On,
            "jump" => Then::Jump(to()?),
            "goto" => Then::Goto(to()?),
            _ => Then::Unknown,
        };
        Some((values, then))
    };
    let read: Option<Vec<_>> = entries.iter().map(entry).collect();
    read.map_or(Then::Unknown, |entries| Then::Map(fields, entries))
}
