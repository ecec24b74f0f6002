//! Every unit of the chain is up, with the settings that mvmhost generates for it; flintlockd
//! answers; the images are here; the host is as the file says.
//!
//! mvm-validate runs in the middle of the chain and cannot ask this: only `mvmhost check` and
//! `mvmhost status` do.

use mvm_config::model::OnFailure;
use mvm_config::{Config, places};
use mvm_core::catalogue::{self, chain as messages};
use mvm_core::{Finding, Severity, names};
use serde::Deserialize;

use super::Observed;

/// What `mvmhost check` observes beyond mvm-validate.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Services {
    /// Every unit of [`mvm_units_plan::chain`] and what else the host needs, in their order.
    pub units: Vec<(String, Condition)>,
    /// Why flintlockd's API did not answer; `None` when it did, or was not asked because its unit
    /// is down.
    pub api_silent: Option<String>,
    /// No `mvmhost apply` has succeeded on this host yet.
    pub never_applied: bool,
    /// The steps that `mvmhost plan` shows for pool, network and generated files.
    pub pending: Vec<String>,
    /// How many images the file asks for.
    pub images: usize,
}

/// What a unit is like.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Condition {
    /// Active, with every setting that mvmhost gives it.
    Up,
    /// It ran and ended, as a oneshot that does not stay does.
    Ended,
    /// Not active: ActiveState, SubState and Result.
    Down(String),
    /// LoadState is `masked`: systemd does not start it.
    Masked,
    /// systemd has no file for it.
    Missing,
    /// systemd cannot use its file: LoadState.
    Unusable(String),
    /// Active, and systemd has not read this drop-in.
    WithoutDropIn(String),
    /// Active, and its file changed since systemd read it.
    Outdated,
}

/// Whose failure takes a unit down as well.
fn requirements(config: &Config, unit: &str) -> Vec<String> {
    let containerd = places::containerd_unit(config.containerd.instance);
    let needs: &[&str] = match unit {
        names::GUARD_UNIT => &[names::THINPOOL_UNIT],
        names::DHCP_UNIT | names::WATCH_UNIT => &[names::NET_UNIT],
        names::IMAGES_UNIT => &[names::THINPOOL_UNIT, containerd],
        _ if unit == containerd => &[names::THINPOOL_UNIT],
        _ if unit == config.flintlockd.unit.as_str() => {
            &[names::THINPOOL_UNIT, names::NET_UNIT, names::HYGIENE_UNIT, containerd]
        }
        _ => &[],
    };
    needs.iter().map(|name| (*name).to_owned()).collect()
}

/// What is said of the units, and of what follows from them.
#[derive(Default)]
pub(super) struct UnitFindings<'f> {
    /// The units that have a finding.
    pub(super) units: Vec<&'f str>,
    pub(super) findings: Vec<Finding>,
}

/// `errors` is what the other checks say keeps units from starting: a unit that is down for one of
/// their reasons is no finding of its own.
pub(super) fn check<'f>(
    config: &Config,
    observed: &'f Observed,
    errors: &[Finding],
) -> UnitFindings<'f> {
    let Some(services) = &observed.services else {
        return UnitFindings::default();
    };
    let error = |finding: &Finding| finding.severity() == Severity::Error;
    let (units, mut findings): (Vec<_>, Vec<_>) =
        units(config, services, errors).into_iter().unzip();
    findings.extend(api(config, services));
    findings.extend(images(config, services, observed));
    if errors.is_empty() && !findings.iter().any(error) && !services.pending.is_empty() {
        let steps = services.pending.join("\n");
        findings.push(
            messages::not_as_declared("/etc/mvmhost.toml", services.pending.len()).evidence(steps),
        );
    }
    UnitFindings { units, findings }
}

fn units<'f>(
    config: &Config,
    services: &'f Services,
    errors: &[Finding],
) -> Vec<(&'f str, Finding)> {
    let down = |name: &str| {
        let found = services.units.iter().find(|(unit, _)| unit == name);
        found.is_some_and(|(_, condition)| !is_up(condition))
    };
    let mut findings = Vec::new();
    for (name, condition) in &services.units {
        let waits = requirements(config, name).iter().any(|needed| down(needed));
        let is_explained = explained(config, name, errors);
        if matches!(condition, Condition::Down(_) | Condition::Missing) && (waits || is_explained) {
            continue;
        }
        let Some(finding) = unit(name, condition) else { continue };
        let waiting: Vec<&str> = services
            .units
            .iter()
            .filter(|(other, condition)| {
                !is_up(condition) && requirements(config, other).contains(name)
            })
            .map(|(other, _)| other.as_str())
            .collect();
        let mut evidence = finding.evidence_text().to_owned();
        if !waiting.is_empty() {
            evidence.push_str(&format!("\nnot started because of it: {}", waiting.join(", ")));
        }
        findings.push((name.as_str(), finding.evidence(evidence.trim().to_owned())));
    }
    findings
}

/// Whether an error that is said already keeps this unit down, or is what its failure shows as.
fn explained(config: &Config, unit: &str, errors: &[Finding]) -> bool {
    let families: &[&str] = match unit {
        names::THINPOOL_UNIT => &["MVM-POOL", "MVM-DISK"],
        names::NET_UNIT => &["MVM-NET"],
        _ if unit == places::containerd_unit(config.containerd.instance) => {
            &["MVM-CTRD", "MVM-POOL"]
        }
        _ if unit == config.flintlockd.unit.as_str() => &["MVM-"],
        _ => &[],
    };
    errors
        .iter()
        .map(Finding::code)
        .any(|code| families.iter().any(|family| code.starts_with(family)))
}

fn is_up(condition: &Condition) -> bool {
    use Condition::{Ended, Outdated, Up, WithoutDropIn};
    matches!(condition, Up | Ended | WithoutDropIn(_) | Outdated)
}

fn unit(name: &str, condition: &Condition) -> Option<Finding> {
    Some(match condition {
        Condition::Up | Condition::Ended => return None,
        Condition::Down(state) => catalogue::units::unit_failed(name, state).evidence(state),
        Condition::Masked => messages::unit_masked(name),
        Condition::Missing => messages::unit_missing(name),
        Condition::Unusable(state) => messages::unit_unusable(name, state).evidence(state),
        Condition::WithoutDropIn(path) => messages::without_drop_in(name).evidence(path),
        Condition::Outdated => messages::unit_outdated(name),
    })
}

/// Seconds that flintlockd has for its answer, for the message.
const API_SECONDS: u64 = 5;

fn api(config: &Config, services: &Services) -> Option<Finding> {
    let why = services.api_silent.as_ref()?;
    let unit = config.flintlockd.unit.as_str();
    Some(
        catalogue::flk::api_silent(config.flintlockd.grpc_endpoint.to_string(), API_SECONDS, unit)
            .evidence(why),
    )
}

/// Each image has a finding of its own, a warning; what is an error is that the host lacks one. With
/// on-failure = "block" it is one already.
fn images(config: &Config, services: &Services, observed: &Observed) -> Option<Finding> {
    let lacking: Vec<&str> = observed
        .images
        .iter()
        .filter(|(wanted, state)| state.finding(wanted).is_some())
        .map(|(wanted, _)| wanted.reference.as_str())
        .collect();
    if lacking.is_empty() || config.images.on_failure == OnFailure::Block {
        return None;
    }
    let missing = messages::images_missing("[images]", lacking.len(), services.images);
    Some(missing.evidence(lacking.join("\n")))
}
