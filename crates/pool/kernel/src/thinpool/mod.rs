//! What is done with every pool, whatever it is on: how device-mapper and containerd's databases are
//! looked at, how steps are done and taken back, and the way from what is there to what is asked for.
//!
//! The backends stand on these modules, and none of these knows one.

pub(crate) mod apply;
pub(crate) mod check;
pub(crate) mod facts;
mod reconcile;

use std::fs::{self, File};
use std::path::Path;
use std::time::Duration;

use mvm_config::names::DmName;
use mvm_core::Roots;
use mvm_core::exec::{self, Execute};
use mvm_pool_plan::thinpool::PoolState;

use crate::Error;
use crate::loops::{self, LoopDevices};
use crate::mapper::{self, DeviceMapper};

pub use apply::Report;
pub use reconcile::{Manage, reconcile};

/// Where the effects go: this machine's kernel, or a test's recording.
pub struct System<'a> {
    /// Below which every path is.
    pub roots: &'a Roots,
    /// Loop devices: listed, attached and kept open.
    pub loops: &'a dyn LoopDevices,
    /// device-mapper: devices, their tables and status.
    pub mapper: &'a dyn DeviceMapper,
    /// Programs, that is thin_check.
    pub programs: &'a dyn Execute,
    /// For how long udev may take to make a node.
    pub timeout: Duration,
}

/// udev makes a node in milliseconds; a machine that boots under load may need seconds.
const TIMEOUT: Duration = Duration::from_secs(10);

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
    facts::pool_state(&mapper::Kernel::new(roots), name.as_str())
}

/// [`pool_state`] on a device-mapper of one's choice.
///
/// # Errors
/// As [`pool_state`].
pub fn pool_state_with(mapper: &dyn DeviceMapper, name: &str) -> Result<PoolState, Error> {
    facts::pool_state(mapper, name)
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
