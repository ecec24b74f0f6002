//! No pool is live under our name: bring back the one there was, or make the first one.

use std::path::PathBuf;

use mvm_core::catalogue::pool;
use mvm_core::{Finding, Plan};

use super::live::size_kept;
use super::{Desired, Observed, Step, place, recorded, refusal};
use crate::thinpool::{
    FileFacts, PoolSuperblock, Receipt, Recorded, Role, SECTOR, Shape, Superblock,
};

/// What the two files hold, by the receipt or, without one, by themselves.
enum Found {
    /// Nothing, or what an interrupted first run left: no block of it was ever used.
    Nothing,
    /// A pool, with the table under which it is to come back.
    Pool(Shape),
}

pub(super) fn plan(desired: &Desired, observed: &Observed, first: Vec<Step>) -> Plan<Step> {
    let mut findings = place::file_system(desired, observed);
    findings.extend(place::writable(desired, observed));
    findings.extend(place::loop_devices(desired, observed));
    findings.extend(place::in_use(desired, observed));
    findings.extend(recorded::unusable(desired, observed));
    findings.extend(not_a_file(desired, observed));
    let found = match &observed.receipt {
        Recorded::Pool(receipt) => on_record(desired, observed, receipt),
        Recorded::Absent => unrecorded(desired, observed),
        Recorded::Unreadable(_) | Recorded::Version(_) => return Plan::new(Vec::new(), findings),
    };
    let mut steps = first;
    match found {
        Err(refused) => findings.extend(refused),
        Ok(Found::Nothing) => {
            findings.extend(place::new_pool(desired, observed));
            make(desired, observed, &mut steps);
        }
        Ok(Found::Pool(table)) => {
            findings.extend(size_kept(desired, &table));
            match &observed.pool.thin_check {
                Some(thin_check) => steps.push(Step::CheckMetadata {
                    path: desired.metadata_path(),
                    thin_check: thin_check.clone(),
                }),
                None => findings.push(pool::thin_check_missing(&desired.pool.name)),
            }
            let now = Receipt::of(desired, observed, &table);
            let old = observed.receipt.pool();
            let files = (observed.metadata.as_ref(), observed.data.as_ref());
            activate(desired, observed, files, table, &mut steps);
            let name = desired.pool.name.clone();
            match (old, &now) {
                (Some(old), Some(now)) if old == now => {}
                (Some(old), Some(now)) if old.is_same_pool(now) => {
                    steps.push(Step::RefreshReceipt { name });
                }
                _ => steps.push(Step::WriteReceipt { name }),
            }
            steps.push(Step::AwaitNode { name: desired.pool.name.clone() });
        }
    }
    Plan::new(steps, findings)
}

fn not_a_file(desired: &Desired, observed: &Observed) -> Vec<Finding> {
    let files =
        [(desired.metadata_path(), &observed.metadata), (desired.data_path(), &observed.data)];
    let odd = files.into_iter().filter(|(_, file)| file.as_ref().is_some_and(|file| !file.regular));
    odd.map(|(path, _)| {
        refusal(&pool::not_a_file::ROW, path.display().to_string(), desired, observed)
    })
    .collect()
}

fn on_record(
    desired: &Desired,
    observed: &Observed,
    receipt: &Receipt,
) -> Result<Found, Vec<Finding>> {
    let refused = recorded::activation(desired, observed, receipt);
    if refused.is_empty() {
        Ok(Found::Pool(recorded::table(receipt, observed)))
    } else {
        Err(refused)
    }
}

/// Without a receipt the files speak for themselves. Only what holds no block of anybody's data
/// counts as nothing.
fn unrecorded(desired: &Desired, observed: &Observed) -> Result<Found, Vec<Finding>> {
    let refuse = |entry, path: PathBuf| {
        Err(vec![refusal(entry, path.display().to_string(), desired, observed)])
    };
    let unused = |file: &FileFacts| file.allocated == 0;
    match (&observed.superblock, &observed.metadata, &observed.data) {
        (Superblock::Foreign, ..) => refuse(&pool::not_metadata::ROW, desired.metadata_path()),
        (Superblock::Pool(_), _, None) => {
            refuse(&pool::metadata_alone::ROW, desired.metadata_path())
        }
        (Superblock::Pool(superblock), Some(metadata), Some(data)) => {
            existing(desired, observed, superblock, (metadata, data))
        }
        (_, None, Some(data)) if !unused(data) => {
            refuse(&pool::data_alone::ROW, desired.data_path())
        }
        (_, Some(_), Some(data)) if !unused(data) => {
            refuse(&pool::blank_metadata::ROW, desired.metadata_path())
        }
        _ if !observed.pool.databases.is_empty() => {
            let names: Vec<String> =
                observed.pool.databases.iter().map(|path| path.display().to_string()).collect();
            let finding =
                refusal(&pool::databases_without_pool::ROW, &desired.pool.name, desired, observed);
            Err(vec![finding.with("databases", names.join(", "))])
        }
        _ => Ok(Found::Nothing),
    }
}

/// A pool that nobody put on record: provision.sh's, or ours from a run that was cut short before
/// the receipt. It keeps the length that its own metadata names.
fn existing(
    desired: &Desired,
    observed: &Observed,
    superblock: &PoolSuperblock,
    (metadata, data): (&FileFacts, &FileFacts),
) -> Result<Found, Vec<Finding>> {
    let block = u64::from(superblock.data_block_sectors).saturating_mul(SECTOR);
    let needed = [
        (desired.metadata_path(), superblock.metadata_blocks.saturating_mul(4096), metadata.size),
        (desired.data_path(), superblock.data_blocks.saturating_mul(block), data.size),
    ];
    let short: Vec<Finding> = needed
        .into_iter()
        .filter(|(_, needed, is)| is < needed)
        .map(|(path, needed, is)| {
            refusal(&pool::file_short::ROW, path.display().to_string(), desired, observed)
                .with("needed", needed)
                .with("is", is)
        })
        .collect();
    if !short.is_empty() {
        return Err(short);
    }
    let mut table = Shape::new_pool(data.size);
    table.block_sectors = superblock.data_block_sectors;
    // Zero means that the pool was made and never resumed: the kernel takes the table's length.
    if superblock.data_blocks != 0 && data.size / block != superblock.data_blocks {
        table.sectors = superblock.data_blocks.saturating_mul(block) / SECTOR;
    }
    Ok(Found::Pool(table))
}

/// Metadata first and data second: whatever interrupts this leaves blank metadata, or data in
/// which nothing was ever written, and both count as nothing the next time.
fn make(desired: &Desired, observed: &Observed, steps: &mut Vec<Step>) {
    if !observed.directory {
        steps.push(Step::CreateDirectory { path: desired.directory.clone() });
    }
    let metadata = observed.metadata.as_ref();
    let metadata = fitting_file(desired.metadata_path(), metadata, desired.metadata_size, steps);
    let data = fitting_file(desired.data_path(), observed.data.as_ref(), desired.data_size, steps);
    let table = Shape::new_pool(data.map_or(desired.data_size, |file| file.size));
    activate(desired, observed, (metadata, data), table, steps);
    steps.push(Step::WriteReceipt { name: desired.pool.name.clone() });
    steps.push(Step::AwaitNode { name: desired.pool.name.clone() });
}

/// Makes a file, or the rest of it; returns one that is long enough as it is. A loop device on a
/// file that gets longer would not know, so such a file does not count as there.
fn fitting_file<'a>(
    path: PathBuf,
    there: Option<&'a FileFacts>,
    size: u64,
    steps: &mut Vec<Step>,
) -> Option<&'a FileFacts> {
    match there {
        None => steps.push(Step::CreateFile { path, size }),
        Some(there) if there.size < size => steps.push(Step::ExtendFile { path, size }),
        Some(_) => return there,
    }
    None
}

/// All but the wait for udev, which comes last: it works while the rest is written down.
fn activate(
    desired: &Desired,
    observed: &Observed,
    (metadata, data): (Option<&FileFacts>, Option<&FileFacts>),
    table: Shape,
    steps: &mut Vec<Step>,
) {
    steps.push(attach(desired.metadata_path(), metadata, Role::Metadata, observed));
    steps.push(attach(desired.data_path(), data, Role::Data, observed));
    let block_sectors = table.block_sectors;
    steps.push(Step::Activate {
        name: desired.pool.name.clone(),
        uuid: desired.pool.uuid(),
        table,
    });
    steps.push(Step::SyncMetadata { path: desired.metadata_path(), block_sectors });
}

/// A loop device that losetup left is taken over; two on one file would not see each other's
/// writes. One that clears itself is somebody else's for a moment, or the unfinished device's.
fn attach(path: PathBuf, file: Option<&FileFacts>, role: Role, observed: &Observed) -> Step {
    let attached = observed.attachments.iter().find(|attachment| {
        file.is_some_and(|file| file.id == attachment.file)
            && attachment.whole
            && !attachment.autoclear
    });
    match attached {
        Some(attachment) => Step::UseAttached { path, role, device: attachment.device.clone() },
        None => Step::Attach { path, role },
    }
}
