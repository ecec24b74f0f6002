//! What has to be asked besides, by a first look at a listing that reads next to nothing of it.

use std::fmt;

use serde::de::{Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};

use super::json::Json;
use super::sets::{SETS, SetName, short};

/// What a listing of nft's leaves out.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Omitted {
    /// The sets and maps whose elements are to be listed as well.
    pub sets: Vec<SetName>,
    /// Whether the tables of IPv4 hold words of iptables that nft does not show, and those of IPv6.
    pub hides: (bool, bool),
}

/// Looks at `nft -j list ruleset`; what is not nft's leaves out nothing.
pub fn omitted(text: &str) -> Omitted {
    let Ok(Listing { nftables }) = serde_json::from_str(text) else { return Omitted::default() };
    let mut found = Omitted::default();
    for one in nftables {
        let hides = one.rule.as_ref().is_some_and(|rule| rule.expr.iter().any(|one| one.0));
        match one.rule.as_ref().map(|rule| rule.family.is("ip6")) {
            Some(v6) if hides => {
                found.hides.0 |= !v6;
                found.hides.1 |= v6;
            }
            _ => {}
        }
        let set = one.set.as_ref().and_then(|set| short("set", set));
        found.sets.extend(set.or_else(|| one.map.as_ref().and_then(|map| short("map", map))));
    }
    found.sets.truncate(SETS);
    found
}

#[derive(Deserialize)]
struct Listing<'a> {
    #[serde(borrow)]
    nftables: Vec<Object<'a>>,
}

#[derive(Deserialize)]
struct Object<'a> {
    #[serde(borrow)]
    set: Option<Json<'a>>,
    map: Option<Json<'a>>,
    rule: Option<Rule<'a>>,
}

#[derive(Deserialize)]
struct Rule<'a> {
    #[serde(borrow, default = "nothing")]
    family: Json<'a>,
    #[serde(default)]
    expr: Vec<IsHidden>,
}

fn nothing<'a>() -> Json<'a> {
    Json::Null
}

/// Whether a statement is one of iptables' that nft knows by name alone.
struct IsHidden(bool);

impl<'de> Deserialize<'de> for IsHidden {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Statement)
    }
}

struct Statement;

impl<'de> Visitor<'de> for Statement {
    type Value = IsHidden;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a statement")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut all: A) -> Result<Self::Value, A::Error> {
        let mut hidden = false;
        while let Some(key) = all.next_key::<&str>()? {
            hidden |= key == "xt";
            all.next_value::<IgnoredAny>()?;
        }
        Ok(IsHidden(hidden))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut all: A) -> Result<Self::Value, A::Error> {
        while all.next_element::<IgnoredAny>()?.is_some() {}
        Ok(IsHidden(false))
    }

    fn visit_str<E: Error>(self, _: &str) -> Result<Self::Value, E> {
        Ok(IsHidden(false))
    }

    fn visit_unit<E: Error>(self) -> Result<Self::Value, E> {
        Ok(IsHidden(false))
    }

    fn visit_bool<E: Error>(self, _: bool) -> Result<Self::Value, E> {
        Ok(IsHidden(false))
    }

    fn visit_i64<E: Error>(self, _: i64) -> Result<Self::Value, E> {
        Ok(IsHidden(false))
    }

    fn visit_u64<E: Error>(self, _: u64) -> Result<Self::Value, E> {
        Ok(IsHidden(false))
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<Self::Value, E> {
        Ok(IsHidden(false))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_out_is_told() {
        let rule = |family: &str, statement: &str| {
            format!("{{\"rule\": {{\"family\": \"{family}\", \"expr\": [{statement}, null]}}}}")
        };
        let set = r#"{"set": {"family": "inet", "table": "a", "name": "ports", "type": "inet_service", "handle": 3}}"#;
        let long = r#"{"set": {"family": "inet", "table": "a", "name": "bad", "type": "ipv4_addr", "handle": 4}}"#;
        let text = |all: &[String]| format!("{{\"nftables\": [{}]}}", all.join(", "));
        let none = [rule("ip", "{\"accept\": null}"), rule("ip6", "\"xt\""), long.to_owned()];
        assert_eq!(omitted(&text(&none)), Omitted::default());
        let hidden = rule("ip6", r#"{"xt": {"type": "match", "name": "conntrack"}}"#);
        let found = omitted(&text(&[hidden.clone(), set.to_owned()]));
        assert_eq!((found.hides, found.sets.len()), ((false, true), 1));
        let both = [rule("ip", r#"{"xt": null}"#), hidden];
        assert_eq!(omitted(&text(&both)).hides, (true, true));
        assert_eq!(omitted("no"), Omitted::default());
    }
}
