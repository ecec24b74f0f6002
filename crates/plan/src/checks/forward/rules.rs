//! nft's JSON, as far as it decides about the first packet that a
//! microVM sends to somebody: libnftables-json(5).

use std::fmt;

use serde_json::Value;

/// Chains jump to chains; more than so deep is not followed.
const DEPTH: u8 = 16;

/// Where in the kernel a base chain is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hook {
    /// Of packets for others.
    Forward,
    /// Of packets for this host.
    Input,
}

impl fmt::Display for Hook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Forward => "forward",
            Self::Input => "input",
        })
    }
}

/// A base chain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chain {
    /// `ip` or `inet`
    pub family: String,
    /// The table's name.
    pub table: String,
    /// The chain's name.
    pub name: String,
    /// What it is asked of.
    pub hook: Hook,
}

/// The chains that drop what comes over IPv4 and no rule accepts, of nft's list of chains or of a
/// table; none when the text is not nft's.
pub fn dropping(text: &str) -> Vec<Chain> {
    let listed = objects(text);
    let chains = listed.iter().filter_map(|object| object.get("chain"));
    let base = chains.filter(|chain| {
        chain["policy"] == "drop" && (chain["family"] == "ip" || chain["family"] == "inet")
    });
    let word = |chain: &Value, key: &str| chain[key].as_str().map(str::to_owned);
    base.filter_map(|chain| {
        let hook = match chain["hook"].as_str()? {
            "forward" => Hook::Forward,
            "input" => Hook::Input,
            _ => return None,
        };
        let (family, table) = (word(chain, "family")?, word(chain, "table")?);
        Some(Chain { family, table, name: word(chain, "name")?, hook })
    })
    .filter(|chain| [&chain.table, &chain.name].iter().all(|name| is_plain(name)))
    .collect()
}

/// Names stand in commands that operators type: what nft would have to quote is left alone.
fn is_plain(name: &str) -> bool {
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
    name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_') && name.chars().all(fits)
}

fn objects(text: &str) -> Vec<Value> {
    let listed = serde_json::from_str::<Value>(text).unwrap_or_default();
    listed["nftables"].as_array().cloned().unwrap_or_default()
}

/// The first packet of a connection, over IPv4.
#[derive(Debug, Clone, Copy)]
pub(super) struct Packet<'a> {
    /// The interface it comes in by, which is the bridge.
    pub(super) comes_in: &'a str,
    /// The one it leaves by.
    pub(super) goes_out: Way<'a>,
    /// `tcp` or `udp`
    pub(super) protocol: &'a str,
    /// The port it goes to, where only one will do.
    pub(super) port: Option<u64>,
}

/// How a packet leaves.
#[derive(Debug, Clone, Copy)]
pub(super) enum Way<'a> {
    /// Not at all: it is for this host.
    Here,
    /// By this interface.
    By(&'a str),
    /// By another than it came in by.
    Out,
}

/// What may become of a packet: any of these.
type Ends = u8;
const ACCEPTED: Ends = 1;
const DROPPED: Ends = 2;
/// The rest of the chain is passed over.
const BACK: Ends = 4;
/// The next rule is asked.
const ON: Ends = 8;
const ANY: Ends = ACCEPTED | DROPPED | BACK | ON;

/// The rules of a table.
#[derive(Debug)]
pub(super) struct Ruleset(Vec<Value>);

impl Ruleset {
    pub(super) fn new(text: &str) -> Self {
        Self(objects(text).into_iter().filter_map(|object| object.get("rule").cloned()).collect())
    }

    /// Whether ufw loaded them: its chains for the rules that it was told have fixed names.
    pub(super) fn are_of_ufw(&self) -> bool {
        self.0.iter().any(|rule| {
            let statements = rule["expr"].as_array().into_iter().flatten();
            statements.into_iter().any(|one| one["jump"]["target"] == "ufw-user-forward")
        })
    }

    /// Whether a base chain that drops by policy lets the packet pass, as far as can be told: a rule
    /// that is not understood may.
    pub(super) fn may_pass(&self, chain: &Chain, packet: Packet<'_>) -> bool {
        self.walk(&chain.name, packet, DEPTH) & ACCEPTED != 0
    }

    /// How the packet may end in the chain; [`BACK`] is at whoever jumped there.
    fn walk(&self, chain: &str, packet: Packet<'_>, depth: u8) -> Ends {
        if depth == 0 {
            return ANY;
        }
        let mut ends = 0;
        for rule in self.0.iter().filter(|rule| rule["chain"] == chain) {
            let (met, then) = self.rule(rule, packet, depth);
            let these = match met {
                Met::No => continue,
                Met::Yes => then,
                Met::Unclear => then | ON,
            };
            ends |= these & !ON;
            if these & ON == 0 {
                return ends;
            }
        }
        ends | BACK
    }

    /// Whether the packet meets the rule, and how it may end there.
    fn rule(&self, rule: &Value, packet: Packet<'_>, depth: u8) -> (Met, Ends) {
        let mut met = Met::Yes;
        let statements = rule["expr"].as_array().map_or(&[][..], Vec::as_slice);
        for statement in statements {
            let Some((kind, what)) = statement.as_object().and_then(|object| object.iter().next())
            else {
                met = met.and(Met::Unclear);
                continue;
            };
            let to = || what["target"].as_str().map(|to| self.walk(to, packet, depth - 1));
            let then = match kind.as_str() {
                "match" => {
                    met = met.and(condition(what, packet));
                    continue;
                }
                // They change or count packets and let them go on.
                "counter" | "log" | "mangle" | "notrack" | "flow" => continue,
                "accept" if is_of_answers(statements) => return (Met::No, ACCEPTED),
                "accept" => ACCEPTED,
                "drop" | "reject" => DROPPED,
                "jump" => to()
                    .map_or(ANY, |ends| if ends & BACK == 0 { ends } else { (ends ^ BACK) | ON }),
                "goto" => to().unwrap_or(ANY),
                "return" => BACK,
                "queue" | "vmap" => ANY,
                // Among them the extensions of iptables that nft does not know.
                _ => {
                    met = met.and(Met::Unclear);
                    continue;
                }
            };
            return (met, then);
        }
        (met, ON)
    }
}

/// Whether a rule asks for nothing but what iptables calls conntrack, whose words nft does not show:
/// that is how answers are accepted. New packets from everywhere would make the policy void.
fn is_of_answers(statements: &[Value]) -> bool {
    let asks = |statement: &&Value| {
        let silent = ["counter", "accept"];
        !silent.iter().any(|kind| statement.get(kind).is_some())
    };
    let mut asked = statements.iter().filter(asks);
    asked.next().is_some_and(|first| first["xt"]["name"] == "conntrack") && asked.next().is_none()
}

/// Whether a packet meets a condition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Met {
    Yes,
    No,
    Unclear,
}

impl Met {
    fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::No, _) | (_, Self::No) => Self::No,
            (Self::Yes, Self::Yes) => Self::Yes,
            _ => Self::Unclear,
        }
    }
}

fn condition(what: &Value, packet: Packet<'_>) -> Met {
    let right = &what["right"];
    let negated = match what["op"].as_str() {
        Some("==" | "in") => false,
        Some("!=") => true,
        _ => return Met::Unclear,
    };
    let left = &what["left"];
    let field = |of: &str, key: &str| left[of][key].as_str();
    let is = match (field("meta", "key"), field("ct", "key"), field("payload", "protocol")) {
        (Some("iifname" | "iif"), ..) => names(&words(right), packet.comes_in),
        (Some("oifname" | "oif"), ..) => leaves_by(&words(right), packet),
        (Some("l4proto"), ..) => names(&words(right), packet.protocol),
        (_, Some("state"), _) => is_any(&words(right), &"new"),
        (.., Some("ip")) if field("payload", "field") == Some("protocol") => {
            names(&words(right), packet.protocol)
        }
        (.., Some("ip" | "ether" | "vlan" | "arp") | None) => None,
        // A field of another protocol's header, whatever its value is not to be.
        (.., Some(protocol)) if protocol != packet.protocol && protocol != "th" => return Met::No,
        (..) if field("payload", "field") == Some("dport") => {
            packet.port.and_then(|port| is_any(&numbers(right), &port))
        }
        (..) => None,
    };
    match is {
        Some(is) if is != negated => Met::Yes,
        Some(_) => Met::No,
        None => Met::Unclear,
    }
}

fn leaves_by(words: &[&str], packet: Packet<'_>) -> Option<bool> {
    match packet.goes_out {
        // For this host, the name is empty.
        Way::Here => names(words, ""),
        Way::By(name) => names(words, name),
        // It is the uplink, whatever its name, and not the bridge.
        Way::Out if words == [packet.comes_in] => Some(false),
        Way::Out => None,
    }
}

/// Whether one of the words is the name, or begins it and ends with `*`. What is in a set of the
/// table's own, `@name`, is not known.
fn names(words: &[&str], name: &str) -> Option<bool> {
    let fits = |word: &&str| match word.strip_suffix('*') {
        Some(begin) => name.starts_with(begin),
        None => *word == name,
    };
    let known = !words.is_empty() && !words.iter().any(|word| word.starts_with('@'));
    known.then(|| words.iter().any(fits))
}

/// Whether the value is among them; nothing is known of none.
fn is_any<T: PartialEq>(all: &[T], value: &T) -> Option<bool> {
    (!all.is_empty()).then(|| all.contains(value))
}

/// A word, a list of words, or a set of words; empty for anything else.
fn words(right: &Value) -> Vec<&str> {
    all(right, Value::as_str)
}

/// As [`words`], of numbers.
fn numbers(right: &Value) -> Vec<u64> {
    all(right, Value::as_u64)
}

fn all<'a, T>(right: &'a Value, read: impl Fn(&'a Value) -> Option<T>) -> Vec<T> {
    let right = right.get("set").unwrap_or(right);
    let list = right.as_array().map_or(std::slice::from_ref(right), Vec::as_slice);
    list.iter().map(read).collect::<Option<Vec<T>>>().unwrap_or_default()
}
