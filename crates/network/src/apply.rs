//! The road of the network: observe, plan, apply, observe again.

use mvm_diagnostics::Finding;
use mvm_diagnostics::catalogue::net;
use mvm_host::chain;
use mvm_plan::network::{Desired, Step, plan};

use crate::error::Error;
use crate::kernel::Network;

/// What was done and what there is to say.
#[derive(Debug, Default)]
pub struct Outcome {
    /// The steps that were done, in order; empty when the machine was as desired.
    pub done: Vec<Step>,
    /// Warnings, refusals and failures, in order.
    pub findings: Vec<Finding>,
}

/// Makes the network match `desired`. Everything that went wrong is a finding of severity error;
/// steps that were done before it stay done.
pub fn bring_up(network: &mut impl Network, desired: Option<&Desired>) -> Outcome {
    let mut outcome = Outcome::default();
    let Some(desired) = desired else {
        return outcome;
    };
    let first = match network.observe() {
        Ok(observed) => plan(Some(desired), &observed),
        Err(error) => {
            outcome.findings.push(unread(desired, &error));
            return outcome;
        }
    };
    outcome.findings.extend(first.findings);
    for step in first.steps {
        if let Err(error) = network.apply(&step) {
            outcome.findings.push(refused(desired, &step, &error));
            return outcome;
        }
        outcome.done.push(step);
    }
    if !outcome.done.is_empty() {
        outcome.findings.extend(verify(network, desired, &outcome.done));
    }
    outcome
}

/// What the machine shows after the steps were done.
fn verify(network: &mut impl Network, desired: &Desired, done: &[Step]) -> Option<Finding> {
    let second = match network.observe() {
        Ok(observed) => plan(Some(desired), &observed),
        Err(error) => return Some(unread(desired, &error)),
    };
    if let Some(refusal) = second.findings.into_iter().find(is_error) {
        return Some(refusal);
    }
    if !second.steps.is_empty() {
        return Some(
            Finding::new(&net::NOT_CONVERGED, &desired.name).evidence(words(&second.steps)),
        );
    }
    Some(Finding::new(&net::BRIDGE_CHANGED, &desired.name).evidence(words(done)))
}

fn is_error(finding: &Finding) -> bool {
    finding.severity() == mvm_diagnostics::Severity::Error
}

fn words(steps: &[Step]) -> String {
    steps.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}

fn unread(desired: &Desired, error: &Error) -> Finding {
    Finding::new(&net::OBSERVE_FAILED, &desired.name).evidence(chain(error))
}

const EACCES: i32 = 13;
const EAFNOSUPPORT: i32 = 97;
const EOPNOTSUPP: i32 = 95;

fn refused(desired: &Desired, step: &Step, error: &Error) -> Finding {
    let finding = match (step, error.errno()) {
        (Step::CreateBridge { .. }, Some(EOPNOTSUPP)) => {
            Finding::new(&net::NO_BRIDGE_DRIVER, &desired.name)
        }
        (Step::AddAddress { address, .. }, Some(EACCES | EAFNOSUPPORT | EOPNOTSUPP))
            if address.addr().is_ipv6() =>
        {
            Finding::new(&net::IPV6_DISABLED, &desired.name)
                .with("address", address)
                // sysctl(8) reads a dot in a name as a slash, unless it is written as one.
                .with("sysctl", desired.name.replace('.', "/"))
        }
        _ => Finding::new(&net::STEP_FAILED, &desired.name).with("step", step),
    };
    finding.evidence(chain(error))
}

#[cfg(test)]
mod tests;
