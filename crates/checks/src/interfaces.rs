//! The interface that microVMs are attached to is there and serves, and no tap was left behind.

use mvm_config::Config;
use mvm_config::model::NetworkMode;
use mvm_core::Finding;
use mvm_core::catalogue::{self, checked as net};
use serde::Deserialize;

use super::Observed;

/// An interface of this host as sysfs shows it, read by `mvm_core::interfaces`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
pub struct Interface {
    /// DEVTYPE of its `uevent`: `bridge`, `vlan`, `wlan`; empty for a plain card.
    pub kind: String,
    /// Its folder in sysfs has a folder `bridge`.
    pub bridge: bool,
    /// Its folder in sysfs has `phy80211` or `wireless`; such a card carries no macvtaps.
    pub wireless: bool,
    /// `IFF_UP` is set, whether the other end is there or not.
    pub up: bool,
    /// The other end is there.
    pub carrier: bool,
    /// The bridge or bond that it is a port of.
    pub master: Option<String>,
}

pub(super) fn check(config: &Config, observed: &Observed) -> Vec<Finding> {
    let mut findings = match config.network.mode {
        NetworkMode::Tap => bridge(config.network.bridge.name.as_str(), observed),
        NetworkMode::Macvtap => named(config, observed, observed.interface.as_ref()),
        NetworkMode::None => operators(config, observed),
    };
    if config.network.has_both() {
        findings.extend(named(config, observed, observed.parent.as_ref()));
    }
    if let Some(why) = &observed.no_tun {
        findings.push(net::no_tun("/dev/net/tun", why).evidence(why));
    }
    let stale = observed.stale_taps.iter();
    findings.extend(stale.map(|tap| net::stale_tap(tap).evidence("no carrier")));
    findings
}

/// Networking is the operator's: he gives flintlockd the flag, or a file of his own.
fn operators(config: &Config, observed: &Observed) -> Vec<Finding> {
    let flag = |argument: &String| argument.split('=').next().unwrap_or_default().to_owned();
    let mut flags = config.flintlockd.extra_args.iter().map(flag);
    let has_flag = flags.any(|flag| flag == "--bridge-name" || flag == "--parent-iface");
    match has_flag || observed.flintlockd_config {
        true => Vec::new(),
        false => vec![catalogue::flk::no_interface("flintlockd.extra-args")],
    }
}

fn bridge(name: &str, observed: &Observed) -> Vec<Finding> {
    match &observed.interface {
        None => vec![net::bridge_missing(name)],
        Some(found) if !found.bridge => {
            let kind = if found.kind.is_empty() { "a network card" } else { &found.kind };
            vec![catalogue::net::not_a_bridge(name, kind).evidence(kind)]
        }
        Some(found) if !found.up => vec![net::bridge_down(name)],
        Some(_) => Vec::new(),
    }
}

/// The parent that the file names, or that of the default route.
fn named(config: &Config, observed: &Observed, found: Option<&Interface>) -> Vec<Finding> {
    let named = config.network.macvtap.parent.as_ref().map(|name| name.as_str());
    match named.or(observed.default_interface.as_deref()) {
        Some(name) => parent(name, found),
        None => vec![catalogue::net::no_parent("network.macvtap.parent")],
    }
}

fn parent(name: &str, found: Option<&Interface>) -> Vec<Finding> {
    match found {
        None => vec![net::parent_missing(name)],
        Some(found) if found.wireless => vec![net::parent_wireless(name)],
        Some(Interface { master: Some(master), .. }) => {
            vec![net::parent_enslaved(name, master).evidence(master)]
        }
        Some(found) if !found.carrier => vec![net::parent_no_carrier(name)],
        Some(_) => Vec::new(),
    }
}
