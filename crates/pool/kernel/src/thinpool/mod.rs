//! Observe the pool and do the steps of a plan.

mod apply;
mod check;
#[cfg(test)]
pub(crate) mod fake;
mod observe;
mod reconcile;
#[cfg(test)]
mod tests;

use std::fs::{self, File};
use std::path::Path;
use std::time::Duration;

use mvm_config::model::Backend;
use mvm_config::names::DmName;
use mvm_config::{Config, places};
use mvm_core::catalogue::disk::metadata_damaged;
use mvm_core::exec::{self, Execute};
use mvm_core::{Finding, Plan, Roots};
use mvm_pool_plan::thinpool::{Desired, Device, Observed, PoolState, Step};

use crate::Error;
use crate::loops::{self, LoopDevices};
use crate::lvm::lvm;
use crate::mapper::{self, DeviceMapper};

pub use apply::Report;
pub use reconcile::bring_up_with;

/// Where the effects go: this machine's kernel, or a test's recording.
pub struct System<'a> {
    /// Below which every path is.
    pub roots: &'a Roots,
    /// Loop devices.
    pub loops: &'a dyn LoopDevices,
    /// device-mapper.
    pub mapper: &'a dyn DeviceMapper,
    /// Programs, that is thin_check.
    pub programs: &'a dyn Execute,
    /// For how long udev may take to make a node.
    pub timeout: Duration,
}

/// udev makes a node in milliseconds; a machine that boots under load may need seconds.
const TIMEOUT: Duration = Duration::from_secs(10);

/// No configuration of containerd's is longer than this, in bytes.
pub(crate) const LONGEST_CONFIG: u64 = 1 << 20;

/// What the file asks for, on this machine: where containerd keeps its databases about the pool, its
/// own configuration says.
pub fn desired(roots: &Roots, config: &Config) -> Desired {
    let path = places::containerd_config(config.containerd.instance);
    let text = crate::containerd_config::read(roots, path).ok();
    Desired::new(config, text.as_deref())
}

/// Gathers the facts about the pool. Changes nothing.
///
/// # Errors
/// When something that decides about the pool cannot be read.
pub fn observe(roots: &Roots, desired: &Desired) -> Result<Observed, Error> {
    with_kernel(roots, |system| observe_with(system, desired))
}

/// [`observe`] on a system of one's choice.
///
/// # Errors
/// As [`observe`].
pub fn observe_with(system: &System<'_>, desired: &Desired) -> Result<Observed, Error> {
    observe::observe(system, desired)
}

/// Does the steps of a plan, in order. When one fails, the pool that this run activated is taken
/// down again; files stay as they are, and the next run goes on from them.
///
/// # Errors
/// The first step that failed; with [`Error::Undo`] around it when taking down failed too.
pub fn apply(plan: &Plan<Step>, roots: &Roots, desired: &Desired) -> Result<Report, Error> {
    with_kernel(roots, |system| apply_with(system, plan, desired))
}

/// [`apply`] on a system of one's choice.
///
/// # Errors
/// As [`apply`].
pub fn apply_with(
    system: &System<'_>,
    plan: &Plan<Step>,
    desired: &Desired,
) -> Result<Report, Error> {
    apply::apply(system, plan, desired)
}

/// Reads the metadata of a pool on files or on LVM with thin_check while nobody uses it. Changes nothing.
/// The answer is why it would not be activated all the same: thin_check does not see that a file
/// was cut or swapped. `None` while the pool is live.
///
/// # Errors
/// [`Error::CheckFailed`] when the metadata is damaged; otherwise why it could not be read.
pub fn check_metadata(roots: &Roots, desired: &Desired) -> Result<Option<Vec<Finding>>, Error> {
    let _lock = lock(roots)?;
    with_kernel(roots, |system| check_metadata_with(system, desired))
}

fn check_metadata_with(
    system: &System<'_>,
    desired: &Desired,
) -> Result<Option<Vec<Finding>>, Error> {
    let observed = observe_with(system, desired)?;
    if observed.device != Device::Absent {
        return Ok(None);
    }
    let plan = mvm_pool_plan::plan(desired, &observed);
    if plan.is_refused() {
        return Ok(Some(plan.findings));
    }
    let on_lvm = desired.backend == Backend::Lvm;
    let path = match on_lvm {
        true => system.roots.at(format!("/dev/mapper/{}_tmeta", desired.name)),
        false => system.roots.at(desired.metadata()),
    };
    let thin_check = exec::find(system.roots, "thin_check").ok_or_else(|| {
        let source =
            std::io::Error::new(std::io::ErrorKind::NotFound, "thin_check is not installed");
        Error::Look { path: path.clone(), source }
    })?;
    if on_lvm {
        let (lvm, [metadata, _]) = (lvm(system.roots, system.programs)?, desired.lvm.parts());
        lvm.activate_part(&metadata)?;
        let checked = check::look(system.programs, &thin_check, &path);
        lvm.deactivate(&metadata)?;
        if let Err(Error::CheckFailed { outcome, .. }) = &checked {
            let damaged = metadata_damaged(&desired.name, desired.lvm.path()).evidence(outcome);
            return Ok(Some(vec![damaged]));
        }
        checked?;
    } else {
        check::look(system.programs, &thin_check, &path)?;
    }
    Ok(Some(Vec::new()))
}

/// The whole road: keeps other runs out, observes, plans, applies, observes again. The answer is
/// everything that there is to say; [`mvm_core::exit::by_class`] makes the exit code of it.
pub fn bring_up(roots: &Roots, desired: &Desired) -> Vec<Finding> {
    match lock(roots) {
        Ok(_lock) => with_kernel(roots, |system| bring_up_with(system, desired)),
        Err(error) => vec![error.finding(&desired.name)],
    }
}

pub(crate) fn with_kernel<T>(roots: &Roots, run: impl FnOnce(&System<'_>) -> T) -> T {
    let (loops, mapper) = (loops::Kernel::new(roots), mapper::Kernel::new(roots));
    run(&System {
        roots,
        loops: &loops,
        mapper: &mapper,
        programs: &exec::System,
        timeout: TIMEOUT,
    })
}

/// What device-mapper alone says about the pool: two ioctls, no metadata is flushed.
///
/// # Errors
/// When device-mapper does not answer.
pub fn pool_state(roots: &Roots, name: &DmName) -> Result<PoolState, Error> {
    observe::pool_state(&mapper::Kernel::new(roots), name.as_str())
}

/// [`pool_state`] on a device-mapper of one's choice.
///
/// # Errors
/// As [`pool_state`].
pub fn pool_state_with(mapper: &dyn DeviceMapper, name: &str) -> Result<PoolState, Error> {
    observe::pool_state(mapper, name)
}

/// Keeps every other run of mvm-thinpool out for as long as the answer lives. Waits for one that
/// is under way.
///
/// # Errors
/// [`Error::Lock`]
pub fn lock(roots: &Roots) -> Result<File, Error> {
    let folder = roots.runtime();
    let path = folder.join("thinpool.lock");
    let lock = |path: &Path| {
        fs::create_dir_all(&folder)?;
        let file = File::options().create(true).append(true).open(path)?;
        file.lock()?;
        Ok(file)
    };
    lock(&path).map_err(|source| Error::Lock { path, source })
}
