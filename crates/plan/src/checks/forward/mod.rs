//! No firewall of this host drops what microVMs send, to others or to this host's DHCP and DNS.
//!
//! Read is what nft lists, which is also what iptables-nft loaded. A rule that is not understood may
//! let microVMs through, so that only a certain drop is one.

use mvm_config::Config;
use mvm_config::model::NetworkMode;
use mvm_diagnostics::{Entry, Finding, catalogue::checked};

use super::Facts;

mod rules;
#[cfg(test)]
mod tests;

pub use rules::{Chain, Hook, dropping};
use rules::{Packet, Ruleset, Way};

/// What nft and the bridge's switch say.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Forward {
    /// Frames between ports of a bridge pass the rules too: `net.bridge.bridge-nf-call-iptables`.
    pub bridged: bool,
    /// `nft -j list table` of each table that [`dropping`] names.
    pub tables: Vec<String>,
}

pub(super) fn check(config: &Config, facts: &Facts) -> Vec<Finding> {
    obstacles(config, &facts.forward)
}

/// A finding for each chain that keeps in what microVMs send.
pub fn obstacles(config: &Config, forward: &Forward) -> Vec<Finding> {
    if config.network.mode != NetworkMode::Tap {
        return Vec::new();
    }
    let mut findings = Vec::new();
    for text in &forward.tables {
        let rules = Ruleset::new(text);
        for chain in dropping(text) {
            let found = match chain.hook {
                Hook::Forward => forwarded(config, forward.bridged, &rules, &chain),
                Hook::Input => asked(config, &rules, &chain),
            };
            let Chain { family, table, name, .. } = &chain;
            let shown = format!("{family} {table} {name}");
            findings.extend(found.map(|finding| {
                let evidence = format!("chain {shown}: hook {}, policy drop", chain.hook);
                finding.with("chain", &shown).evidence(evidence)
            }));
        }
    }
    findings
}

/// Of what microVMs send to others; in tables of ufw, with ufw's own commands as the remedy.
fn forwarded(config: &Config, bridged: bool, rules: &Ruleset, chain: &Chain) -> Option<Finding> {
    let name = config.network.bridge.name.as_str();
    let drops = |goes_out| {
        let packet = Packet { comes_in: name, goes_out, protocol: "tcp", port: None };
        !rules.may_pass(chain, packet)
    };
    let between = bridged && drops(Way::By(name));
    let out = config.network.nat.enabled && drops(Way::Out);
    let entry: &Entry = match (rules.are_of_ufw(), between, out) {
        (_, false, false) => return None,
        (true, ..) => &checked::UFW_DROPS_FORWARD,
        (false, true, _) => &checked::FORWARD_DROPS_BRIDGED,
        (false, false, true) => &checked::FORWARD_DROPS,
    };
    Some(Finding::new(entry, name))
}

/// Of what microVMs ask of this host.
fn asked(config: &Config, rules: &Ruleset, chain: &Chain) -> Option<Finding> {
    let dhcp = &config.network.dhcp;
    let name = dhcp.interface.as_ref().filter(|_| dhcp.enabled)?.as_str();
    let drops = |port| {
        let goes_out = Way::Here;
        let packet = Packet { comes_in: name, goes_out, protocol: "udp", port: Some(port) };
        !rules.may_pass(chain, packet)
    };
    let what = match (drops(67), dhcp.dns_server && drops(53)) {
        (true, true) => "for an address and for names",
        (true, false) => "for an address",
        (false, true) => "for names",
        (false, false) => return None,
    };
    let entry: &Entry =
        if rules.are_of_ufw() { &checked::UFW_DROPS_INPUT } else { &checked::INPUT_DROPS };
    Some(Finding::new(entry, name).with("what", what))
}
