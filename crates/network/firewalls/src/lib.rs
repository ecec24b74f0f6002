//! No firewall of this host keeps from its end what microVMs need: packets to other networks and back,
//! to each other, and to this host's DHCP and DNS.
//!
//! Read are the kernel's own lists: what nft lists, and of the tables that iptables wrote what its own
//! programs list, because nft does not show all of their words. What depends on something that is not
//! known, such as the elements of a set, is undecided and said as that; `check --deep` sends a packet.

use std::collections::{BTreeMap, BTreeSet};

use mvm_config::Config;
use mvm_config::model::NetworkMode;
use mvm_core::catalogue::checked;
use mvm_core::{Entry, Finding};

mod flows;
mod heal;
mod nft;
mod packet;
mod ruleset;
mod save;
#[cfg(test)]
mod tests;
mod traffic;
mod walk;

use flows::Need;
pub use nft::{Omitted, SetName, omitted};
pub use ruleset::Tool;
pub use traffic::{Dropped, End, Passage, Purpose, Reported, traffic};

use ruleset::{Family, Hook, Place, Ruleset};
use walk::Block;

/// What the kernel lists.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Forward {
    /// Frames between ports of a bridge pass the rules for IPv4 too: `net.bridge.bridge-nf-call-iptables`.
    pub bridged: bool,
    /// The same for IPv6.
    pub bridged6: bool,
    /// `nft -j list ruleset`, or parts of it, and the sets whose elements rules ask for.
    pub tables: Vec<String>,
    /// What iptables' programs list.
    pub saved: Vec<Saved>,
    /// The interfaces by which packets leave this host; none where they are not known.
    pub leaving: Vec<String>,
    /// What could not be read, and why.
    pub unread: Vec<(String, String)>,
    /// What became of packets that were sent; empty where none was.
    pub passages: Vec<Passage>,
}

/// What iptables-save or one of its kind wrote.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Saved {
    /// [`Tool::IptablesLegacy`] for the kernel's old tables, else [`Tool::Iptables`].
    pub tool: Tool,
    /// Whether of IPv6.
    pub v6: bool,
    /// Its standard output.
    pub text: String,
}

/// mvmhost's own table.
const OWN: &str = "mvmhost";

/// A chain, and the packets that it drops.
struct Obstacle {
    block: Block,
    needs: BTreeSet<Need>,
}

/// What the rules do with the flows that microVMs need.
#[derive(Default)]
struct Walked {
    /// By chain, and whether it leaves packets untracked: what it keeps from its end.
    certain: BTreeMap<(Place, Hook, bool), Obstacle>,
    /// What depends on something that is not known.
    unclear: Vec<Block>,
}

/// A finding for each chain that keeps from its end what microVMs need, and one for those that are
/// undecided, unless packets have shown it.
pub fn obstacles(config: &Config, forward: &Forward) -> Vec<Finding> {
    let Some(name) = config.network.dhcp.interface.as_ref() else { return Vec::new() };
    let rules = ruleset(forward);
    let Walked { certain, unclear } = walked(config, forward, &rules);
    let mut findings = findings(certain.values(), &rules, name.as_str());
    if traffic::is_decided(&forward.passages) {
        return findings;
    }
    let is_named =
        |block: &Block| certain.contains_key(&(block.place.clone(), block.hook, block.untracks));
    let mut reported = BTreeSet::new();
    for block in unclear.iter().filter(|block| !is_named(block)) {
        if reported.insert(block.place.clone()) {
            let finding = checked::undecided(name.as_str(), &block.place);
            findings.push(finding.evidence(evidence(block)));
        }
    }
    findings
}

fn walked(config: &Config, forward: &Forward, rules: &Ruleset) -> Walked {
    let mut walked = Walked::default();
    if config.network.mode == NetworkMode::None || config.network.dhcp.interface.is_none() {
        return walked;
    }
    for flow in flows::flows(config, forward) {
        for block in walk::blocks(rules, flow.packet, &flow.path) {
            // What is answered here needs no tracking, and what mvmhost withholds is said elsewhere.
            if (block.untracks && flow.need != Need::Out) || is_own(&block.place) {
                continue;
            }
            if !block.certain {
                walked.unclear.push(block);
                continue;
            }
            let key = (block.place.clone(), block.hook, block.untracks);
            let obstacle = || Obstacle { block, needs: BTreeSet::new() };
            walked.certain.entry(key).or_insert_with(obstacle).needs.insert(flow.need);
        }
    }
    walked
}

/// A finding for each chain. ufw has one for IPv4 and one for IPv6, and is told once: its commands are for
/// both.
fn findings<'a>(
    all: impl Iterator<Item = &'a Obstacle>,
    rules: &Ruleset,
    name: &str,
) -> Vec<Finding> {
    let (of_ufw, others): (Vec<&Obstacle>, Vec<&Obstacle>) =
        all.partition(|obstacle| is_of_ufw(rules, &obstacle.block.place));
    let mut findings: Vec<Finding> =
        others.into_iter().map(|obstacle| finding(obstacle, name, false)).collect();
    let mut by_hook: BTreeMap<Hook, Vec<&Obstacle>> = BTreeMap::new();
    for obstacle in of_ufw {
        by_hook.entry(obstacle.block.hook).or_default().push(obstacle);
    }
    // What is forwarded first.
    findings.extend(by_hook.into_values().rev().filter_map(|same| {
        let block = same.first()?.block.clone();
        let needs = same.iter().flat_map(|obstacle| obstacle.needs.iter().copied()).collect();
        let evidences: Vec<String> =
            same.iter().map(|obstacle| evidence(&obstacle.block)).collect();
        Some(finding(&Obstacle { block, needs }, name, true).evidence(evidences.join("; ")))
    }));
    findings
}

/// All rules, each table once: what iptables' own program lists stands for what nft shows of it.
fn ruleset(forward: &Forward) -> Ruleset {
    let mut rules = Ruleset::default();
    let by_iptables = forward.saved.iter().filter(|saved| saved.tool == Tool::Iptables);
    let iptables_tables: BTreeSet<(Family, &str)> = by_iptables
        .flat_map(|saved| {
            let family = if saved.v6 { Family::Ip6 } else { Family::Ip };
            let tables = saved.text.lines().filter_map(|line| line.strip_prefix('*'));
            tables.map(move |table| (family, table.trim()))
        })
        .collect();
    let has = |family: Family, table: &str| iptables_tables.contains(&(family, table));
    nft::add(&mut rules, &forward.tables, &has);
    for saved in &forward.saved {
        save::add(&mut rules, &saved.text, saved.tool, saved.v6);
    }
    rules
}

/// mvmhost's own table.
fn is_own(place: &Place) -> bool {
    (place.family, place.table.as_str()) == (Family::Inet, OWN)
}

/// Whether ufw loaded the table: its chains have fixed names.
fn is_of_ufw(rules: &Ruleset, place: &Place) -> bool {
    let same = |other: &Place| {
        (other.tool, other.family, &other.table) == (place.tool, place.family, &place.table)
    };
    let names = ["ufw-user-forward", "ufw6-user-forward"];
    rules.chains.iter().any(|chain| {
        same(&chain.place) && names.contains(&chain.place.chain.as_str())
            || same(&chain.place)
                && chain.rules.iter().any(|rule| {
                    matches!(&rule.then, ruleset::Then::Jump(to) if names.contains(&to.as_str()))
                })
    })
}

fn evidence(block: &Block) -> String {
    format!("chain {}: hook {}, {}", block.place, block.hook, block.by)
}

fn finding(obstacle: &Obstacle, name: &str, ufw: bool) -> Finding {
    let Obstacle { block, needs } = obstacle;
    let has = |need: Need| needs.contains(&need);
    let forwarded = has(Need::Out) || has(Need::Back);
    let only_arp = needs.iter().all(|need| *need == Need::Neighbour);
    let entry: &Entry = match (ufw, has(Need::Between), forwarded) {
        _ if block.untracks => &checked::untracked::ROW,
        _ if only_arp => &checked::arp_drops::ROW,
        (true, between, out) if between || out => &checked::ufw_drops_forward::ROW,
        (false, true, _) => &checked::forward_drops_bridged::ROW,
        (false, false, true) => &checked::forward_drops::ROW,
        (true, ..) if blocked_questions(needs).is_some() => &checked::ufw_drops_input::ROW,
        _ if blocked_questions(needs).is_some() => &checked::input_drops::ROW,
        _ => &checked::output_drops::ROW,
    };
    let heal = heal::commands(&block.place, block.hook, needs, name);
    Finding::chosen(entry, name)
        .with("chain", &block.place)
        .with("what", blocked_questions(needs).unwrap_or_default())
        .with("heal", heal)
        .evidence(evidence(block))
}

/// What of this host cannot be asked.
fn blocked_questions(needs: &BTreeSet<Need>) -> Option<String> {
    let questions: Vec<&str> = needs
        .iter()
        .filter_map(|need| match need {
            Need::Address => Some("an address"),
            Need::Name => Some("names"),
            Need::Router => Some("their IPv6 router"),
            _ => None,
        })
        .collect();
    let (last, rest) = questions.split_last()?;
    let last = format!("for {last}");
    Some(rest.iter().rev().fold(last, |all, word| format!("for {word} and {all}")))
}
