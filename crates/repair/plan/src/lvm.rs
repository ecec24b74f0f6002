//! `mvmhost pool repair` of a pool on LVM: whether it may be, and what is known of it.

use std::path::PathBuf;

use mvm_core::catalogue::repair;
use mvm_core::{Finding, names};
use mvm_pool_plan::lvm::{
    Desired, DesiredVolume, Group, LvmState, Observed, Volume, against_receipt, aside, found,
};
use mvm_pool_plan::thinpool::{Device, SECTOR, device_mapper, mib};

use crate::outline::Outline;
use crate::subject::Subject;

/// What a repair has to know of the pool, and what LVM shows of it.
///
/// # Errors
/// What speaks against repairing it, whatever its metadata are like.
pub fn subject<'a>(
    desired: &'a Desired,
    observed: &'a Observed,
) -> Result<(Subject<'a>, &'a LvmState), Vec<Finding>> {
    if let Some(finding) = device_mapper(&desired.pool, &observed.pool) {
        return Err(vec![finding]);
    }
    let (lvm, group, volume) = found(desired, observed)?;
    let mut findings = against_receipt(desired, observed, lvm, group, volume);
    findings.retain(|finding| finding.severity() == mvm_core::Severity::Error);
    if observed.pool.device != Device::Absent {
        let active = repair::active(&desired.pool.name, desired.pool.units());
        findings.push(active);
    }
    findings.extend(no_room(desired, lvm, group));
    if !findings.is_empty() {
        return Err(findings);
    }
    let outline = outline(volume);
    let bytes = |outline: Outline| outline.blocks.saturating_mul(outline.block_sectors * SECTOR);
    let subject = Subject {
        pool: &desired.pool,
        folder: PathBuf::from(names::STATE),
        metadata: desired.volume.metadata(),
        outline,
        data: outline.map_or(0, bytes),
        volume: Some(desired.volume.path()),
        aside: aside(desired, observed),
    };
    Ok((subject, lvm))
}

/// What LVM knows of the pool.
fn outline(volume: &Volume) -> Option<Outline> {
    let blocks = volume.size().checked_div(volume.chunk())?;
    let block_sectors = volume.chunk() / SECTOR;
    Some(Outline { block_sectors, blocks, transaction: Some(volume.transaction()) })
}

/// Size of the pool's metadata in bytes; 0 when LVM did not say.
pub fn metadata_size(volume_desired: &DesiredVolume, lvm: &LvmState) -> u64 {
    let own = format!("[{}_tmeta]", volume_desired.volume);
    lvm.volumes.iter().find(|volume| volume.lv_name == own).map_or(0, Volume::size)
}

/// The volume that an earlier repair left.
pub fn leftover_volume<'a>(
    volume_desired: &DesiredVolume,
    lvm: &'a LvmState,
) -> Option<&'a Volume> {
    let path = volume_desired.repaired();
    lvm.volumes.iter().find(|volume| format!("{}/{}", volume.vg_name, volume.lv_name) == path)
}

/// Both metadata are in the group for a moment: one cannot be written over the other.
fn no_room(desired: &Desired, lvm: &LvmState, group: &Group) -> Option<Finding> {
    let volume_desired = &desired.volume;
    let needs = metadata_size(volume_desired, lvm);
    let reclaimable = leftover_volume(volume_desired, lvm).map_or(0, Volume::size);
    let free = group.free().saturating_mul(group.extent_size()).saturating_add(reclaimable);
    (free < needs)
        .then(|| repair::no_room(&desired.pool.name, &volume_desired.group, mib(free), mib(needs)))
}
