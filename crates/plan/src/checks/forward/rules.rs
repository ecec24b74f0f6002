//! nft's JSON, as far as it decides about a new connection from a microVM: libnftables-json(5).

use serde_json::Value;

/// Chains jump to chains; more than so deep is not followed.
const DEPTH: u8 = 16;

/// A base chain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chain {
    /// `ip` or `inet`
    pub family: String,
    /// The table's name.
    pub table: String,
    /// The chain's name.
    pub name: String,
}

/// The chains that drop what is forwarded over IPv4 and no rule accepts, of nft's list of chains or
/// of a table; none when the text is not nft's.
pub fn dropping(text: &str) -> Vec<Chain> {
    let listed = objects(text);
    let chains = listed.iter().filter_map(|object| object.get("chain"));
    let base = chains.filter(|chain| {
        chain["hook"] == "forward"
            && chain["policy"] == "drop"
            && (chain["family"] == "ip" || chain["family"] == "inet")
    });
    let word = |chain: &Value, key: &str| chain[key].as_str().map(str::to_owned);
    base.filter_map(|chain| {
        let (family, table) = (word(chain, "family")?, word(chain, "table")?);
        Some(Chain { family, table, name: word(chain, "name")? })
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

/// The first packet of a connection.
#[derive(Debug, Clone, Copy)]
pub(super) struct Packet<'a> {
    /// The interface it comes in by, which is the bridge.
    pub(super) comes_in: &'a str,
    /// The one it leaves by; `None` is any other.
    pub(super) goes_out: Option<&'a str>,
}

/// What becomes of a packet in a chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    Accepted,
    Dropped,
    /// A rule that is not understood may accept it.
    Unclear,
    /// No rule decides.
    Through,
    /// The rest of the chain is passed over.
    Back,
}

/// The rules of a table.
#[derive(Debug)]
pub(super) struct Ruleset(Vec<Value>);

impl Ruleset {
    pub(super) fn new(text: &str) -> Self {
        Self(objects(text).into_iter().filter_map(|object| object.get("rule").cloned()).collect())
    }

    pub(super) fn verdict(&self, chain: &Chain, packet: Packet<'_>) -> Verdict {
        self.walk(&chain.name, packet, DEPTH)
    }

    fn walk(&self, chain: &str, packet: Packet<'_>, depth: u8) -> Verdict {
        if depth == 0 {
            return Verdict::Unclear;
        }
        let mut end = Verdict::Through;
        for rule in self.0.iter().filter(|rule| rule["chain"] == chain) {
            let (met, verdict) = self.rule(rule, packet, depth);
            match (met, verdict) {
                (Met::No, _) | (_, Verdict::Through) | (Met::Unclear, Verdict::Dropped) => {}
                (Met::Yes, Verdict::Accepted | Verdict::Dropped) if end == Verdict::Through => {
                    return verdict;
                }
                (Met::Yes, Verdict::Accepted | Verdict::Dropped | Verdict::Back) => return end,
                _ => end = Verdict::Unclear,
            }
        }
        end
    }

    /// Whether the packet meets the rule, and what the rule does with it then.
    fn rule(&self, rule: &Value, packet: Packet<'_>, depth: u8) -> (Met, Verdict) {
        let mut met = Met::Yes;
        for statement in rule["expr"].as_array().into_iter().flatten() {
            let Some((kind, what)) = statement.as_object().and_then(|object| object.iter().next())
            else {
                met = met.and(Met::Unclear);
                continue;
            };
            let verdict = match kind.as_str() {
                "match" => {
                    met = met.and(condition(what, packet));
                    continue;
                }
                // They change or count packets and let them go on.
                "counter" | "log" | "mangle" | "notrack" | "flow" => continue,
                "accept" => Verdict::Accepted,
                "drop" | "reject" => Verdict::Dropped,
                "jump" | "goto" => match what["target"].as_str() {
                    Some(target) => self.walk(target, packet, depth - 1),
                    None => Verdict::Unclear,
                },
                "return" => Verdict::Back,
                "queue" | "vmap" => Verdict::Unclear,
                // Among them the extensions of iptables that nft does not know.
                _ => {
                    met = met.and(Met::Unclear);
                    continue;
                }
            };
            return (met, verdict);
        }
        (met, Verdict::Through)
    }
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
    let (left, words) = (&what["left"], words(&what["right"]));
    let negated = match what["op"].as_str() {
        Some("==" | "in") => false,
        Some("!=") => true,
        _ => return Met::Unclear,
    };
    let is = match (left["meta"]["key"].as_str(), left["ct"]["key"].as_str()) {
        (Some("iifname" | "iif"), _) => names(&words, packet.comes_in),
        (Some("oifname" | "oif"), _) => match packet.goes_out {
            Some(name) => names(&words, name),
            // It is the uplink, whatever its name, and not the bridge.
            None if words == [packet.comes_in] => Some(false),
            None => None,
        },
        (_, Some("state")) if !words.is_empty() => Some(words.contains(&"new")),
        _ => None,
    };
    match is {
        Some(is) if is != negated => Met::Yes,
        Some(_) => Met::No,
        None => Met::Unclear,
    }
}

/// Whether one of the words is the name, or begins it and ends with `*`.
fn names(words: &[&str], name: &str) -> Option<bool> {
    let fits = |word: &&str| match word.strip_suffix('*') {
        Some(begin) => name.starts_with(begin),
        None => *word == name,
    };
    (!words.is_empty()).then(|| words.iter().any(fits))
}

/// A word, a list of words, or a set of words; empty for anything else.
fn words(right: &Value) -> Vec<&str> {
    let set = right.get("set").unwrap_or(right);
    match set {
        Value::String(word) => vec![word],
        Value::Array(list) => {
            let words: Vec<&str> = list.iter().filter_map(Value::as_str).collect();
            if words.len() == list.len() { words } else { Vec::new() }
        }
        _ => Vec::new(),
    }
}
