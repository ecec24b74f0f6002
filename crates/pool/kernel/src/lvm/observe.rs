//! The facts about a pool on LVM.

use mvm_core::Roots;
use mvm_core::exec::Execute;
use mvm_pool_plan::lvm::{Desired, DesiredVolume, LvmState, Observed, Recorded, Volume};
use mvm_pool_plan::thinpool::Device;

use super::{Lvm, receipt};
use crate::thinpool::{System, facts};
use crate::{Error, files};

/// Gathers the facts about the pool. Changes nothing.
///
/// # Errors
/// When something that decides about the pool cannot be read.
pub fn observe(system: &System<'_>, desired: &Desired) -> Result<Observed, Error> {
    let mut pool = facts::control(system);
    let on_files = crate::receipt::read(system.roots);
    facts::databases(system, &desired.pool, &mut pool)?;
    let query = || lvm_state(system.roots, system.programs, &desired.volume);
    // Asked first: LVM answers when udev's own activation of the group is over, and not before. Parts
    // of a pool that came alive in between would be taken for left over.
    let mut lvm = query()?;
    facts::live(system, &desired.pool, &mut pool)?;
    let active = |lvm: &LvmState| {
        let own = |volume: &&Volume| volume.lv_name == desired.volume.volume;
        lvm.volumes.iter().find(own).is_some_and(Volume::is_active)
    };
    let is_live = matches!(pool.device, Device::Pool(_));
    if is_live && !lvm.as_ref().is_some_and(active) {
        lvm = query()?;
    }
    facts::node_or_check(system, &desired.pool, &mut pool);
    Ok(Observed { pool, on_files, lvm })
}

/// What LVM and the receipt show; `None` where lvm2 is not installed. Changes nothing.
///
/// # Errors
/// When LVM does not answer, or the profile cannot be read.
pub(super) fn lvm_state(
    roots: &Roots,
    programs: &dyn Execute,
    volume_desired: &DesiredVolume,
) -> Result<Option<LvmState>, Error> {
    let Some(lvm) = Lvm::find(roots, programs) else {
        return Ok(None);
    };
    let (receipt, begun) = match receipt::read_begun(roots) {
        Ok(begun) => (receipt::read(roots), begun),
        Err(why) => (Recorded::Unreadable(why), None),
    };
    Ok(Some(LvmState {
        groups: lvm.groups(&volume_desired.group)?,
        volumes: lvm.volumes(&volume_desired.group)?,
        profile: files::text(&roots.at(volume_desired.profile_path()))?,
        receipt,
        begun,
    }))
}
