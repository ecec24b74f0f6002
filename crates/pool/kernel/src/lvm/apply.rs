//! Does the steps for a pool on LVM; decides nothing.

use mvm_core::{Finding, Roots, atomic};
use mvm_pool_plan::lvm::Step;

use super::{lvm, receipt};
use crate::Error;
use crate::thinpool::System;
use crate::thinpool::apply::{Run, await_node, stale_at_most};

/// Anybody may read a profile.
const PROFILE_MODE: u32 = 0o644;

/// A run under way.
pub(super) struct OnDisks<'a> {
    system: &'a System<'a>,
    /// The logical volume that this run activated.
    activated: Option<String>,
}

impl<'a> OnDisks<'a> {
    pub(super) const fn new(system: &'a System<'a>) -> Self {
        Self { system, activated: None }
    }
}

impl Run for OnDisks<'_> {
    type Step = Step;

    fn step(&mut self, step: &Step, findings: &mut Vec<Finding>) -> Result<(), Error> {
        let (roots, programs) = (self.system.roots, self.system.programs);
        match step {
            Step::WriteProfile { path, text } => write_profile(roots, path, text),
            Step::Deactivate { volume } => lvm(roots, programs)?.deactivate(volume),
            Step::Activate { volume } => {
                lvm(roots, programs)?.activate(volume)?;
                self.activated = Some(volume.clone());
                Ok(())
            }
            Step::WriteReceipt { receipt } => receipt::write(roots, receipt),
            Step::RefreshReceipt { receipt } => {
                stale_at_most(&receipt.name, receipt::write(roots, receipt), findings)
            }
            Step::AwaitNode { name } => await_node(self.system, name),
        }
    }

    /// LVM waits for udev itself.
    fn end(&mut self) -> Result<(), Error> {
        Ok(())
    }

    fn undo(&mut self) -> Result<(), Error> {
        match &self.activated {
            Some(volume) => lvm(self.system.roots, self.system.programs)?.deactivate(volume),
            None => Ok(()),
        }
    }
}

pub(super) fn write_profile(roots: &Roots, path: &str, text: &str) -> Result<(), Error> {
    atomic::write(&roots.at(path), text.as_bytes(), PROFILE_MODE)
        .map_err(|source| Error::Profile { source })
}
