//! What mvm-guard and `mvmhost pool` see of a live pool, and how they make it longer.
//!
//! [`Store`] is the seam between the backends: a pool on files is a [`Files`], any other one is
//! [`Watched`] and grown by whoever made it; for an operator one on LVM is a [`Volumes`].

mod events;
#[cfg(test)]
#[allow(dead_code, reason = "a test double that every crate over the kernel's takes a part of")]
#[path = "../../../pool/kernel/src/fake.rs"]
mod fake;
mod files;
#[cfg(test)]
mod tests;
mod volumes;

use mvm_config::Config;
use mvm_core::{Finding, Roots};
use mvm_guard_plan::{Figures, Policy};
use mvm_pool_kernel::mapper::{self, DeviceMapper};
use mvm_pool_kernel::{Error, desired, thinpool};
use mvm_pool_plan::Backend;
use mvm_pool_plan::thinpool::{PoolState, SECTOR, ThinPoolStatus};

pub use events::Events;
pub use files::Files;
use volumes::Volumes;

/// What one [`Store::look`] shows.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PoolNow {
    /// What is wrong with the pool by device-mapper; empty for a live pool without flaws.
    pub findings: Vec<Finding>,
    /// Its numbers, while it is live and answers.
    pub figures: Option<Figures>,
}

/// A pool that is watched.
pub trait Store {
    /// The pool's numbers. Changes nothing.
    ///
    /// # Errors
    /// When the kernel, or a file that decides, cannot be asked.
    fn look(&self) -> Result<PoolNow, Error>;

    /// Makes the pool so many bytes long, or goes on where an earlier call was cut short.
    ///
    /// # Errors
    /// The first step that failed; the next call goes on from there.
    fn grow(&self, size: u64) -> Result<(), Error>;
}

/// The store of the configured backend on this machine, with the policy for it.
pub fn store(roots: &Roots, config: &Config) -> (Box<dyn Store>, Policy) {
    let policy = Policy::new(config);
    match desired(roots, config) {
        Backend::Loop(desired) => (Box::new(Files::new(roots, desired)), policy),
        other @ (Backend::Lvm(_) | Backend::External(_)) => {
            let name = other.pool().name.clone();
            let watched = Watched { mapper: mapper::Kernel::new(roots), name };
            (Box::new(watched), Policy { largest: None, ..policy })
        }
    }
}

/// [`store`] for what an operator asks once. One on LVM has its group's room then, for which LVM
/// reads the labels of all disks, and can be made longer.
pub fn operators<'a>(roots: &'a Roots, config: &Config) -> (Box<dyn Store + 'a>, Policy) {
    match desired(roots, config) {
        Backend::Lvm(desired) => {
            let volumes = Volumes::new(roots, desired);
            (Box::new(volumes), Policy { largest: None, ..Policy::new(config) })
        }
        Backend::Loop(_) | Backend::External(_) => store(roots, config),
    }
}

/// [`operators`] for one who makes the pool longer.
pub fn by_hand<'a>(roots: &'a Roots, config: &Config) -> (Box<dyn Store + 'a>, Policy) {
    match desired(roots, config) {
        Backend::Lvm(desired) => {
            (Box::new(Volumes::new(roots, desired)), Policy::new(config).by_hand_on_lvm())
        }
        Backend::Loop(_) | Backend::External(_) => store(roots, config),
    }
}

/// A pool that somebody else grows.
struct Watched {
    mapper: mapper::Kernel,
    name: String,
}

impl Store for Watched {
    fn look(&self) -> Result<PoolNow, Error> {
        observe(&self.mapper, &self.name)
    }

    fn grow(&self, _: u64) -> Result<(), Error> {
        Err(not_growable(&self.name, "mvmhost grows pools on files of its own"))
    }
}

/// What device-mapper alone shows; a pool that counts as full, and is not, is woken first.
fn observe(mapper: &dyn DeviceMapper, name: &str) -> Result<PoolNow, Error> {
    let pool = observe_once(mapper, name)?;
    if !pool.figures.as_ref().is_some_and(Figures::is_stuck) {
        return Ok(pool);
    }
    mapper.commit(name)?;
    observe_once(mapper, name)
}

fn observe_once(mapper: &dyn DeviceMapper, name: &str) -> Result<PoolNow, Error> {
    let state = thinpool::pool_state_with(mapper, name)?;
    let findings = state.findings(name);
    let figures = match &state {
        PoolState::Live(live) => match live.status.parse() {
            Ok(ThinPoolStatus::Working(pool)) => Some(Figures {
                pool,
                block: u64::from(live.table.shape.block_sectors) * SECTOR,
                size: live.table.shape.bytes(),
                room: None,
                unfinished: None,
            }),
            _ => None,
        },
        PoolState::Absent | PoolState::Empty | PoolState::Other { .. } => None,
    };
    Ok(PoolNow { findings, figures })
}

fn not_growable(name: &str, why: &'static str) -> Error {
    Error::NotGrowable { name: name.to_owned(), why }
}
