//! What a domain decides: the steps that lead from what the machine shows to what the file asks for.

use serde::Serialize;

use crate::{Finding, Severity};

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
