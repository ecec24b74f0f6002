//! nft's JSON: libnftables-json(5).

use std::collections::HashMap;

use super::ruleset::{
    Base, Chain, Family, Field, Hook, Place, Rule, Ruleset, Test, Then, Tool, Value,
};

mod fields;
mod json;
mod omitted;
mod sets;

use fields::{map, tests};
use json::Json;
pub use omitted::{Omitted, omitted};
pub use sets::SetName;
use sets::Sets;

/// A rule is shown with this many characters of its text.
const SHOWN: usize = 160;

/// Adds the chains of `nft -j list ruleset`, or of tables, to `rules`; what is not nft's adds none.
/// `skip` says which tables another listing has.
pub(super) fn add(rules: &mut Ruleset, texts: &[String], skip: &dyn Fn(Family, &str) -> bool) {
    let listed: Vec<Json<'_>> = texts
        .iter()
        .flat_map(|text| match Json::read(text) {
            Json::Object(listing) => match listing.into_iter().find(|(key, _)| key == "nftables") {
                Some((_, Json::Array(objects))) => objects,
                _ => Vec::new(),
            },
            _ => Vec::new(),
        })
        .collect();
    let objects = listed.as_slice();
    let sets = Sets(objects.iter().filter(|object| object.get("rule").is_none()).collect());
    let place = |of: &Json<'_>, chain: &Json<'_>| -> Option<Place> {
        let family = Family::parse(of["family"].as_str()?)?;
        let table = of["table"].as_str()?.to_owned();
        let chain = chain.as_str()?.to_owned();
        (!skip(family, &table)).then_some(Place { tool: Tool::Nft, family, table, chain })
    };
    let mut numbers = HashMap::new();
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
            let statements = found["expr"].as_array().unwrap_or_default();
            rules.marks |= statements.iter().any(sets_mark);
            chain.rules.push(rule(statements, &sets, found));
        }
    }
}

fn base(chain: &Json<'_>) -> Option<Base> {
    let devices = match &chain["dev"] {
        Json::Text(name) => Some(vec![name.clone().into_owned()]),
        Json::Array(names) => {
            Some(names.iter().filter_map(Json::as_str).map(str::to_owned).collect())
        }
        _ => None,
    };
    Some(Base {
        hook: Hook::parse(chain["hook"].as_str()?)?,
        translates: chain["type"].is("nat"),
        drops: chain["policy"].is("drop"),
        devices,
    })
}

fn sets_mark(statement: &Json<'_>) -> bool {
    let key = |of: &str| statement["mangle"]["key"][of]["key"].is("mark");
    let target = &statement["xt"]["name"];
    key("meta") || key("ct") || target.is("MARK") || target.is("CONNMARK")
}

fn rule(statements: &[Json<'_>], sets: &Sets<'_>, whole: &Json<'_>) -> Rule {
    let mut rule = decided(statements, sets, whole);
    if rule.then.may_drop() || rule.untracks {
        let text = || {
            let all = serde_json::to_string(statements).unwrap_or_default();
            all.chars().take(SHOWN).collect()
        };
        rule.text = nft_text(statements, whole).unwrap_or_else(text);
    }
    rule
}

/// A rule without its text.
fn decided(statements: &[Json<'_>], sets: &Sets<'_>, whole: &Json<'_>) -> Rule {
    let mut rule = Rule::default();
    for statement in statements {
        let Some((kind, body)) = statement.first() else {
            rule.tests.push(Test::unclear());
            continue;
        };
        let to = || body["target"].as_str().map(str::to_owned);
        rule.then = match kind {
            "match" => {
                rule.tests.extend(tests(body, sets, whole));
                continue;
            }
            "notrack" => {
                rule.untracks = true;
                continue;
            }
            // They change or count packets and let them go on.
            "counter" | "log" | "mangle" | "flow" | "set" | "map" | "quota" | "comment"
            | "ct helper" | "ct timeout" | "ct expectation" | "secmark" => continue,
            // The first packet is below every limit.
            "limit" | "ct count" => {
                if body["inv"] == Json::Bool(true) {
                    rule.tests.push(Test::never());
                }
                continue;
            }
            "accept" if is_of_answers(statements) => {
                // In place of the test whose words are not shown.
                rule.tests = vec![state(&["established", "related"])];
                Then::Accept
            }
            "accept" | "dnat" | "redirect" | "snat" | "masquerade" | "tproxy" | "fwd"
            | "synproxy" => Then::Accept,
            "drop" => Then::Drop,
            "reject" => {
                rule.tests.extend(rejected(body));
                Then::Drop
            }
            "jump" => to().map_or(Then::Unknown, Then::Jump),
            "goto" => to().map_or(Then::Unknown, Then::Goto),
            "return" => Then::Return,
            "continue" => Then::On,
            "vmap" => map(body, sets, whole),
            "queue" => Then::Unknown,
            "xt" if body["type"].is("target") => target(body),
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
fn nft_text(statements: &[Json<'_>], whole: &Json<'_>) -> Option<String> {
    let handle = whole["handle"].as_i64();
    let silent = |one: &&Json<'_>| one.get("counter").is_none() && one.get("log").is_none();
    let statements = statements.iter().filter(silent);
    let statements: Option<Vec<&str>> = statements
        .map(|one| match () {
            () if one.get("drop").is_some() => Some("drop"),
            () if one.get("reject").is_some() => Some("reject"),
            () => None,
        })
        .collect();
    let statements = statements?.join(" ");
    Some(handle.map_or(statements.clone(), |handle| format!("{statements} # handle {handle}")))
}

/// The targets of iptables that nft shows by name alone.
fn target(body: &Json<'_>) -> Then {
    match body["name"].as_str() {
        Some("REJECT") => Then::Drop,
        Some("MASQUERADE" | "SNAT" | "DNAT" | "REDIRECT") => Then::Accept,
        Some("NFQUEUE") | None => Then::Unknown,
        // LOG, MARK, TCPMSS, CT and their likes let the packet go on.
        Some(_) => Then::On,
    }
}

/// Whether a rule asks for nothing but what iptables calls conntrack, whose words nft does not show:
/// that is how answers are accepted. New packets from everywhere would make the policy void.
fn is_of_answers(statements: &[Json<'_>]) -> bool {
    let asks = |statement: &&Json<'_>| {
        let silent = ["counter", "accept"];
        let comment = statement["xt"]["name"].is("comment");
        !comment && !silent.iter().any(|kind| statement.get(kind).is_some())
    };
    let mut selectors = statements.iter().filter(asks);
    let tracked = |name: &Json<'_>| name.is("conntrack") || name.is("state");
    selectors.next().is_some_and(|first| tracked(&first["xt"]["name"]))
        && selectors.next().is_none()
}

pub(super) fn state(names: &[&str]) -> Test {
    Test::is(Field::State, names.iter().map(|word| Value::Text((*word).to_owned())).collect())
}

/// A reject of one protocol leaves the others alone: nft shows no test for it.
fn rejected(body: &Json<'_>) -> Option<Test> {
    let text = |field, word: &str| Test::is(field, vec![Value::Text(word.to_owned())]);
    match body["type"].as_str()? {
        "icmp" => Some(text(Field::Version, "ipv4")),
        "icmpv6" => Some(text(Field::Version, "ipv6")),
        "tcp reset" => Some(text(Field::Protocol, "tcp")),
        _ => None,
    }
}
