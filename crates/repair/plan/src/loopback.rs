//! `mvmhost pool repair` of a pool on files: whether it may be, and what is known of it.

use mvm_core::Finding;
use mvm_core::catalogue::repair;
use mvm_pool_plan::loopback::{Desired, Observed, aside, place, recorded};
use mvm_pool_plan::thinpool::{Device, Recorded, quote};

use crate::outline::Outline;
use crate::subject::{Subject, not_repairable};

/// What a repair has to know of the pool.
///
/// # Errors
/// What speaks against repairing it, whatever its metadata are like.
pub fn subject<'a>(desired: &'a Desired, observed: &Observed) -> Result<Subject<'a>, Vec<Finding>> {
    let refused = refused(desired, observed);
    if !refused.is_empty() {
        return Err(refused);
    }
    Ok(Subject {
        pool: &desired.pool,
        folder: desired.directory.clone(),
        metadata: quote(&desired.metadata_path()),
        outline: outline(observed),
        data: observed.data.as_ref().map_or(0, |file| file.size),
        volume: None,
        aside: aside(desired, observed),
    })
}

fn refused(desired: &Desired, observed: &Observed) -> Vec<Finding> {
    let active = || repair::active(&desired.pool.name, desired.pool.units());
    if observed.pool.device != Device::Absent {
        return vec![active()];
    }
    let mut findings: Vec<Finding> = place::writable(desired, observed).into_iter().collect();
    findings.extend(place::in_use(desired, observed));
    if let Some(attached) = observed.attachments.first() {
        findings.push(active().evidence(&attached.device));
    }
    findings.extend(recorded::unusable(desired, observed));
    let not = |why| not_repairable(&desired.pool, why);
    match (&observed.receipt, &observed.metadata) {
        (Recorded::Pool(receipt), _) => {
            findings.extend(recorded::repair(desired, observed, receipt));
        }
        (_, None) => findings.push(not("it has no metadata file")),
        _ => {}
    }
    if observed.metadata.as_ref().is_some_and(|file| !file.regular) {
        findings.push(not("its metadata are not in a file"));
    }
    findings.dedup_by_key(|finding| finding.code());
    findings
}

/// What the receipt tells of the pool, for thin_repair; `None` without a receipt.
fn outline(observed: &Observed) -> Option<Outline> {
    let table = &observed.receipt.pool()?.table;
    let block_sectors = u64::from(table.block_sectors);
    let blocks = table.sectors.checked_div(block_sectors)?;
    Some(Outline { block_sectors, blocks, transaction: None })
}
