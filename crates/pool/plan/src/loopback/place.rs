//! Whether the kernel and the file system can carry a pool on files at all.

use mvm_core::Finding;
use mvm_core::catalogue::pool;

use super::{Desired, Observed};
use crate::thinpool::{Device, FileFacts, SECTOR, Shape, gib, mib};

/// File systems that forget or fold what a pool writes, with `f_type` of statfs(2)
/// (linux/magic.h; smb2 and 9p from their drivers).
const REFUSED: &[(u64, &str, &str)] = &[
    (0x0102_1994, "tmpfs", "it is gone at the next boot"),
    (0x8584_58f6, "ramfs", "it is gone at the next boot"),
    (0x794c_7630, "overlayfs", "it copies a whole file up at the first write"),
    (0x6969, "nfs", "a pool cannot wait for a network"),
    (0x517b, "smb", "a pool cannot wait for a network"),
    (0xff53_4d42, "cifs", "a pool cannot wait for a network"),
    (0xfe53_4d42, "smb2", "a pool cannot wait for a network"),
    (0x00c3_6400, "ceph", "a pool cannot wait for a network"),
    (0x0102_1997, "9p", "a pool cannot wait for a network"),
];

/// File systems that write every changed block elsewhere.
const COPY_ON_WRITE: &[(u64, &str)] =
    &[(0x9123_683e, "btrfs"), (0x2fc1_2fc1, "zfs"), (0xca45_1a4e, "bcachefs")];

/// Free bytes without which no pool is made: the metadata that the kernel formats for a pool of
/// several TiB, and the receipt.
const FREE_FOR_NEW: u64 = 16 << 20;

/// Metadata that one data block may need: 48 bytes
/// (Documentation/admin-guide/device-mapper/thin-provisioning.rst).
const METADATA_PER_BLOCK: u64 = 48;
/// Less metadata than this is never enough (the same document).
const METADATA_LEAST: u64 = 2 << 20;

pub(super) fn loop_devices(desired: &Desired, observed: &Observed) -> Option<Finding> {
    observed.loop_control.flaw().map(|why| pool::no_loop(&desired.pool.name, why))
}

/// What is wrong with the file system whether the pool is live or not.
pub(super) fn file_system(desired: &Desired, observed: &Observed) -> Vec<Finding> {
    let directory = desired.directory.display().to_string();
    let magic = observed.file_system.magic;
    let mut findings = Vec::new();
    if let Some((_, name, why)) = REFUSED.iter().find(|(number, ..)| *number == magic) {
        findings.push(
            pool::file_system_refused(&directory, name, why).evidence(format!("f_type {magic:#x}")),
        );
    }
    if let Some((_, name)) = COPY_ON_WRITE.iter().find(|(number, _)| *number == magic) {
        findings.push(pool::copy_on_write(&directory, name));
    }
    findings.extend(promised_space(desired, observed));
    findings
}

/// Sparse files promise more than they take up; whether the file system can keep the promise.
fn promised_space(desired: &Desired, observed: &Observed) -> Option<Finding> {
    let size = |file: &Option<FileFacts>, new: u64| file.as_ref().map_or(new, |f| f.size);
    let allocated_of = |file: &Option<FileFacts>| file.as_ref().map_or(0, |f| f.allocated);
    let promised = size(&observed.data, desired.data_size)
        .saturating_add(size(&observed.metadata, desired.metadata_size));
    let allocated = allocated_of(&observed.data).saturating_add(allocated_of(&observed.metadata));
    let available = observed.file_system.free.saturating_add(allocated);
    (available < promised).then(|| {
        pool::space_promised(
            desired.directory.display().to_string(),
            gib(promised),
            gib(available),
            gib(promised - available),
        )
        .evidence(format!(
            "{promised} bytes promised, {allocated} allocated, {} free",
            observed.file_system.free
        ))
    })
}

/// What forbids to write to the directory.
pub fn writable(desired: &Desired, observed: &Observed) -> Option<Finding> {
    observed
        .file_system
        .read_only
        .then(|| pool::file_system_read_only(desired.directory.display().to_string()))
}

/// What speaks against making a new pool here.
pub(super) fn new_pool(desired: &Desired, observed: &Observed) -> Vec<Finding> {
    let mut findings = Vec::new();
    if observed.file_system.free < FREE_FOR_NEW {
        findings.push(
            pool::disk_full(desired.directory.display().to_string())
                .evidence(format!("{} bytes free", observed.file_system.free)),
        );
    }
    let blocks = desired.data_size / SECTOR / u64::from(Shape::BLOCK_SECTORS);
    let needed = blocks.saturating_mul(METADATA_PER_BLOCK).max(METADATA_LEAST);
    if desired.metadata_size < needed {
        findings.push(pool::metadata_small(
            &desired.pool.name,
            mib(desired.metadata_size),
            mib(needed),
        ));
    }
    findings
}

/// Who uses the files through a loop device, other than the unfinished device of our name.
pub fn in_use(desired: &Desired, observed: &Observed) -> Vec<Finding> {
    let own = match &observed.pool.device {
        Device::Empty { number, .. } => format!("dm-{}", number.minor),
        _ => String::new(),
    };
    let mut findings = Vec::new();
    for attachment in &observed.attachments {
        for holder in attachment.holders.iter().filter(|holder| **holder != own) {
            findings.push(pool::files_in_use(
                &desired.pool.name,
                desired.directory.display(),
                &attachment.device,
                holder,
            ));
        }
    }
    findings
}
