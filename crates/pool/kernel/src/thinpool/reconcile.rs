//! Observe, plan, apply, observe again: the whole of what `mvm-thinpool` does.

use mvm_core::Finding;
use mvm_core::catalogue::pool;
use mvm_pool_plan::plan;
use mvm_pool_plan::thinpool::{Desired, Step, done};

use super::{System, apply_with, observe_with};
use crate::Error;

/// Brings the pool up and returns everything that there is to say about it. Nothing is done when
/// the plan refuses.
pub fn bring_up_with(system: &System<'_>, desired: &Desired) -> Vec<Finding> {
    let mut findings = Vec::new();
    if let Err(error) = road(system, desired, &mut findings) {
        findings.push(error.finding(&desired.name));
    }
    findings
}

fn road(system: &System<'_>, desired: &Desired, findings: &mut Vec<Finding>) -> Result<(), Error> {
    let mut observed = observe_with(system, desired)?;
    let first = plan(desired, &observed);
    findings.extend(first.findings.iter().cloned());
    if first.is_refused() {
        return Ok(());
    }
    if !first.steps.is_empty() {
        findings.extend(apply_with(system, &first, desired)?.findings);
        observed = observe_with(system, desired)?;
        let second = plan(desired, &observed);
        // What holds before and after is said once; the numbers in it may have moved.
        let said = |new: &Finding| {
            let same = |old: &Finding| (old.code(), old.subject()) == (new.code(), new.subject());
            first.findings.iter().any(same)
        };
        findings.extend(second.findings.into_iter().filter(|finding| !said(finding)));
        // That this one failed has been said, and the pool is up without it.
        let left = |step: &&Step| {
            !matches!(step, Step::RefreshReceipt { .. } | Step::RefreshVolumeReceipt { .. })
        };
        let steps: Vec<String> =
            second.steps.iter().filter(left).map(ToString::to_string).collect();
        if !steps.is_empty() {
            let finding = pool::not_settled(&desired.name, steps.join("; "));
            findings.push(finding);
            return Ok(());
        }
    }
    findings.extend(done(desired, &observed));
    Ok(())
}
