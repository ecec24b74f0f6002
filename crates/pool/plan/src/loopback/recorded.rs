//! The files against the receipt: what must not have changed since mvmhost last saw the pool.

use std::path::{Path, PathBuf};

use mvm_core::Finding;
use mvm_core::catalogue::pool;

use super::{Desired, Observed, aside, refusal};
use crate::thinpool::{
    FileFacts, Receipt, Recorded, RecordedFile, RecordedIdentity, SECTOR, Shape, Superblock,
    VERSION, against_record, quote,
};

/// A receipt that says nothing: nobody can tell what belongs here.
pub fn unusable(desired: &Desired, observed: &Observed) -> Vec<Finding> {
    match &observed.receipt {
        Recorded::Absent | Recorded::Pool(_) => Vec::new(),
        Recorded::Unreadable(why) => {
            vec![finding(desired, observed, &pool::receipt_unreadable::ROW).with("why", why)]
        }
        Recorded::Version(version) => {
            let finding = finding(desired, observed, &pool::receipt_version::ROW);
            vec![finding.with("version", version).with("known", VERSION)]
        }
    }
}

fn finding(desired: &Desired, observed: &Observed, entry: &'static mvm_core::Entry) -> Finding {
    refusal(entry, &desired.pool.name, desired, observed)
}

/// What tells one pool from another: name, place, the files themselves, block size, databases.
pub(super) fn identity(desired: &Desired, observed: &Observed, receipt: &Receipt) -> Vec<Finding> {
    let elsewhere = other_pool(desired, observed, receipt);
    if !elsewhere.is_empty() {
        return elsewhere;
    }
    let mut findings = same_files(desired, observed, receipt);
    findings.extend(block_size(desired, observed, receipt));
    findings.extend(databases(desired, observed, receipt));
    findings
}

fn same_files(desired: &Desired, observed: &Observed, receipt: &Receipt) -> Vec<Finding> {
    let mut findings = Vec::new();
    if let Some(is) = observed.metadata.as_ref().filter(|is| !receipt.is_metadata(is)) {
        findings.push(swapped(desired, observed, &receipt.metadata, is));
    }
    if let Some(is) = observed.data.as_ref().filter(|is| !receipt.data.is_same(is)) {
        findings.push(swapped(desired, observed, &receipt.data, is));
    }
    findings
}

fn block_size(desired: &Desired, observed: &Observed, receipt: &Receipt) -> Option<Finding> {
    let Superblock::Pool(superblock) = &observed.superblock else { return None };
    let (was, is) = (receipt.superblock.block_sectors, superblock.data_block_sectors);
    let path = path(&receipt.metadata.path);
    (was != is).then(|| {
        refusal(&pool::block_size_changed::ROW, path, desired, observed)
            .with("was", was / 2)
            .with("is", is / 2)
    })
}

/// The receipt is about another pool than the configuration.
fn other_pool(desired: &Desired, observed: &Observed, receipt: &Receipt) -> Vec<Finding> {
    let pairs = [
        ("name", receipt.name.clone(), desired.pool.name.clone()),
        ("backend", receipt.backend.clone(), "loop".to_owned()),
        ("metadata file", path(&receipt.metadata.path), path(&desired.metadata_path())),
        ("data file", path(&receipt.data.path), path(&desired.data_path())),
    ];
    let differ = pairs.into_iter().filter(|(_, was, is)| was != is);
    differ
        .map(|(property, was, is)| {
            refusal(&pool::receipt_other::ROW, &desired.pool.name, desired, observed)
                .with("what", property)
                .with("was", was)
                .with("is", is)
        })
        .collect()
}

/// Everything that has to be so before a pool on record may be activated.
pub fn activation(desired: &Desired, observed: &Observed, receipt: &Receipt) -> Vec<Finding> {
    let other = other_pool(desired, observed, receipt);
    if !other.is_empty() {
        return other;
    }
    let mut findings = identity(desired, observed, receipt);
    findings.extend(lengths(desired, observed, receipt));
    if observed.metadata.is_some() {
        let metadata = path(&receipt.metadata.path);
        match observed.superblock {
            Superblock::Pool(_) => {}
            Superblock::Blank => {
                findings.push(refusal(&pool::metadata_wiped::ROW, metadata, desired, observed));
            }
            Superblock::Foreign => {
                findings.push(refusal(&pool::not_metadata::ROW, metadata, desired, observed));
            }
        }
    }
    findings
}

/// Of that, what holds whatever is in the metadata: these are what a repair replaces.
pub fn repair(desired: &Desired, observed: &Observed, receipt: &Receipt) -> Vec<Finding> {
    let other = other_pool(desired, observed, receipt);
    if !other.is_empty() {
        return other;
    }
    let mut findings = same_files(desired, observed, receipt);
    findings.extend(databases(desired, observed, receipt));
    findings.extend(lengths(desired, observed, receipt));
    findings
}

fn lengths(desired: &Desired, observed: &Observed, receipt: &Receipt) -> Vec<Finding> {
    let files = [
        (&receipt.metadata, &observed.metadata, None),
        (&receipt.data, &observed.data, receipt.growing),
    ];
    files
        .into_iter()
        .filter_map(|(was, is, growing)| length(desired, observed, was, is.as_ref(), growing))
        .collect()
}

fn length(
    desired: &Desired,
    observed: &Observed,
    was: &RecordedFile,
    is: Option<&FileFacts>,
    growing: Option<u64>,
) -> Option<Finding> {
    let Some(is) = is else {
        let finding = refusal(&pool::file_missing::ROW, path(&was.path), desired, observed);
        return Some(finding.with("pool", &desired.pool.name).with("size", was.size));
    };
    if is.size < was.size {
        return Some(truncated(desired, observed, was.path.clone(), was.size, is.size));
    }
    (is.size > was.size.max(growing.unwrap_or(0))).then(|| {
        refusal(&pool::file_grown::ROW, path(&was.path), desired, observed)
            .with("was", was.size)
            .with("is", is.size)
    })
}

pub(super) fn truncated(
    desired: &Desired,
    observed: &Observed,
    file: PathBuf,
    was: u64,
    is: u64,
) -> Finding {
    refusal(&pool::file_truncated::ROW, path(&file), desired, observed)
        .with("was", was)
        .with("is", is)
        .with("path", quote(&file))
}

fn swapped(desired: &Desired, observed: &Observed, was: &RecordedFile, is: &FileFacts) -> Finding {
    refusal(&pool::file_swapped::ROW, path(&was.path), desired, observed)
        .with("was", was.identity().describe())
        .with("is", RecordedIdentity::of(is).describe())
}

fn databases(desired: &Desired, observed: &Observed, receipt: &Receipt) -> Vec<Finding> {
    let aside = aside(desired, observed);
    against_record(&desired.pool, &observed.pool, &receipt.databases, &aside)
}

fn path(path: &Path) -> String {
    path.display().to_string()
}

/// The table under which a pool on record comes back: the recorded one, or a longer one where the
/// power went between the kernel's growing of the pool and the record of it.
pub(super) fn table(receipt: &Receipt, observed: &Observed) -> Shape {
    let mut table = receipt.table.clone();
    let Superblock::Pool(superblock) = &observed.superblock else {
        return table;
    };
    let grown = superblock.data_blocks.saturating_mul(superblock.data_block_sectors.into());
    let intended = receipt.growing.unwrap_or(0) / SECTOR;
    if grown > table.sectors && grown <= intended {
        table.sectors = grown;
    }
    table
}
