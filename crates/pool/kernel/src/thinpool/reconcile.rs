//! Observe, plan, apply, observe again: the whole of what `mvm-thinpool` does, whatever the pool is on.

use std::fmt::Display;

use mvm_core::catalogue::pool;
use mvm_core::{Finding, Plan};
use mvm_pool_plan::thinpool::{Device, Pool, ready_finding};

use super::{Report, System};
use crate::Error;

/// What a backend does on this machine. It is implemented by what the file asks for of that backend.
pub trait Manage {
    /// The facts that [`Self::observe`] gathers.
    type Observed;
    /// What it can do.
    type Step: Clone + Display;

    /// What every pool has.
    fn pool(&self) -> &Pool;

    /// Gathers the facts about the pool. Changes nothing.
    ///
    /// # Errors
    /// When something that decides about the pool cannot be read.
    fn observe(&self, system: &System<'_>) -> Result<Self::Observed, Error>;

    /// Decides what is to be done.
    fn plan(&self, observed: &Self::Observed) -> Plan<Self::Step>;

    /// Does the steps of a plan, in order. When one fails, the pool that this run activated is taken
    /// down again; what is on disk stays as it is, and the next run goes on from there.
    ///
    /// # Errors
    /// The first step that failed; with [`Error::Undo`] around it when taking down failed too.
    fn apply(
        &self,
        system: &System<'_>,
        plan: &Plan<Self::Step>,
    ) -> Result<Report<Self::Step>, Error>;

    /// What device-mapper has under the pool's name.
    fn device(observed: &Self::Observed) -> &Device;

    /// Whether the pool is up without this step: that it failed has been told.
    fn may_be_left(step: &Self::Step) -> bool;
}

/// Brings the pool up and returns everything that there is to say about it. Nothing is done when
/// the plan refuses.
pub fn reconcile<D: Manage>(system: &System<'_>, desired: &D) -> Vec<Finding> {
    let mut findings = Vec::new();
    if let Err(error) = run(system, desired, &mut findings) {
        findings.push(error.finding(&desired.pool().name));
    }
    findings
}

fn run<D: Manage>(
    system: &System<'_>,
    desired: &D,
    findings: &mut Vec<Finding>,
) -> Result<(), Error> {
    let name = &desired.pool().name;
    let mut observed = desired.observe(system)?;
    let first = desired.plan(&observed);
    findings.extend(first.findings.iter().cloned());
    if first.is_refused() {
        return Ok(());
    }
    if !first.steps.is_empty() {
        findings.extend(desired.apply(system, &first)?.findings);
        observed = desired.observe(system)?;
        let second = desired.plan(&observed);
        // What holds before and after is said once; the numbers in it may have moved.
        let is_reported = |new: &Finding| {
            let same = |old: &Finding| (old.code(), old.subject()) == (new.code(), new.subject());
            first.findings.iter().any(same)
        };
        findings.extend(second.findings.into_iter().filter(|finding| !is_reported(finding)));
        let remaining = second.steps.iter().filter(|step| !D::may_be_left(step));
        let steps: Vec<String> = remaining.map(ToString::to_string).collect();
        if !steps.is_empty() {
            let finding = pool::not_settled(name, steps.join("; "));
            findings.push(finding);
            return Ok(());
        }
    }
    findings.extend(ready_finding(name, D::device(&observed)));
    Ok(())
}
