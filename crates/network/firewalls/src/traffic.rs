//! What became of real packets, for `mvmhost check --deep`: where the kernel has decided, nothing is
//! undecided.

use std::collections::{BTreeMap, BTreeSet};

use mvm_config::Config;
use mvm_core::Finding;
use mvm_core::catalogue::deep;
use serde::Deserialize;

use super::flows::Need;
use super::ruleset::{Family, Hook, Place, Ruleset, Tool};
use super::walk::Block;
use super::{Forward, OWN, Obstacle, findings, ruleset, walked};

/// What a packet was sent for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Purpose {
    /// From one port of the bridge to another.
    Between,
    /// From a port of the bridge to another network.
    Out,
    /// The answer to a packet of [`Self::Out`].
    Back,
    /// To the server of addresses, and its answer.
    Address,
    /// To the server of names, and its answer.
    Name,
    /// To the IPv6 router, and its advertisement.
    Router,
}

/// A packet that was sent.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Passage {
    /// Between whom it was sent, and what for.
    pub way: Purpose,
    /// Whether of IPv6.
    pub v6: bool,
    /// Whether it arrived, and if not, what is known of it.
    pub end: End,
}

/// What became of a packet.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum End {
    /// It arrived; one that left this host, by this interface.
    Arrived(Option<String>),
    /// It left this host by this interface, with the microVM's own address.
    Untranslated(String),
    /// The kernel tells which chain dropped it.
    Dropped(Dropped),
    /// It did not arrive, and no rule of nftables has dropped it: what is known.
    Lost(String),
    /// It could not be sent: why.
    Untried(String),
}

/// Where a packet was dropped, in nft's words.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Dropped {
    /// Such as `inet`.
    pub family: String,
    /// The table's name, such as `filter`.
    pub table: String,
    /// The chain whose rule or policy dropped it, which may be one that others jump to.
    pub chain: String,
    /// The rule, or `policy drop`.
    pub rule: String,
    /// The chains of the table that it came through before, in their order.
    #[serde(default)]
    pub through: Vec<String>,
}

impl Purpose {
    fn need(self) -> Need {
        match self {
            Self::Between => Need::Between,
            Self::Out => Need::Out,
            Self::Back => Need::Back,
            Self::Address => Need::Address,
            Self::Name => Need::Name,
            Self::Router => Need::Router,
        }
    }

    /// Where most chains ask of it, for one that is not asked by itself.
    fn hook(self) -> Hook {
        match self {
            Self::Between | Self::Out | Self::Back => Hook::Forward,
            Self::Address | Self::Name | Self::Router => Hook::Input,
        }
    }

    fn description(self, v6: bool) -> String {
        let version = if v6 { "IPv6" } else { "IPv4" };
        match self {
            Self::Between => format!("{version} to another port"),
            Self::Out => format!("{version} to another network"),
            Self::Back => format!("the answer of another network over {version}"),
            Self::Address => "the question for an address".to_owned(),
            Self::Name => format!("the question for a name over {version}"),
            Self::Router => "the question for the IPv6 router".to_owned(),
        }
    }
}

/// Whether nothing is left undecided: every packet has arrived or was seen to be dropped.
pub(super) fn is_decided(passages: &[Passage]) -> bool {
    let decided = |end: &End| !matches!(end, End::Lost(_) | End::Untried(_));
    !passages.is_empty() && passages.iter().all(|passage| decided(&passage.end))
}

/// What is reported already of the ways that packets take.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Reported {
    /// What [`obstacles`](crate::obstacles) has found.
    pub obstacles: bool,
    /// That packets leave by an interface that has no translation.
    pub elsewhere: bool,
}

/// What the packets show beyond what is `reported` already.
pub fn traffic(config: &Config, forward: &Forward, reported: Reported) -> Vec<Finding> {
    let passages = &forward.passages;
    let network = &config.network;
    let parent = || network.macvtap.parent.as_ref().filter(|_| network.macvtap.enabled);
    let name = network.dhcp.interface.as_ref().or_else(parent).map(|name| name.as_str());
    let name = name.unwrap_or("the interface of the default route");
    let mut findings = dropped(config, forward, reported, name);
    for v6 in [false, true] {
        let of_family = || passages.iter().filter(|passage| passage.v6 == v6);
        findings.extend(arrived(of_family(), v6, name));
        if !reported.elsewhere {
            findings.extend(of_family().filter_map(|passage| elsewhere(passage, forward, name)));
        }
    }
    let unproven = passages.iter().filter_map(|Passage { way, v6, end }| match end {
        // The offers tell.
        _ if *way == Purpose::Address => None,
        End::Lost(why) => {
            let lost = deep::lost(name, way.description(*v6));
            Some(lost.evidence(why))
        }
        End::Untried(why) => {
            let what = way.description(*v6);
            let untried = deep::not_tried(what, why);
            Some(untried.evidence(why))
        }
        End::Untranslated(by) => {
            let version = if *v6 { "IPv6" } else { "IPv4" };
            Some(deep::untranslated(name, version, by))
        }
        End::Arrived(_) | End::Dropped(_) => None,
    });
    findings.extend(unproven);
    findings
}

/// A finding for each chain that has dropped one, unless it is named already.
fn dropped(config: &Config, forward: &Forward, reported: Reported, name: &str) -> Vec<Finding> {
    let rules = ruleset(forward);
    let mut chains: BTreeMap<(Place, Hook), Obstacle> = BTreeMap::new();
    for Passage { way, end, .. } in &forward.passages {
        let End::Dropped(dropped) = end else { continue };
        // What mvmhost withholds is said by the check of DHCP.
        if (dropped.family.as_str(), dropped.table.as_str()) == ("inet", OWN) {
            continue;
        }
        let Some((place, hook)) = dropping_chain(&rules, dropped, *way) else { continue };
        let block = || {
            let (place, by) = (place.clone(), by(dropped, &place));
            Block { place, hook, by, certain: true, untracks: false }
        };
        let obstacle = chains
            .entry((place.clone(), hook))
            .or_insert_with(|| Obstacle { block: block(), needs: BTreeSet::new() });
        obstacle.needs.insert(way.need());
    }
    let certain = walked(config, forward, &rules).certain;
    let is_named =
        |place: &Place| reported.obstacles && certain.keys().any(|(named, ..)| named == place);
    let new = chains.values().filter(|obstacle| !is_named(&obstacle.block.place));
    findings(new, &rules, name)
}

/// The rule, with its chain where that is another one.
fn by(dropped: &Dropped, place: &Place) -> String {
    if dropped.chain == place.chain {
        return dropped.rule.clone();
    }
    format!("{} in chain {}", dropped.rule, dropped.chain)
}

/// The base chain in which it was dropped, as the checks name it, or the chain where no base chain is
/// listed.
fn dropping_chain(rules: &Ruleset, dropped: &Dropped, way: Purpose) -> Option<(Place, Hook)> {
    let family = Family::parse(&dropped.family)?;
    let listed = |name: &String| {
        rules.chains.iter().find(|chain| {
            let place = &chain.place;
            (place.family, &place.table, &place.chain) == (family, &dropped.table, name)
                && place.tool != Tool::IptablesLegacy
        })
    };
    let through = dropped.through.iter().chain([&dropped.chain]).rev();
    let base = through
        .filter_map(listed)
        .find_map(|chain| chain.base.as_ref().map(|base| (chain.place.clone(), base.hook)));
    let itself = || {
        let Dropped { table, chain, .. } = dropped;
        let tool = listed(chain).map_or(Tool::Nft, |chain| chain.place.tool);
        Place { tool, family, table: table.clone(), chain: chain.clone() }
    };
    Some(base.unwrap_or_else(|| (itself(), way.hook())))
}

/// One finding for the packets of a family that arrived.
fn arrived<'a>(
    passages: impl Iterator<Item = &'a Passage>,
    v6: bool,
    name: &str,
) -> Option<Finding> {
    let descriptions: Vec<String> = passages
        .filter_map(|Passage { way, v6, end }| match end {
            End::Arrived(Some(by)) => Some(format!("{} by {by}", way.description(*v6))),
            End::Arrived(None) => Some(way.description(*v6)),
            _ => None,
        })
        .collect();
    let version = if v6 { "IPv6" } else { "IPv4" };
    let what = format!("{} test packets of {version} arrived", descriptions.len());
    (!descriptions.is_empty()).then(|| deep::proven(name, what).evidence(descriptions.join(", ")))
}

/// A packet that left by an interface that has no translation.
fn elsewhere(passage: &Passage, forward: &Forward, name: &str) -> Option<Finding> {
    let (Purpose::Out, End::Arrived(Some(by))) = (passage.way, &passage.end) else { return None };
    if forward.leaving.is_empty() || forward.leaving.contains(by) {
        return None;
    }
    let uplinks = forward.leaving.join(", ");
    let elsewhere = deep::elsewhere(name, by, &uplinks);
    Some(
        elsewhere
            .evidence(format!("a packet left by {by}; translated is what leaves by {uplinks}")),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn passage(way: Purpose, end: End) -> Passage {
        Passage { way, v6: false, end }
    }

    fn drop_in(family: &str, table: &str, chain: &str) -> End {
        let [family, table, chain] = [family, table, chain].map(str::to_owned);
        let rule = "ip saddr @bad drop".to_owned();
        End::Dropped(Dropped { family, table, chain, rule, through: Vec::new() })
    }

    fn codes_and_messages(forward: &Forward, reported: Reported) -> Vec<(String, String)> {
        let all = traffic(&Config::default(), forward, reported);
        all.iter().map(|one| (one.code().to_owned(), one.message())).collect()
    }

    const NOTHING: Reported = Reported { obstacles: false, elsewhere: false };
    const OBSTACLES: Reported = Reported { obstacles: true, elsewhere: false };

    #[test]
    fn what_the_kernel_has_decided_is_not_undecided() {
        let arrived = || passage(Purpose::Out, End::Arrived(Some("eth0".to_owned())));
        let dropped = || passage(Purpose::Back, drop_in("inet", "a", "f"));
        // Whether one of them is in the set is not known.
        let chain = serde_json::json!({"chain": {"family": "inet", "table": "a", "name": "f",
            "type": "filter", "hook": "forward", "prio": 0, "policy": "accept"}});
        let rule = serde_json::json!({"rule": {"family": "inet", "table": "a", "chain": "f",
            "expr": [{"vmap": {}}]}});
        let tables = vec![serde_json::json!({"nftables": [chain, rule]}).to_string()];
        let undecided = |passages: &[Passage]| {
            let forward = Forward {
                tables: tables.clone(),
                passages: passages.to_vec(),
                ..Forward::default()
            };
            crate::obstacles(&Config::default(), &forward).len()
        };
        assert_eq!(undecided(&[]), 1);
        assert_eq!(undecided(&[arrived()]), 0);
        assert_eq!(undecided(&[arrived(), dropped()]), 0);
        for end in [End::Lost("why".to_owned()), End::Untried("why".to_owned())] {
            assert_eq!(undecided(&[arrived(), passage(Purpose::Back, end)]), 1);
        }
    }

    #[test]
    fn the_chain_that_dropped_is_named_with_its_commands_once() {
        let passages = vec![
            passage(Purpose::Out, drop_in("inet", "a", "f")),
            passage(Purpose::Name, drop_in("ip", "filter", "INPUT")),
        ];
        let forward = Forward { passages, ..Forward::default() };
        let (codes, messages): (Vec<_>, Vec<_>) =
            codes_and_messages(&forward, OBSTACLES).into_iter().unzip();
        assert_eq!(codes, ["MVM-NET-413", "MVM-NET-410"], "{messages:?}");
        let found = traffic(&Config::default(), &forward, NOTHING);
        assert!(found[1].remedy().contains("nft insert rule inet a f iifname br-mvm accept"));
        let chain = serde_json::json!({"chain": {"family": "inet", "table": "a", "name": "f",
            "type": "filter", "hook": "forward", "prio": 0, "policy": "drop"}});
        let tables = vec![serde_json::json!({"nftables": [chain]}).to_string()];
        let named = Forward { tables, ..forward };
        let codes = |reported| {
            codes_and_messages(&named, reported).into_iter().map(|one| one.0).collect::<Vec<_>>()
        };
        assert_eq!(codes(OBSTACLES), ["MVM-NET-413"]);
        assert_eq!(codes(NOTHING), ["MVM-NET-413", "MVM-NET-410"]);
        let passages = vec![passage(Purpose::Out, drop_in("?", "a", "f"))];
        assert_eq!(codes_and_messages(&Forward { passages, ..Forward::default() }, NOTHING), []);
    }

    /// As a rule of iptables, which calls its own.
    #[test]
    fn the_base_chain_stands_for_those_it_jumps_to() {
        let chain = |name: &str| serde_json::json!({"chain": {"family": "ip", "table": "filter", "name": name}});
        let base = serde_json::json!({"chain": {"family": "ip", "table": "filter", "name": "FORWARD",
            "type": "filter", "hook": "forward", "prio": 0, "policy": "drop"}});
        let all = serde_json::json!({"nftables": [base, chain("one"), chain("two")]});
        let End::Dropped(dropped) = drop_in("ip", "filter", "two") else { unreachable!() };
        let through = vec!["FORWARD".to_owned(), "one".to_owned()];
        let passages = vec![passage(Purpose::Out, End::Dropped(Dropped { through, ..dropped }))];
        let forward = Forward { tables: vec![all.to_string()], passages, ..Forward::default() };
        let found = traffic(&Config::default(), &forward, NOTHING);
        assert_eq!(found.len(), 1);
        let seen = "chain ip filter FORWARD: hook forward, ip saddr @bad drop in chain two";
        assert_eq!(found[0].evidence_text(), seen);
        assert_eq!(traffic(&Config::default(), &forward, OBSTACLES), []);
    }

    #[test]
    fn what_arrived_what_was_lost_and_what_left_elsewhere_is_told() {
        let leaving = vec!["wan0".to_owned()];
        let passages = vec![
            passage(Purpose::Between, End::Arrived(None)),
            passage(Purpose::Out, End::Arrived(Some("eth0".to_owned()))),
            passage(Purpose::Back, End::Lost("why".to_owned())),
            passage(Purpose::Name, End::Untried("why".to_owned())),
            passage(Purpose::Address, End::Lost("why".to_owned())),
        ];
        let forward = Forward { leaving, passages, ..Forward::default() };
        let found = codes_and_messages(&forward, NOTHING);
        let codes: Vec<&str> = found.iter().map(|(code, _)| code.as_str()).collect();
        assert_eq!(codes, ["MVM-HOST-206", "MVM-NET-442", "MVM-NET-441", "MVM-HOST-207"]);
        assert_eq!(found[0].1, "br-mvm: 2 test packets of IPv4 arrived");
        let elsewhere = codes_and_messages(&forward, Reported { elsewhere: true, ..NOTHING });
        assert!(elsewhere.iter().all(|(code, _)| code != "MVM-NET-442"), "{elsewhere:?}");
    }
}
