//! The interface that microVMs are attached to is there and serves, and no tap was left behind.

use mvm_config::Config;
use mvm_config::model::NetworkMode;
use mvm_diagnostics::{Finding, catalogue, catalogue::checked as net};
use serde::Deserialize;

use super::Facts;

/// An interface of this host.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
pub struct Interface {
    /// `bridge`, `vlan`, `wlan`; empty for a plain card.
    pub kind: String,
    /// It is a bridge.
    pub bridge: bool,
    /// It is wireless.
    pub wireless: bool,
    /// It is switched on.
    pub up: bool,
    /// The other end is there.
    pub carrier: bool,
    /// The bridge or bond that it is a port of.
    pub master: Option<String>,
}

pub(super) fn check(config: &Config, facts: &Facts) -> Vec<Finding> {
    let mut findings = match config.network.mode {
        NetworkMode::Tap => bridge(config.network.bridge.name.as_str(), facts),
        NetworkMode::Macvtap => match &config.network.macvtap.parent {
            Some(parent) => self::parent(parent.as_str(), facts),
            None => Vec::new(),
        },
        NetworkMode::None => Vec::new(),
    };
    if let Some(why) = &facts.no_tun {
        findings.push(Finding::new(&net::NO_TUN, "/dev/net/tun").with("why", why).evidence(why));
    }
    let stale = facts.stale_taps.iter();
    findings.extend(stale.map(|tap| Finding::new(&net::STALE_TAP, tap).evidence("no carrier")));
    findings
}

fn bridge(name: &str, facts: &Facts) -> Vec<Finding> {
    let finding = |entry| Finding::new(entry, name);
    match &facts.interface {
        None => vec![finding(&net::BRIDGE_MISSING)],
        Some(found) if !found.bridge => {
            let kind = if found.kind.is_empty() { "a network card" } else { &found.kind };
            vec![finding(&catalogue::net::NOT_A_BRIDGE).with("kind", kind).evidence(kind)]
        }
        Some(found) if !found.up => vec![finding(&net::BRIDGE_DOWN)],
        Some(_) => Vec::new(),
    }
}

fn parent(name: &str, facts: &Facts) -> Vec<Finding> {
    let finding = |entry| Finding::new(entry, name);
    match &facts.interface {
        None => vec![finding(&net::PARENT_MISSING)],
        Some(found) if found.wireless => vec![finding(&net::PARENT_WIRELESS)],
        Some(Interface { master: Some(master), .. }) => {
            vec![finding(&net::PARENT_ENSLAVED).with("master", master).evidence(master)]
        }
        Some(found) if !found.carrier => vec![finding(&net::PARENT_NO_CARRIER)],
        Some(_) => Vec::new(),
    }
}
