//! What differs between the host now and what the last `mvmhost apply` left.

use std::collections::{BTreeMap, BTreeSet};

use mvm_core::Finding;
use mvm_core::catalogue::drift;
use serde::{Deserialize, Serialize};

use crate::host::{Desired, Observed};
use crate::units::UnitFile;

/// Versions by what has them: `mvmhost`, `kernel`, `containerd`, `flintlockd`, the VMM's name.
pub type Versions = BTreeMap<String, String>;

/// What an apply that left the host as desired notes down, in /var/lib/mvmhost/applied.json.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LastApply {
    /// Of this shape: [`LastApply::VERSION`].
    pub version: u32,
    /// When, in seconds since 1970.
    pub at: u64,
    /// Of the programs at that time.
    pub versions: Versions,
}

impl LastApply {
    /// Of the shape that this mvmhost writes.
    pub const VERSION: u32 = 1;
}

/// What `mvmhost facts` shows as `drift`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Drift {
    /// Whether there is a difference below; true also while nothing was applied on this host.
    pub any: bool,
    /// Keys, as `thinpool.loop.data-size`, that are not what was applied.
    pub configuration: Vec<String>,
    /// Generated unit files, below the generator's directory, that are missing or different.
    pub units: Vec<String>,
    /// What apply would do.
    pub steps: Vec<String>,
    /// Versions that are not those of the last apply.
    pub versions: BTreeMap<String, Change>,
    /// Something was applied on this host.
    #[serde(skip)]
    applied: bool,
}

/// A version then and now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Change {
    /// At the last apply.
    pub applied: String,
    /// Now; a version that is not known now is no change.
    pub now: String,
}

impl Drift {
    /// From what a plan is made of, the plan's `steps`, and the versions of then and now.
    pub fn new(
        desired: &Desired,
        observed: &Observed,
        steps: Vec<String>,
        last_apply: Option<&LastApply>,
        now: &Versions,
    ) -> Self {
        let applied = observed.applied.as_deref();
        let configuration =
            applied.map_or_else(Vec::new, |applied| keys(applied, &desired.applied));
        let units = files(&desired.generated, &observed.generated);
        let versions: BTreeMap<String, Change> = last_apply
            .into_iter()
            .flat_map(|last_apply| changes(&last_apply.versions, now))
            .collect();
        let same = configuration.is_empty() && units.is_empty() && steps.is_empty();
        let any = applied.is_none() || !same || !versions.is_empty();
        Self { any, configuration, units, steps, versions, applied: applied.is_some() }
    }

    /// One for each kind of difference.
    pub fn findings(&self) -> Vec<Finding> {
        let listed = |new: fn(&str, usize) -> Finding, subject: &str, lines: &[String]| {
            let finding = new(subject, lines.len());
            (!lines.is_empty()).then(|| finding.evidence(lines.join("\n")))
        };
        let never = (!self.applied).then(|| drift::never_applied("this host"));
        let versions = self.versions.iter().map(|(name, change)| {
            drift::version_changed(name.as_str(), &change.now, &change.applied)
        });
        never
            .into_iter()
            .chain(listed(
                |a, b| drift::not_as_applied(a, b),
                "/etc/mvmhost.toml",
                &self.configuration,
            ))
            .chain(listed(|a, b| drift::not_as_generated(a, b), "mvmhost-generator", &self.units))
            .chain(listed(|a, b| drift::steps_pending(a, b), "this host", &self.steps))
            .chain(versions)
            .collect()
    }
}

/// The keys that two whole configurations do not give the same value. Only keys: a value may be
/// more than everybody who reads an inventory should know.
fn keys(applied: &str, desired: &str) -> Vec<String> {
    let (applied, desired) = (flat(applied), flat(desired));
    let all: BTreeSet<&String> = applied.keys().chain(desired.keys()).collect();
    all.into_iter().filter(|key| applied.get(*key) != desired.get(*key)).cloned().collect()
}

/// What is no TOML has no keys, so that all of the other are different.
fn flat(text: &str) -> BTreeMap<String, toml::Value> {
    let mut flat = BTreeMap::new();
    let mut tables = vec![(String::new(), text.parse::<toml::Table>().unwrap_or_default())];
    while let Some((path, table)) = tables.pop() {
        for (name, value) in table {
            let key = if path.is_empty() { name } else { format!("{path}.{name}") };
            match value {
                toml::Value::Table(table) => tables.push((key, table)),
                value => {
                    flat.insert(key, value);
                }
            }
        }
    }
    flat
}

fn files(desired: &[UnitFile], observed: &[UnitFile]) -> Vec<String> {
    let other = desired.iter().filter(|file| !observed.contains(file));
    other.map(|file| file.path.clone()).collect()
}

/// What is not known now is not told to have changed.
fn changes<'a>(
    then: &'a Versions,
    now: &'a Versions,
) -> impl Iterator<Item = (String, Change)> + 'a {
    then.iter().filter_map(|(name, applied)| {
        let now = now.get(name).filter(|now| *now != applied)?;
        Some((name.clone(), Change { applied: applied.clone(), now: now.clone() }))
    })
}

#[cfg(test)]
mod tests;
