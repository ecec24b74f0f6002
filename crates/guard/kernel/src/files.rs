//! A pool on two files.

use std::path::PathBuf;
use std::rc::Rc;
use std::time::Duration;

use mvm_core::{Roots, exec};
use mvm_guard_plan::{GrowStep, Growing, Room, Unfinished, plan_growth};
use mvm_pool_kernel::loops::{self, LoopDevices};
use mvm_pool_kernel::mapper::{self, DeviceMapper};
use mvm_pool_kernel::thinpool::{System, lock};
use mvm_pool_kernel::{Error, files, loopback, receipt};
use mvm_pool_plan::loopback::{Desired, Observed};
use mvm_pool_plan::thinpool::{Device, FileFacts, LivePool, Receipt, SECTOR, Shape, ThinPoolTable};

use super::{PoolNow, Store, not_growable, observe};

/// Metadata that one data block may need, with the room that many snapshots take: four times the
/// 48 bytes of the kernel's guide. A sparse metadata file is often larger than it can ever get.
const METADATA_PER_BLOCK: u64 = 4 * 48;
/// How long udev may be busy with a pool that was resized. It has nothing to do for it.
const UDEV: Duration = Duration::from_secs(10);

/// The pool of `[thinpool] backend = "loop"`.
pub struct Files {
    roots: Roots,
    desired: Desired,
    loops: Rc<dyn LoopDevices>,
    mapper: Rc<dyn DeviceMapper>,
}

impl Files {
    /// On this machine, with files below `roots`.
    pub fn new(roots: &Roots, desired: Desired) -> Self {
        let (loops, mapper) = (loops::Kernel::new(roots), mapper::Kernel::new(roots));
        Self::on(roots, desired, Rc::new(loops), Rc::new(mapper))
    }

    /// On a system of one's choice.
    pub fn on(
        roots: &Roots,
        desired: Desired,
        loops: Rc<dyn LoopDevices>,
        mapper: Rc<dyn DeviceMapper>,
    ) -> Self {
        Self { roots: roots.clone(), desired, loops, mapper }
    }

    pub(super) fn observe(&self) -> Result<Observed, Error> {
        let system = System {
            roots: &self.roots,
            loops: &*self.loops,
            mapper: &*self.mapper,
            programs: &exec::System,
            timeout: Duration::ZERO,
        };
        loopback::observe(&system, &self.desired)
    }

    fn growing(&self, live: &LivePool, file: &FileFacts, intended: Option<u64>) -> Growing {
        let sys = self.roots.at("/sys");
        let sectors: Option<u64> =
            files::block_attribute(&sys, &live.data.device, "size").parse().ok();
        Growing {
            path: self.desired.data_path(),
            file: file.size,
            device: live.data.device.clone(),
            device_size: sectors.unwrap_or(0).saturating_mul(SECTOR),
            live: live.state.table.shape.bytes(),
            intended,
        }
    }

    /// The steps that are left until the pool has `size` bytes.
    ///
    /// # Errors
    /// [`Error::NotGrowable`], and what observing meets.
    pub fn steps(&self, size: u64) -> Result<Vec<GrowStep>, Error> {
        let name = &self.desired.pool.name;
        let observed = self.observe()?;
        let Device::Pool(live) = &observed.pool.device else {
            return Err(not_growable(name, "it is not live"));
        };
        let file = pool_file(&observed, live)
            .ok_or_else(|| not_growable(name, "it is not on the files of the configuration"))?;
        let receipt = observed.receipt.pool().filter(|old| old.is_about(&self.desired, &observed));
        let receipt = receipt.ok_or_else(|| not_growable(name, "it is not on record"))?;
        Ok(plan_growth(&self.growing(live, file, receipt.growing), size))
    }

    /// Does one step.
    ///
    /// # Errors
    /// When it fails.
    pub fn step(&self, step: &GrowStep) -> Result<(), Error> {
        match step {
            GrowStep::Intend { size } => self.intend(*size),
            GrowStep::Allocate { path, from, size } => {
                files::allocate(&self.roots.at(path), *from, *size)
            }
            GrowStep::Show { device } => self.loops.show_all(device),
            GrowStep::Resize { size } => self.resize(*size),
            GrowStep::Record => self.record(),
        }
    }

    fn intend(&self, size: u64) -> Result<(), Error> {
        let name = &self.desired.pool.name;
        let recorded = receipt::read(&self.roots);
        let old = recorded.pool().ok_or_else(|| not_growable(name, "it is not on record"))?;
        receipt::write(&self.roots, &Receipt { growing: Some(size), ..old.clone() })
    }

    /// One ioctl swaps the tables: it suspends and resumes in the kernel, so that nothing that
    /// happens to this process leaves the pool suspended.
    fn resize(&self, size: u64) -> Result<(), Error> {
        let name = &self.desired.pool.name;
        let (table, _) = self.live()?;
        let shape = Shape { sectors: size / SECTOR, ..table.shape.clone() };
        self.mapper.load(name, &ThinPoolTable { shape, ..table })?;
        // The old table runs until then, so that the pool runs tells nothing. A udev that never
        // ends its work must not keep the guard from its own.
        let settling = self.mapper.resume(name)?;
        if settling.is_over_within(UDEV) {
            settling.wait()?;
        }
        match self.live()?.0.shape.bytes() {
            live if live >= size => Ok(()),
            _ => Err(not_growable(name, "the kernel still has the old table")),
        }
    }

    fn record(&self) -> Result<(), Error> {
        let (table, observed) = self.live()?;
        let name = &self.desired.pool.name;
        let (Some(old), Some(file)) = (observed.receipt.pool(), &observed.data) else {
            return Err(not_growable(name, "it is not on record"));
        };
        receipt::write(&self.roots, &old.grown(&table.shape, file.size))
    }

    fn live(&self) -> Result<(ThinPoolTable, Observed), Error> {
        let observed = self.observe()?;
        match &observed.pool.device {
            Device::Pool(live) => Ok((live.state.table.clone(), observed)),
            _ => Err(not_growable(&self.desired.pool.name, "it is not live")),
        }
    }
}

/// The data file, when the live pool stands on it.
fn pool_file<'a>(observed: &'a Observed, live: &LivePool) -> Option<&'a FileFacts> {
    observed.data.as_ref().filter(|file| live.data.file == Some(file.id))
}

impl Store for Files {
    fn look(&self) -> Result<PoolNow, Error> {
        let mut pool = observe(&*self.mapper, &self.desired.pool.name)?;
        let Some(figures) = &mut pool.figures else {
            return Ok(pool);
        };
        let observed = self.observe()?;
        let Device::Pool(live) = &observed.pool.device else {
            return Ok(PoolNow { figures: None, ..pool });
        };
        if let Some(file) = pool_file(&observed, live) {
            let blocks = figures.size / figures.block.max(1);
            let hole = |file: &FileFacts| file.size.saturating_sub(file.allocated);
            let metadata = observed.metadata.as_ref().map_or(0, hole);
            figures.room = Some(Room {
                place: self.desired.directory.display().to_string(),
                total: observed.file_system.size,
                free: observed.file_system.free,
                promised: hole(file) + metadata.min(blocks.saturating_mul(METADATA_PER_BLOCK)),
            });
            let begun = observed.receipt.pool().and_then(|receipt| receipt.growing);
            let there = file.size.max(figures.size);
            figures.unfinished =
                begun.map(|size| Unfinished { size, missing: size.saturating_sub(there) });
        }
        Ok(pool)
    }

    fn grow(&self, size: u64) -> Result<(), Error> {
        // mvm-thinpool writes the same receipt.
        let _lock = lock(&self.roots)?;
        for step in self.steps(size)? {
            log::debug!("{step}");
            self.step(&step)?;
        }
        Ok(())
    }
}

impl std::fmt::Debug for Files {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let directory: &PathBuf = &self.desired.directory;
        f.debug_struct("Files").field("directory", directory).finish_non_exhaustive()
    }
}
