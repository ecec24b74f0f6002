//! The pool on disks: LVM's commands, and looking at disks before anything is done to them.
//!
//! Belongs here: running lvm and wipefs, locking disks, reading /sys. Does not belong here: what a
//! report means and whether a disk may be taken, which is `mvm_pool_plan::lvm`.

mod commands;
mod create;
mod disk;
#[cfg(test)]
mod tests;

use std::io;

use mvm_core::Roots;
use mvm_core::exec::Execute;
use mvm_pool_plan::lvm::{DesiredVolume, Recorded, Seen};

use crate::{Error, files, receipt};

pub use commands::Lvm;
pub use create::create;
pub(crate) use create::write_profile;

/// What LVM and the receipt show; `None` where lvm2 is not installed. Changes nothing.
///
/// # Errors
/// When LVM does not answer, or the profile cannot be read.
pub(crate) fn observe(
    roots: &Roots,
    programs: &dyn Execute,
    volume_desired: &DesiredVolume,
) -> Result<Option<Seen>, Error> {
    let Some(lvm) = Lvm::find(roots, programs) else {
        return Ok(None);
    };
    let (receipt, begun) = match receipt::read_begun(roots) {
        Ok(begun) => (receipt::read_volume(roots), begun),
        Err(why) => (Recorded::Unreadable(why), None),
    };
    Ok(Some(Seen {
        groups: lvm.groups(&volume_desired.group)?,
        volumes: lvm.volumes(&volume_desired.group)?,
        profile: files::text(&roots.at(volume_desired.profile_path()))?,
        receipt,
        begun,
    }))
}

/// lvm2 was there a moment ago.
pub fn lvm<'a>(roots: &Roots, programs: &'a dyn Execute) -> Result<Lvm<'a>, Error> {
    let gone = || Error::Command {
        command: "lvm".to_owned(),
        source: mvm_core::Error::Spawn {
            program: "lvm".into(),
            source: io::Error::from(io::ErrorKind::NotFound),
        },
    };
    Lvm::find(roots, programs).ok_or_else(gone)
}
