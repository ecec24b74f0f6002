//! A pool on LVM. dmeventd makes it longer while it fills up; an operator does it here.

use mvm_core::Roots;
use mvm_core::exec::{self, Execute};
use mvm_guard_plan::{Room, Unfinished};
use mvm_pool_kernel::Error;
use mvm_pool_kernel::lvm::lvm;
use mvm_pool_kernel::mapper::{self, DeviceMapper};
use mvm_pool_kernel::thinpool::{lock, pool_state_with};
use mvm_pool_plan::lvm::{Desired, Group, Volume, VolumeGrowth, grow};
use mvm_pool_plan::thinpool::PoolState;

use super::{PoolNow, Store, not_growable, observe};

/// The pool of `[thinpool] backend = "lvm"`.
pub(super) struct Volumes<'a> {
    roots: &'a Roots,
    desired: Desired,
    mapper: Box<dyn DeviceMapper>,
    programs: &'a dyn Execute,
}

impl<'a> Volumes<'a> {
    /// With the kernel's device-mapper, and the LVM programs of this machine.
    pub(super) fn new(roots: &'a Roots, desired: Desired) -> Self {
        let mapper = Box::new(mapper::Kernel::new(roots));
        Self { roots, desired, mapper, programs: &exec::System }
    }

    fn volume(&self) -> Result<(Group, Volume), Error> {
        let lvm = lvm(self.roots, self.programs)?;
        let volume_desired = &self.desired.volume;
        let group = lvm.groups(&volume_desired.group)?.pop();
        let mut volumes = lvm.volumes(&volume_desired.group)?.into_iter();
        let volume = volumes.find(|volume| volume.lv_name == volume_desired.volume);
        let missing = || not_growable(&self.desired.pool.name, "LVM has no such volume");
        group.zip(volume).ok_or_else(missing)
    }

    /// Whether the kernel has something else than LVM, or the pool stands still.
    fn is_unfinished(&self, volume: &Volume) -> Result<bool, Error> {
        Ok(match pool_state_with(&*self.mapper, &self.desired.pool.name)? {
            PoolState::Live(live) => {
                live.suspended || live.second_table || live.table.shape.bytes() != volume.size()
            }
            PoolState::Absent | PoolState::Empty | PoolState::Other { .. } => false,
        })
    }
}

impl Store for Volumes<'_> {
    fn look(&self) -> Result<PoolNow, Error> {
        let mut pool = observe(&*self.mapper, &self.desired.pool.name)?;
        if let Some(figures) = &mut pool.figures {
            let (group, volume) = self.volume()?;
            let bytes = |extents: u64| extents.saturating_mul(group.extent_size());
            figures.room = Some(Room {
                place: format!("volume group {}", self.desired.volume.group),
                total: bytes(group.extents()),
                free: bytes(group.free()),
                promised: 0,
            });
            let unfinished = self.is_unfinished(&volume)?;
            figures.unfinished = unfinished.then(|| Unfinished { size: volume.size(), missing: 0 });
        }
        Ok(pool)
    }

    fn grow(&self, size: u64) -> Result<(), Error> {
        let _lock = lock(self.roots)?;
        let (_, volume) = self.volume()?;
        let lvm = lvm(self.roots, self.programs)?;
        for step in grow(&self.desired.volume, &volume, self.is_unfinished(&volume)?, size) {
            log::debug!("{step}");
            match step {
                VolumeGrowth::Refresh { volume } => lvm.refresh(&volume)?,
                VolumeGrowth::Extend { volume, size } => lvm.extend(&volume, size)?,
            }
        }
        Ok(())
    }
}
