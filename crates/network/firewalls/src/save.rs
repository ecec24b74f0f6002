//! What iptables-save and ip6tables-save write.

use std::net::IpAddr;

use ipnet::IpNet;

use super::nft::state;
use super::ruleset::{
    Base, Chain, Family, Field, Hook, Place, Rule, Ruleset, Test, Then, Tool, Value,
};

/// A rule is shown with this many characters of its text.
const SHOWN: usize = 160;
/// The targets that change or count packets and let them go on.
const GO_ON: [&str; 24] = [
    "LOG",
    "NFLOG",
    "ULOG",
    "MARK",
    "CONNMARK",
    "TCPMSS",
    "CT",
    "NOTRACK",
    "TRACE",
    "CHECKSUM",
    "TOS",
    "DSCP",
    "TTL",
    "HL",
    "SET",
    "AUDIT",
    "CLASSIFY",
    "ECN",
    "SECMARK",
    "CONNSECMARK",
    "LED",
    "RATEEST",
    "TEE",
    "IDLETIMER",
];

/// The matches that need a header which no packet of microVMs that is asked has, whatever else they ask.
const HEADERS: [&str; 8] = ["ah", "dst", "esp", "frag", "hbh", "mh", "rt", "sctp"];

/// Adds every chain of the text to `rules`.
pub(super) fn add(rules: &mut Ruleset, text: &str, tool: Tool, v6: bool) {
    let family = if v6 { Family::Ip6 } else { Family::Ip };
    let mut table = String::new();
    for line in text.lines() {
        if let Some(name) = line.strip_prefix('*') {
            name.trim().clone_into(&mut table);
        } else if let Some(chain) = line.strip_prefix(':') {
            let mut words = chain.split_whitespace();
            let (name, policy) = (words.next().unwrap_or_default(), words.next());
            let place = Place { tool, family, table: table.clone(), chain: name.to_owned() };
            // A chain without a hook has the policy `-`.
            let base = policy.filter(|policy| *policy != "-").and_then(|policy| {
                let hook = Hook::parse(name)?;
                let (translates, drops) = (table == "nat", policy == "DROP");
                Some(Base { hook, translates, drops, devices: None })
            });
            rules.chains.push(Chain { place, base, rules: Vec::new() });
        } else if let Some(rest) = line.strip_prefix("-A ") {
            let words = split_words(rest);
            let Some((name, words)) = words.split_first() else { continue };
            rules.marks |= words.iter().any(|word| word == "MARK" || word == "CONNMARK");
            let is_it = |chain: &&mut Chain| {
                let place = &chain.place;
                (place.tool, place.family) == (tool, family)
                    && place.table == table
                    && place.chain == *name
            };
            // The chain of the last rule is the chain of this one as a rule.
            if let Some(chain) = rules.chains.iter_mut().rev().find(is_it) {
                chain.rules.push(rule(words, line, v6));
            }
        }
    }
}

/// The words of a line; what stands in double quotes is one.
fn split_words(line: &str) -> Vec<String> {
    let (mut words, mut word, mut quoted, mut any) = (Vec::new(), String::new(), false, false);
    let mut chars = line.chars();
    while let Some(c) = chars.next() {
        match c {
            '"' => (quoted, any) = (!quoted, true),
            '\\' if quoted => word.extend(chars.next()),
            c if c.is_whitespace() && !quoted => {
                if any || !word.is_empty() {
                    words.push(std::mem::take(&mut word));
                }
                any = false;
            }
            c => word.push(c),
        }
    }
    if any || !word.is_empty() {
        words.push(word);
    }
    words
}

fn rule(words: &[String], line: &str, v6: bool) -> Rule {
    let mut rule = Rule { text: line.chars().take(SHOWN).collect(), ..Rule::default() };
    let (mut rest, mut negated, mut module) = (words, false, "");
    while let Some((option, after)) = rest.split_first() {
        let value = after.first().map(String::as_str).unwrap_or_default();
        let value_count = match option.as_str() {
            "!" => {
                negated = true;
                rest = after;
                continue;
            }
            "-j" | "--jump" => {
                rule.then = target(value);
                rule.untracks = value == "NOTRACK" || after.iter().any(|word| word == "--notrack");
                return rule;
            }
            "-g" | "--goto" => {
                rule.then = Then::Goto(value.to_owned());
                return rule;
            }
            "--tcp-flags" => {
                let flags = after.get(1).map(String::as_str).unwrap_or_default();
                let value = if flags == "NONE" { Value::Nothing } else { text(flags) };
                rule.tests.push(Test { negated, ..Test::is(Field::Flags, vec![value]) });
                2
            }
            "-m" | "--match" => {
                module = value;
                if HEADERS.contains(&value) {
                    rule.tests.push(Test::never());
                }
                1
            }
            option => match test(option, value, module, v6) {
                OptionKind::Test(test) => {
                    rule.tests.push(Test { negated: test.negated != negated, ..test });
                    1
                }
                OptionKind::Silent => 1,
                OptionKind::Unknown => {
                    rule.tests.push(Test::unclear());
                    // The values of an option that is not known go up to the next option.
                    after.iter().take_while(|word| !word.starts_with('-') && *word != "!").count()
                }
                OptionKind::Flag(test) => {
                    rule.tests.push(Test { negated: test.negated != negated, ..test });
                    0
                }
            },
        };
        negated = false;
        rest = after.get(value_count..).unwrap_or_default();
    }
    rule
}

fn target(name: &str) -> Then {
    match name {
        "ACCEPT" | "MASQUERADE" | "SNAT" | "DNAT" | "REDIRECT" | "NETMAP" | "TPROXY" => {
            Then::Accept
        }
        "DROP" | "REJECT" => Then::Drop,
        "RETURN" => Then::Return,
        "QUEUE" | "NFQUEUE" | "SYNPROXY" => Then::Unknown,
        name if GO_ON.contains(&name) => Then::On,
        name => Then::Jump(name.to_owned()),
    }
}

/// What an option of a rule tests, and so how many values follow it.
enum OptionKind {
    /// It tests its one value.
    Test(Test),
    /// A test without a value.
    Flag(Test),
    /// It has a value and tests nothing, or what the first packet meets.
    Silent,
    Unknown,
}

fn test(option: &str, value: &str, module: &str, v6: bool) -> OptionKind {
    let list = |read: fn(&str) -> Value| value.split(',').map(read).collect::<Vec<_>>();
    let is = |field, values| OptionKind::Test(Test::is(field, values));
    match option {
        "-i" | "--in-interface" => is(Field::In, vec![text(value)]),
        "-o" | "--out-interface" => is(Field::Out, vec![text(value)]),
        "-s" | "--source" => is(Field::From, list(net)),
        "-d" | "--destination" => is(Field::To, list(net)),
        "-p" | "--protocol" => is(Field::Protocol, vec![protocol(value)]),
        "--sport" | "--source-port" | "--sports" | "--source-ports" => {
            is(Field::SourcePort, list(port))
        }
        "--dport" | "--destination-port" | "--dports" | "--destination-ports" => {
            is(Field::Port, list(port))
        }
        "--ctstate" | "--state" => {
            let states: Vec<String> = value.split(',').map(str::to_lowercase).collect();
            let states: Vec<&str> = states.iter().map(String::as_str).collect();
            OptionKind::Test(state(&states))
        }
        "--ctstatus" => is(Field::Status, list(text)),
        "--pkt-type" => is(Field::Cast, vec![text(value)]),
        "--dst-type" => is(Field::ToType, list(kind)),
        "--src-type" => is(Field::FromType, list(kind)),
        "--icmp-type" | "--icmpv6-type" => is(Field::Icmp, vec![icmp(value, v6)]),
        "--mark" => is(Field::Mark, vec![mark(value)]),
        "--hl-eq" | "--ttl-eq" => is(Field::HopLimit, vec![port(value)]),
        "-f" | "--fragment" => OptionKind::Flag(Test::never()),
        "--src-range" => is(Field::From, vec![addresses(value)]),
        "--dst-range" => is(Field::To, vec![addresses(value)]),
        // The first packet is below every limit, and none is above one.
        "--limit"
        | "--limit-burst"
        | "--hashlimit-upto"
        | "--hashlimit-burst"
        | "--hashlimit-mode"
        | "--hashlimit-name"
        | "--hashlimit-htable-expire"
        | "--connlimit-upto"
        | "--connlimit-mask"
        | "--comment"
        | "--reject-with"
        | "--name"
        | "--mask" => OptionKind::Silent,
        "--hashlimit-above" | "--connlimit-above" => OptionKind::Test(Test::never()),
        "--connlimit-saddr" | "--connlimit-daddr" | "--rsource" | "--rdest" | "--set" | "--syn"
            if matches!(module, "recent" | "connlimit") =>
        {
            OptionKind::Flag(Test::is(Field::Other, vec![Value::Anything]))
        }
        "--syn" => OptionKind::Flag(Test::is(Field::State, vec![Value::Text("new".to_owned())])),
        // A frame between ports of a bridge is not told from one that the bridge routes.
        "--physdev-is-bridged" | "--physdev-is-in" | "--physdev-is-out" => {
            OptionKind::Flag(Test::unclear())
        }
        _ => OptionKind::Unknown,
    }
}

fn text(value: &str) -> Value {
    Value::Text(value.to_owned())
}

fn kind(value: &str) -> Value {
    Value::Text(value.to_lowercase())
}

fn protocol(value: &str) -> Value {
    match value {
        "all" | "0" => Value::Anything,
        "ipv6-icmp" | "icmp6" | "58" => text("icmpv6"),
        "1" => text("icmp"),
        "6" => text("tcp"),
        "17" => text("udp"),
        value => text(value),
    }
}

fn port(value: &str) -> Value {
    let number = |text: &str, other| if text.is_empty() { Some(other) } else { text.parse().ok() };
    let range = match value.split_once(':') {
        Some((low, high)) => number(low, 0).zip(number(high, 65_535)),
        None => value.parse().ok().map(|number| (number, number)),
    };
    range.map_or(Value::Unknown, |(low, high)| Value::Range(low, high))
}

/// `10.0.0.0/8`, also with a mask in dots.
fn net(value: &str) -> Value {
    let plain = value.parse::<IpAddr>().map(IpNet::from).ok();
    let whole = || value.parse::<IpNet>().ok();
    let dotted = || {
        let (ip, mask) = value.split_once('/')?;
        IpNet::with_netmask(ip.parse().ok()?, mask.parse().ok()?).ok()
    };
    let found = plain.or_else(whole).or_else(dotted);
    found.map_or(Value::Unknown, |net| Value::Net(net.trunc()))
}

fn addresses(value: &str) -> Value {
    let pair =
        value.split_once('-').and_then(|(low, high)| low.parse().ok().zip(high.parse().ok()));
    pair.map_or(Value::Unknown, |(low, high)| Value::Addresses(low, high))
}

/// `0x1/0xff`: a mask on what is 0 leaves 0.
fn mark(value: &str) -> Value {
    let number = value.split('/').next().unwrap_or_default();
    let hex = number.strip_prefix("0x").map(|digits| i64::from_str_radix(digits, 16));
    let read = hex.unwrap_or_else(|| number.parse());
    read.map_or(Value::Unknown, Value::Number)
}

/// iptables writes numbers.
fn icmp(value: &str, v6: bool) -> Value {
    let names: &[(&str, &str)] = match v6 {
        true => &[
            ("128", "echo-request"),
            ("133", "nd-router-solicit"),
            ("134", "nd-router-advert"),
            ("135", "nd-neighbor-solicit"),
            ("136", "nd-neighbor-advert"),
        ],
        false => &[("8", "echo-request"), ("0", "echo-reply")],
    };
    match value {
        "any" | "255" => Value::Anything,
        "router-solicitation" => text("nd-router-solicit"),
        "router-advertisement" => text("nd-router-advert"),
        "neighbour-solicitation" | "neighbor-solicitation" => text("nd-neighbor-solicit"),
        "neighbour-advertisement" | "neighbor-advertisement" => text("nd-neighbor-advert"),
        value => {
            let entry = names.iter().find(|(number, _)| *number == value);
            text(entry.map_or(value, |(_, name)| name))
        }
    }
}
