//! No firewall of this host drops what microVMs send.
//!
//! Read is what nft lists, which is also what iptables-nft loaded. A rule that is not understood may
//! let microVMs through, so that only a certain drop is one.

use mvm_config::Config;
use mvm_config::model::NetworkMode;
use mvm_diagnostics::{Finding, catalogue::checked};

use super::Facts;

mod rules;
#[cfg(test)]
mod tests;

pub use rules::{Chain, dropping};
use rules::{Packet, Ruleset, Verdict};

/// What nft and the bridge's switch say.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Forward {
    /// Frames between ports of a bridge pass the rules too: `net.bridge.bridge-nf-call-iptables`.
    pub bridged: bool,
    /// `nft -j list table` of each table that [`dropping`] names.
    pub tables: Vec<String>,
}

pub(super) fn check(config: &Config, facts: &Facts) -> Vec<Finding> {
    if config.network.mode != NetworkMode::Tap {
        return Vec::new();
    }
    let name = config.network.bridge.name.as_str();
    let mut findings = Vec::new();
    for text in &facts.forward.tables {
        for chain in dropping(text) {
            let rules = Ruleset::new(text);
            let drops = |out| {
                let packet = Packet { comes_in: name, goes_out: out };
                matches!(rules.verdict(&chain, packet), Verdict::Dropped | Verdict::Through)
            };
            let entry = if facts.forward.bridged && drops(Some(name)) {
                &checked::FORWARD_DROPS_BRIDGED
            } else if config.network.nat.enabled && drops(None) {
                &checked::FORWARD_DROPS
            } else {
                continue;
            };
            let Chain { family, table, name: chain } = &chain;
            let shown = format!("{family} {table} {chain}");
            let finding = Finding::new(entry, name).with("chain", &shown);
            findings.push(finding.evidence(format!("chain {shown}: hook forward, policy drop")));
        }
    }
    findings
}
