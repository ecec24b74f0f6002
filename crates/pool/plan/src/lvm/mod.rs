//! The thin pool on whole disks: whether a disk may be taken, how LVM divides them, what LVM says
//! about what is there, and what is to be done.
//!
//! Belongs here: sizes, refusals, and the meaning of LVM's reports. Does not belong here: running
//! LVM's commands, which is `mvm-pool-kernel`.

mod begun;
mod boot;
mod create;
mod desired;
mod disk;
mod grow;
mod layout;
mod receipt;
mod report;
#[cfg(test)]
mod tests;

pub use begun::{IntendedDisk, Intent};
pub(crate) use boot::boot;
pub use boot::{against_receipt, found, is_live, is_unattached};
pub use create::{CreateStep, create, wants_disks};
pub use desired::{DesiredVolume, Seen, TAG};
pub use disk::{Disk, refusals, token};
pub use grow::{VolumeGrowth, grow};
pub use layout::{CHUNK, Layout, TooSmall, layout};
pub use receipt::{Recorded, VolumeReceipt};
pub use report::{
    GROUP, Group, PHYSICAL, Physical, ReportError, Signature, VOLUME, Volume, groups, physicals,
    signatures, volumes,
};
