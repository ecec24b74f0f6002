//! Every decision of mvmhost, as pure functions from what the file asks for and what the machine
//! shows to the steps that lead from one to the other.
//!
//! Belongs here: `Desired`, `Observed`, `Step` and `plan()` of each domain, names of devices and
//! units, escaping, checks. Does not belong here: anything that reads or changes a machine, a
//! clock or an environment; `.clippy.toml` in this crate makes that a build error.

use mvm_diagnostics::{Finding, Severity};
use serde::Serialize;

pub mod adopt;
pub mod capmvm;
pub mod checks;
pub mod containerd;
pub mod dhcp;
pub mod diagnosis;
pub mod drift;
pub mod escape;
pub mod flintlockd;
pub mod guard;
pub mod host;
pub mod hygiene;
pub mod images;
pub mod init;
pub mod ledger;
pub mod lvm;
pub mod microvm;
pub mod names;
pub mod nat;
pub mod network;
pub mod overrides;
pub mod redact;
pub mod reserved;
pub mod tailscale;
pub mod teardown;
pub mod thinpool;
pub mod tls;
mod token;
pub mod undo;
pub mod units;
pub mod versions;

/// What one domain has to do, and what it has to say.
///
/// A plan with a finding of severity error has no steps: everything is validated before anything
/// is changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Plan<S> {
    /// In the order in which they are to be done; empty when the machine is as desired.
    pub steps: Vec<S>,
    /// What was noticed on the way.
    pub findings: Vec<Finding>,
}

impl<S> Plan<S> {
    /// A plan from its parts; steps are dropped when a finding forbids to go on.
    pub fn new(steps: Vec<S>, findings: Vec<Finding>) -> Self {
        let refused = findings.iter().any(|finding| finding.severity() == Severity::Error);
        Self { steps: if refused { Vec::new() } else { steps }, findings }
    }

    /// Whether a finding forbids to go on.
    pub fn is_refused(&self) -> bool {
        self.findings.iter().any(|finding| finding.severity() == Severity::Error)
    }

    /// Whether the machine already is as desired and nothing is wrong.
    pub fn is_settled(&self) -> bool {
        self.steps.is_empty() && !self.is_refused()
    }
}
