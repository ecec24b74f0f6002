//! A pool on files: looking at files and loop devices, and bringing the pool up on them.
//!
//! Belongs here: what such a pool alone needs. Does not belong here: which steps are to be done, which
//! is `mvm_pool_plan::loopback`.

mod apply;
mod observe;
#[cfg(test)]
mod tests;

use mvm_core::{Finding, Plan};
use mvm_pool_plan::loopback::{Desired, Observed, Step, plan};
use mvm_pool_plan::thinpool::{Device, Pool};

use crate::Error;
use crate::thinpool::{Manage, Report, System, apply::apply as run, check};

pub use observe::observe;

/// Does the steps of a plan, in order. When one fails, the pool that this run activated is taken
/// down again; files stay as they are, and the next run goes on from them.
///
/// # Errors
/// The first step that failed; with [`Error::Undo`] around it when taking down failed too.
pub fn apply(
    system: &System<'_>,
    plan: &Plan<Step>,
    desired: &Desired,
) -> Result<Report<Step>, Error> {
    run(apply::OnFiles::new(system, desired), plan)
}

/// Reads the metadata of a pool that is down with thin_check. Changes nothing. The answer is why it
/// would not be activated all the same: thin_check does not see that a file was cut or swapped. `None`
/// while the pool is live.
///
/// # Errors
/// [`Error::CheckFailed`] when the metadata is damaged; otherwise why it could not be read.
pub(crate) fn check_metadata(
    system: &System<'_>,
    desired: &Desired,
) -> Result<Option<Vec<Finding>>, Error> {
    let path = system.roots.at(desired.metadata_path());
    check::when_down(system, desired, &path, |thin_check| {
        check::look(system.programs, thin_check, &path).map(|()| Vec::new())
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
        apply(system, plan, self)
    }

    fn device(observed: &Observed) -> &Device {
        &observed.pool.device
    }

    fn may_be_left(step: &Step) -> bool {
        match step {
            Step::RefreshReceipt { .. } => true,
            Step::CreateDirectory { .. }
            | Step::CreateFile { .. }
            | Step::ExtendFile { .. }
            | Step::RemoveEmptyDevice { .. }
            | Step::CheckMetadata { .. }
            | Step::Attach { .. }
            | Step::UseAttached { .. }
            | Step::Activate { .. }
            | Step::SyncMetadata { .. }
            | Step::AwaitNode { .. }
            | Step::WriteReceipt { .. } => false,
        }
    }
}
