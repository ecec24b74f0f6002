//! nft's JSON: libnftables-json(5).

use std::net::IpAddr;

use ipnet::IpNet;
use serde_json::Value as Json;

use super::ruleset::{
    Base, Chain, Family, Field, Hook, Place, Rule, Ruleset, Test, Then, Tool, Value,
};

/// A rule is shown with this many characters of its text.
const SHOWN: usize = 160;

/// Adds the chains of `nft -j list ruleset`, or of tables, to `rules`; what is not nft's adds none.
/// `skip` says which tables another listing has.
pub(super) fn add(rules: &mut Ruleset, texts: &[String], skip: &dyn Fn(Family, &str) -> bool) {
    let listed: Vec<Json> = texts
        .iter()
        .flat_map(|text| {
            match serde_json::from_str::<Json>(text).unwrap_or_default()["nftables"].take() {
                Json::Array(objects) => objects,
                _ => Vec::new(),
            }
        })
        .collect();
    let objects = listed.as_slice();
    let sets = Sets(objects.iter().filter(|object| object.get("rule").is_none()).collect());
    let place = |of: &Json, chain: &Json| -> Option<Place> {
        let family = Family::parse(of["family"].as_str()?)?;
        let table = of["table"].as_str()?.to_owned();
        let chain = chain.as_str()?.to_owned();
        (!skip(family, &table)).then_some(Place { tool: Tool::Nft, family, table, chain })
    };
    let mut numbers = std::collections::HashMap::new();
    for object in objects {
        if let Some(chain) = object.get("chain")
            && let Some(place) = place(chain, &chain["name"])
        {
            numbers.insert(
                (place.family, place.table.clone(), place.chain.clone()),
                rules.chains.len(),
            );
            rules.chains.push(Chain { place, base: base(chain), rules: Vec::new() });
        }
    }
    for object in objects {
        if let Some(found) = object.get("rule")
            && let Some(place) = place(found, &found["chain"])
        {
            let key = (place.family, place.table.clone(), place.chain.clone());
            let number = *numbers.entry(key).or_insert_with(|| {
                rules.chains.push(Chain { place, base: None, rules: Vec::new() });
                rules.chains.len() - 1
            });
            let Some(chain) = rules.chains.get_mut(number) else { continue };
            let statements = found["expr"].as_array().map_or(&[][..], Vec::as_slice);
            rules.marks |= statements.iter().any(sets_mark);
            chain.rules.push(rule(statements, &sets, found));
        }
    }
}

/// Whether the tables of a family hold words of iptables that nft does not show.
pub(super) fn hides(text: &str) -> (bool, bool) {
    let listed = serde_json::from_str::<Json>(text).unwrap_or_default();
    let objects = listed["nftables"].as_array().map_or(&[][..], Vec::as_slice);
    let of = |family: &str| {
        objects.iter().filter_map(|object| object.get("rule")).any(|rule| {
            let statements = rule["expr"].as_array().into_iter().flatten();
            rule["family"] == family && statements.into_iter().any(|one| one.get("xt").is_some())
        })
    };
    (of("ip"), of("ip6"))
}

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
const SETS: usize = 16;

/// The sets of a listing whose elements are to be listed as well.
pub fn sets(text: &str) -> Vec<SetName> {
    let listed = serde_json::from_str::<Json>(text).unwrap_or_default();
    let objects = listed["nftables"].as_array().map_or(&[][..], Vec::as_slice);
    let found = objects.iter().filter_map(|object| {
        let kinds = ["set", "map"].into_iter();
        let (kind, set) = kinds.filter_map(|kind| Some((kind, object.get(kind)?))).next()?;
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
    });
    found.take(SETS).collect()
}

fn base(chain: &Json) -> Option<Base> {
    let devices = match &chain["dev"] {
        Json::String(name) => Some(vec![name.clone()]),
        Json::Array(names) => {
            Some(names.iter().filter_map(Json::as_str).map(str::to_owned).collect())
        }
        _ => None,
    };
    Some(Base {
        hook: Hook::parse(chain["hook"].as_str()?)?,
        translates: chain["type"] == "nat",
        drops: chain["policy"] == "drop",
        devices,
    })
}

fn sets_mark(statement: &Json) -> bool {
    let key = |of: &str| statement["mangle"]["key"][of]["key"] == "mark";
    key("meta")
        || key("ct")
        || statement["xt"]["name"] == "MARK"
        || statement["xt"]["name"] == "CONNMARK"
}

/// The named sets and maps whose elements were listed.
struct Sets<'a>(Vec<&'a Json>);

impl<'a> Sets<'a> {
    /// The elements of the set of this name in the table of a rule; `None` when they are not known.
    fn elements(&self, name: &str, rule: &Json) -> Option<&'a [Json]> {
        let name = name.strip_prefix('@')?;
        self.0.iter().find_map(|object| {
            let set = object.get("set").or_else(|| object.get("map"))?;
            let same = set["name"] == name
                && set["table"] == rule["table"]
                && set["family"] == rule["family"];
            set["elem"].as_array().filter(|_| same).map(Vec::as_slice)
        })
    }
}

fn rule(statements: &[Json], sets: &Sets<'_>, whole: &Json) -> Rule {
    let text: String = Json::from(statements).to_string().chars().take(SHOWN).collect();
    let mut rule = Rule { text: written(statements, whole).unwrap_or(text), ..Rule::default() };
    for statement in statements {
        let Some((kind, what)) = statement.as_object().and_then(|object| object.iter().next())
        else {
            rule.tests.push(Test::unclear());
            continue;
        };
        let to = || what["target"].as_str().map(str::to_owned);
        rule.then = match kind.as_str() {
            "match" => {
                rule.tests.extend(tests(what, sets, whole));
                continue;
            }
            // They change or count packets and let them go on.
            "counter" | "log" | "mangle" | "notrack" | "flow" | "set" | "map" | "quota"
            | "comment" | "ct helper" | "ct timeout" | "ct expectation" | "secmark" => continue,
            // The first packet is below every limit.
            "limit" | "ct count" => {
                if what["inv"] == true {
                    rule.tests.push(Test::never());
                }
                continue;
            }
            "accept" if is_of_answers(statements) => {
                rule.tests.push(state(&["established", "related"]));
                Then::Accept
            }
            "accept" | "dnat" | "redirect" | "snat" | "masquerade" | "tproxy" | "fwd"
            | "synproxy" => Then::Accept,
            "drop" => Then::Drop,
            "reject" => {
                rule.tests.extend(rejected(what));
                Then::Drop
            }
            "jump" => to().map_or(Then::Unknown, Then::Jump),
            "goto" => to().map_or(Then::Unknown, Then::Goto),
            "return" => Then::Return,
            "continue" => Then::On,
            "vmap" => map(what, sets, whole),
            "queue" => Then::Unknown,
            "xt" if what["type"] == "target" => target(what),
            // Among them the tests of iptables that nft does not show.
            _ => {
                rule.tests.push(Test::unclear());
                continue;
            }
        };
        return rule;
    }
    rule
}

/// What a rule that only drops is in nft's own words; longer ones stand as JSON.
fn written(statements: &[Json], whole: &Json) -> Option<String> {
    let handle = whole["handle"].as_u64();
    let silent = |one: &&Json| one.get("counter").is_none() && one.get("log").is_none();
    let words = statements.iter().filter(silent);
    let words: Option<Vec<&str>> = words
        .map(|one| match () {
            () if one.get("drop").is_some() => Some("drop"),
            () if one.get("reject").is_some() => Some("reject"),
            () => None,
        })
        .collect();
    let words = words?.join(" ");
    Some(handle.map_or(words.clone(), |handle| format!("{words} # handle {handle}")))
}

/// The targets of iptables that nft shows by name alone.
fn target(what: &Json) -> Then {
    match what["name"].as_str() {
        Some("REJECT") => Then::Drop,
        Some("MASQUERADE" | "SNAT" | "DNAT" | "REDIRECT") => Then::Accept,
        Some("NFQUEUE") | None => Then::Unknown,
        // LOG, MARK, TCPMSS, CT and their likes let the packet go on.
        Some(_) => Then::On,
    }
}

/// Whether a rule asks for nothing but what iptables calls conntrack, whose words nft does not show:
/// that is how answers are accepted. New packets from everywhere would make the policy void.
fn is_of_answers(statements: &[Json]) -> bool {
    let asks = |statement: &&Json| {
        let silent = ["counter", "accept"];
        let comment = statement["xt"]["name"] == "comment";
        !comment && !silent.iter().any(|kind| statement.get(kind).is_some())
    };
    let mut asked = statements.iter().filter(asks);
    let tracked = |name: &Json| name == "conntrack" || name == "state";
    asked.next().is_some_and(|first| tracked(&first["xt"]["name"])) && asked.next().is_none()
}

pub(super) fn state(words: &[&str]) -> Test {
    Test::is(Field::State, words.iter().map(|word| Value::Text((*word).to_owned())).collect())
}

/// A reject of one protocol leaves the others alone: nft shows no test for it.
fn rejected(what: &Json) -> Option<Test> {
    let text = |field, word: &str| Test::is(field, vec![Value::Text(word.to_owned())]);
    match what["type"].as_str()? {
        "icmp" => Some(text(Field::Version, "ipv4")),
        "icmpv6" => Some(text(Field::Version, "ipv6")),
        "tcp reset" => Some(text(Field::Protocol, "tcp")),
        _ => None,
    }
}

/// The tests of a match: the header that a field is of, and the field.
fn tests(what: &Json, sets: &Sets<'_>, whole: &Json) -> Vec<Test> {
    let left = &what["left"];
    let mut tests = header(left);
    let negated = match what["op"].as_str() {
        Some("==" | "in") => false,
        Some("!=") => true,
        _ => {
            tests.push(Test::unclear());
            return tests;
        }
    };
    // A mask on what is 0 leaves 0.
    let masked = left["&"].as_array().and_then(|parts| parts.first());
    let field = match masked.map(field) {
        Some(Field::Mark) => Field::Mark,
        Some(_) => Field::Other,
        None => field(left),
    };
    tests.push(Test { field, negated, values: values(&what["right"], sets, whole) });
    tests
}

/// What a field of a header says by itself.
fn header(left: &Json) -> Vec<Test> {
    let left = left["&"].as_array().and_then(|parts| parts.first()).unwrap_or(left);
    let protocol = left["payload"]["protocol"].as_str();
    let text = |field, word: &str| vec![Test::is(field, vec![Value::Text(word.to_owned())])];
    match protocol {
        Some("ip") => text(Field::Version, "ipv4"),
        Some("ip6") => text(Field::Version, "ipv6"),
        Some("icmpv6") => text(Field::Protocol, "icmpv6"),
        Some("th" | "ether" | "vlan") | None => Vec::new(),
        Some("arp") => vec![Test::never()],
        Some(other) => text(Field::Protocol, other),
    }
}

fn field(left: &Json) -> Field {
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
        (Some("ip" | "ip6"), Some("saddr")) => Field::From,
        (Some("ip" | "ip6"), Some("daddr")) => Field::To,
        (Some("tcp" | "udp" | "th" | "udplite" | "sctp" | "dccp"), Some("sport")) => {
            Field::SourcePort
        }
        (Some("tcp" | "udp" | "th" | "udplite" | "sctp" | "dccp"), Some("dport")) => Field::Port,
        (Some("icmp" | "icmpv6"), Some("type")) => Field::Icmp,
        (Some("ether"), Some("type")) => Field::Version,
        _ => Field::Other,
    }
}

fn values(right: &Json, sets: &Sets<'_>, whole: &Json) -> Vec<Value> {
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
fn element(one: &Json) -> &Json {
    match &one["elem"]["val"] {
        Json::Null => one,
        value => value,
    }
}

fn value(one: &Json) -> Value {
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
    if let (Some(ip), Some(length)) = (prefix["addr"].as_str(), prefix["len"].as_u64()) {
        let net = ip.parse::<IpAddr>().ok().zip(u8::try_from(length).ok());
        let net = net.and_then(|(ip, length)| IpNet::new(ip, length).ok());
        return net.map_or(Value::Unknown, |net| Value::Net(net.trunc()));
    }
    let range = one["range"].as_array().map(Vec::as_slice);
    match range {
        Some([low, high]) => match (value(low), value(high)) {
            (Value::Number(low), Value::Number(high)) => Value::Range(low, high),
            (Value::Net(low), Value::Net(high)) => Value::Addresses(low.addr(), high.addr()),
            _ => Value::Unknown,
        },
        _ => Value::Unknown,
    }
}

fn map(what: &Json, sets: &Sets<'_>, whole: &Json) -> Then {
    let key = &what["key"];
    let fields: Vec<Field> = match key["concat"].as_array() {
        Some(parts) => parts.iter().map(field).collect(),
        None => vec![field(key)],
    };
    let data = &what["data"];
    let entries = match data.as_str() {
        Some(name) => sets.elements(name, whole),
        None => data["set"].as_array().map(Vec::as_slice),
    };
    let Some(entries) = entries else { return Then::Unknown };
    let entry = |entry: &Json| -> Option<(Vec<Value>, Then)> {
        let pair = entry.as_array()?;
        let key = element(pair.first()?);
        let values = match key["concat"].as_array() {
            Some(parts) => parts.iter().map(value).collect(),
            None => vec![value(key)],
        };
        let (kind, what) = pair.get(1)?.as_object()?.iter().next()?;
        let to = || what["target"].as_str().map(str::to_owned);
        let then = match kind.as_str() {
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
