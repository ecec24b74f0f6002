//! `mvmhost pool repair` of a pool on LVM: whether it may be, and what is known of it.

use mvm_core::Finding;
use mvm_core::catalogue::repair;
use mvm_pool_plan::lvm::{DesiredVolume, Group, Seen, Volume, against_receipt, found};
use mvm_pool_plan::thinpool::{Desired, Device, Observed, SECTOR, place};

use crate::outline::Outline;

/// What speaks against repairing this pool, whatever its metadata are like.
pub fn refused(desired: &Desired, observed: &Observed) -> Vec<Finding> {
    if let Some(finding) = place::device_mapper(desired, observed) {
        return vec![finding];
    }
    let (seen, group, volume) = match found(desired, observed) {
        Ok(pool) => pool,
        Err(findings) => return findings,
    };
    let mut findings = against_receipt(desired, observed, seen, group, volume);
    findings.retain(|finding| finding.severity() == mvm_core::Severity::Error);
    if observed.device != Device::Absent {
        let active = repair::active(&desired.name, desired.units());
        findings.push(active);
    }
    findings.extend(no_room(desired, seen, group));
    findings
}

/// What LVM knows of the pool.
pub fn outline(desired: &Desired, observed: &Observed) -> Option<Outline> {
    let (_, _, volume) = found(desired, observed).ok()?;
    let blocks = volume.size().checked_div(volume.chunk())?;
    let block_sectors = volume.chunk() / SECTOR;
    Some(Outline { block_sectors, blocks, transaction: Some(volume.transaction()) })
}

/// Size of the pool's metadata in bytes; 0 when LVM did not say.
pub fn metadata_size(volume_desired: &DesiredVolume, seen: &Seen) -> u64 {
    let own = format!("[{}_tmeta]", volume_desired.volume);
    seen.volumes.iter().find(|volume| volume.lv_name == own).map_or(0, Volume::size)
}

/// The volume that an earlier repair left.
pub fn left<'a>(volume_desired: &DesiredVolume, seen: &'a Seen) -> Option<&'a Volume> {
    let path = volume_desired.repaired();
    seen.volumes.iter().find(|volume| format!("{}/{}", volume.vg_name, volume.lv_name) == path)
}

/// Both metadata are in the group for a moment: one cannot be written over the other.
fn no_room(desired: &Desired, seen: &Seen, group: &Group) -> Option<Finding> {
    let volume_desired = &desired.lvm;
    let needs = metadata_size(volume_desired, seen);
    let left = left(volume_desired, seen).map_or(0, Volume::size);
    let free = group.free().saturating_mul(group.extent_size()).saturating_add(left);
    (free < needs).then(|| {
        repair::no_room(&desired.name, &volume_desired.group, place::mib(free), place::mib(needs))
    })
}
