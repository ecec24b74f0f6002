//! What is kept of an uplink: until the next boot, how to put it back; for ever, that somebody
//! confirmed it.

use std::net::IpAddr;

use mvm_core::Finding;
use mvm_core::catalogue::uplink::still_port;
use serde::{Deserialize, Serialize};

use super::{Consent, Desired, Link, Observed, Step};

/// The version of both records.
pub const VERSION: u32 = 1;

/// Kept in /run: a boot ends every trial, and no step back outlives what it would undo.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Live {
    /// [`VERSION`]
    pub version: u32,
    /// Name of the interface that is, or is to be, a port.
    pub uplink: String,
    /// Name of the bridge that it is to be a port of, and of no other.
    pub bridge: String,
    /// `None` once it is confirmed.
    pub trial: Option<Trial>,
    /// The steps back, in order; empty before the first step forth.
    pub undo: Vec<Step>,
    /// The gateway did not answer in this boot, so the uplink was given back.
    pub given_back: bool,
    /// Begun without a trial, and not yet looked at from the other end: whoever finds it so was
    /// preceded by somebody who was killed.
    #[serde(default)]
    pub unfinished: bool,
}

/// Times are in seconds of the boot clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Trial {
    /// How long it lasts.
    pub seconds: u64,
    /// When it was asked for.
    pub asked: u64,
    /// When it ends; `None` before the first step.
    pub until: Option<u64>,
}

/// Kept in /var/lib.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Confirmed {
    /// [`VERSION`]
    pub version: u32,
    /// Name of the interface that may be a port after each boot.
    pub uplink: String,
    /// Name of the bridge that it may be a port of, and of no other.
    pub bridge: String,
    /// Those that answered on the bridge when it was confirmed.
    pub gateways: Vec<IpAddr>,
}

/// Whether `uplink` may be made a port of `bridge`, by what was kept.
pub fn permit(
    uplink: &str,
    bridge: &str,
    live: Option<&Live>,
    confirmed: Option<&Confirmed>,
) -> Consent {
    let same = |one: &str, other: &str| one == uplink && other == bridge;
    if confirmed.is_some_and(|uplink| same(&uplink.uplink, &uplink.bridge)) {
        return Consent::Confirmed;
    }
    match live.filter(|live| same(&live.uplink, &live.bridge)) {
        Some(live) if live.trial.is_some() => Consent::OnTrial,
        _ => Consent::Refused,
    }
}

impl Confirmed {
    /// The uplink where it is still to become a port.
    pub fn waiting<'o>(&self, observed: &'o Observed) -> Option<&'o Link> {
        let link = observed.links.iter().find(|link| link.name == self.uplink)?;
        (link.master.as_ref() != Some(&self.bridge)).then_some(link)
    }

    /// Those gateways by which no route of the uplink leads yet: who configures it at boot may not be
    /// done, and would go on with an interface that has nothing.
    pub fn awaited(&self, desired: &Desired, uplink: &Link) -> Vec<IpAddr> {
        let routes = &uplink.addressing.routes;
        let is_routed =
            |gateway: &IpAddr| routes.iter().any(|one| one.gateway.as_ref() == Some(gateway));
        // The file may have taken the addresses over.
        let addresses = desired.bridge.iter().flat_map(|bridge| &bridge.addresses);
        let own = |gateway: &IpAddr| addresses.clone().any(|address| address.contains(gateway));
        self.gateways.iter().filter(|one| !is_routed(one) && !own(one)).copied().collect()
    }
}

/// An interface that mvmhost made a port of a bridge.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Former {
    /// Name of the interface, by the records.
    pub uplink: String,
    /// Name of the bridge, by the records; the file has another uplink or bridge, or none.
    pub bridge: String,
}

impl Former {
    /// What is said as long as it is one: without the file's word for it the bridge would be taken
    /// for microVMs' alone, and addresses, DHCP and translation be given to the LAN.
    pub(super) fn still(&self, observed: &Observed) -> Option<Finding> {
        let port = observed.links.iter().find(|link| link.name == self.uplink)?;
        (port.master.as_ref() == Some(&self.bridge)).then(|| still_port(&self.uplink, &self.bridge))
    }
}

/// What the records name, and the file does not: an uplink, or one of another bridge.
pub fn former(
    desired: &Desired,
    live: Option<&Live>,
    confirmed: Option<&Confirmed>,
) -> Option<Former> {
    let applied = live.filter(|live| !live.undo.is_empty() && !live.given_back);
    let (uplink, bridge) = applied
        .map(|live| (&live.uplink, &live.bridge))
        .or(confirmed.map(|uplink| (&uplink.uplink, &uplink.bridge)))?;
    let is_configured = desired.uplink.as_ref().is_some_and(|one| one.name == *uplink)
        && desired.bridge.as_ref().is_some_and(|one| one.name == *bridge);
    (!is_configured).then(|| Former { uplink: uplink.clone(), bridge: bridge.clone() })
}
