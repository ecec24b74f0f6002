//! A pool that is live under our name. It is left as it is: a table is loaded only where there is
//! none. What remains to do is to recognise it, to say what is wrong with it, and the receipt.

use mvm_core::catalogue::pool;
use mvm_core::{Finding, Plan};

use super::{Desired, Observed, Step, place, recorded, refusal};
use crate::thinpool::{
    Backing, FileFacts, LivePool, Receipt, Recorded, SECTOR, Shape, gib, health,
};

pub(super) fn plan(desired: &Desired, observed: &Observed, live: &LivePool) -> Plan<Step> {
    if !is_ours(observed, live) {
        return Plan::new(Vec::new(), vec![other_files(desired, live)]);
    }
    // That it is full is the brake's: the chain stays up, so that it can be emptied.
    let mut findings = health::flaws(&desired.pool.name, &live.state);
    findings.extend(place::file_system(desired, observed));
    findings.extend(against_receipt(desired, observed, live));
    findings.extend(size_kept(desired, &live.state.table.shape));
    let mut steps = Vec::new();
    if !observed.pool.node {
        steps.push(Step::AwaitNode { name: desired.pool.name.clone() });
    }
    match Receipt::of(desired, observed, &live.state.table.shape) {
        None => findings.push(refusal(
            &pool::not_metadata::ROW,
            desired.metadata_path().display().to_string(),
            desired,
            observed,
        )),
        Some(now) => steps.extend(record(observed.receipt.pool(), &now, &desired.pool.name)),
    }
    Plan::new(steps, findings)
}

/// What there is to write into the receipt about a pool that is like `now`.
fn record(old: Option<&Receipt>, now: &Receipt, name: &str) -> Option<Step> {
    let name = name.to_owned();
    match old {
        Some(old) if old.holds(now) => None,
        Some(old) if old.is_same_pool(now) => Some(Step::RefreshReceipt { name }),
        _ => Some(Step::WriteReceipt { name }),
    }
}

/// Whether it stands on the files of the configuration: by what is behind its devices, not by their
/// numbers, which change from boot to boot.
pub fn is_ours(observed: &Observed, live: &LivePool) -> bool {
    let same = |backing: &Backing, file: &Option<FileFacts>| {
        file.as_ref().is_some_and(|file| backing.file == Some(file.id))
    };
    same(&live.metadata, &observed.metadata) && same(&live.data, &observed.data)
}

fn other_files(desired: &Desired, live: &LivePool) -> Finding {
    let side = |backing: &Backing| match backing.path.as_str() {
        "" => backing.device.clone(),
        path => format!("{path} ({})", backing.device),
    };
    pool::other_files(
        &desired.pool.name,
        side(&live.metadata),
        side(&live.data),
        desired.directory.display(),
    )
    .evidence(live.state.table.to_string())
}

fn against_receipt(desired: &Desired, observed: &Observed, live: &LivePool) -> Vec<Finding> {
    let mut findings = recorded::unusable(desired, observed);
    if let Recorded::Pool(receipt) = &observed.receipt {
        findings.extend(recorded::identity(desired, observed, receipt));
    }
    // A file that got longer is somebody's growing of the pool; one that is shorter than the table
    // says, or than it was, has lost what was behind its end.
    let was = |metadata: bool| {
        let receipt = observed.receipt.pool();
        receipt.map_or(0, |r| if metadata { r.metadata.size } else { r.data.size })
    };
    let table = live.state.table.shape.sectors.saturating_mul(SECTOR);
    let files = [
        (desired.metadata_path(), &observed.metadata, was(true)),
        (desired.data_path(), &observed.data, was(false).max(table)),
    ];
    for (path, file, least) in files {
        if let Some(file) = file.as_ref().filter(|file| file.size < least) {
            findings.push(recorded::truncated(desired, observed, path, least, file.size));
        }
    }
    findings
}

/// An information when the file asks for another size than the pool has.
pub(super) fn size_kept(desired: &Desired, shape: &Shape) -> Option<Finding> {
    let block = u64::from(shape.block_sectors).max(1);
    let (live, configured) = (shape.sectors / block, desired.data_size / SECTOR / block);
    (live != configured)
        .then(|| pool::size_kept(&desired.pool.name, gib(shape.bytes()), gib(desired.data_size)))
}
