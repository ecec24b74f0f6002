//! The pool on disks: LVM's commands, and looking at disks before anything is done to them.
//!
//! Belongs here: running lvm and wipefs, locking disks, reading /sys. Does not belong here: what a
//! report means and whether a disk may be taken, which is `mvm_pool_plan::lvm`.

mod apply;
mod commands;
mod create;
mod disk;
mod observe;
pub mod receipt;
#[cfg(test)]
mod tests;

use std::io;

use mvm_core::catalogue::disk::metadata_damaged;
use mvm_core::exec::Execute;
use mvm_core::{Finding, Plan, Roots};
use mvm_pool_plan::lvm::{Desired, Observed, Step, plan};
use mvm_pool_plan::thinpool::{Device, Pool};

use crate::Error;
use crate::thinpool::{Manage, Report, System, apply::apply as run, check};

pub use commands::Lvm;
pub use create::create;
pub use observe::observe;

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

/// Does the steps of a plan, in order. When one fails, the pool that this run activated is taken
/// down again.
///
/// # Errors
/// The first step that failed; with [`Error::Undo`] around it when taking down failed too.
pub fn apply(system: &System<'_>, plan: &Plan<Step>) -> Result<Report<Step>, Error> {
    run(apply::OnDisks::new(system), plan)
}

/// Reads the metadata of a pool that is down with thin_check. Changes nothing. The answer is why it
/// would not be activated all the same, and that the metadata are damaged. `None` while the pool is
/// live.
///
/// # Errors
/// Why it could not be read.
pub(crate) fn check_metadata(
    system: &System<'_>,
    desired: &Desired,
) -> Result<Option<Vec<Finding>>, Error> {
    let (name, volume_desired) = (&desired.pool.name, &desired.volume);
    let path = system.roots.at(format!("/dev/mapper/{name}_tmeta"));
    check::when_down(system, desired, &path, |thin_check| {
        let (lvm, metadata) = (lvm(system.roots, system.programs)?, volume_desired.metadata());
        lvm.activate_part(&metadata)?;
        let checked = check::look(system.programs, thin_check, &path);
        lvm.deactivate(&metadata)?;
        if let Err(Error::CheckFailed { outcome, .. }) = &checked {
            let damaged = metadata_damaged(name, volume_desired.path()).evidence(outcome);
            return Ok(vec![damaged]);
        }
        checked.map(|()| Vec::new())
    })
}

impl Manage for Desired {
    type Observed = Observed;
    type Step = Step;

    fn pool(&self) -> &Pool {
        &self.pool
    }

    fn observe(&self, system: &System<'_>) -> Result<Observed, Error> {
        observe(system, self)
    }

    fn plan(&self, observed: &Observed) -> Plan<Step> {
        plan(self, observed)
    }

    fn apply(&self, system: &System<'_>, plan: &Plan<Step>) -> Result<Report<Step>, Error> {
        apply(system, plan)
    }

    fn device(observed: &Observed) -> &Device {
        &observed.pool.device
    }

    fn may_be_left(step: &Step) -> bool {
        match step {
            Step::RefreshReceipt { .. } => true,
            Step::WriteProfile { .. }
            | Step::Deactivate { .. }
            | Step::Activate { .. }
            | Step::WriteReceipt { .. }
            | Step::AwaitNode { .. } => false,
        }
    }
}
