//! The thin pool on whole disks: whether a disk may be taken, how LVM divides them, what LVM says
//! about what is there, and what is to be done.
//!
//! Belongs here: sizes, refusals, and the meaning of LVM's reports. Does not belong here: running
//! LVM's commands, which is `mvm_pool_kernel::lvm`.

mod begun;
mod boot;
mod create;
mod desired;
mod disk;
mod grow;
mod layout;
mod receipt;
mod report;
mod step;
#[cfg(test)]
mod tests;

pub use begun::{IntendedDisk, Intent};
pub use boot::{against_receipt, found, is_live, is_unattached, plan};
pub use create::{CreateStep, create, wants_disks};
pub use desired::{Desired, DesiredVolume, LvmState, Observed, TAG};
pub use disk::{Disk, refusals, token};
pub use grow::{VolumeGrowth, grow};
pub use layout::{CHUNK, Layout, TooSmall, layout};
pub use receipt::{Recorded, VolumeReceipt};
pub use report::{
    GROUP, Group, PHYSICAL, Physical, ReportError, Signature, VOLUME, Volume, groups, physicals,
    signatures, volumes,
};
pub use step::Step;

use crate::thinpool::{self, Aside};

/// What can be set aside of the pool, but for the volume, which is deleted.
pub fn aside<'a>(desired: &'a Desired, observed: &Observed) -> Aside<'a> {
    let (lvm, name) = (observed.lvm.as_ref(), &desired.volume.volume);
    let there = lvm.is_some_and(|lvm| lvm.volumes.iter().any(|one| one.lv_name == *name));
    let recorded = lvm.is_some_and(|lvm| lvm.receipt != Recorded::Absent)
        || observed.on_files != thinpool::Recorded::Absent;
    let volume = there.then(|| desired.volume.path());
    Aside { volume, recorded, ..Aside::new(&desired.pool, &observed.pool, Vec::new()) }
}
