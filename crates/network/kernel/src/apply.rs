//! Reconciles the network: observe, plan, apply, observe again.

use mvm_core::catalogue::{net, uplink};
use mvm_core::{Finding, chain};
use mvm_network_plan::network::{Desired, Observed, Step, is_refused_for_overlaps, plan, undo};
use nix::errno::Errno;

use crate::error::Error;
use crate::kernel::Network;
use crate::ownership;

/// What was done and what there is to say.
#[derive(Debug, Default)]
pub struct Outcome {
    /// [`End::Settled`], or what is in the way.
    pub end: End,
    /// The steps that were done, in order; empty when the machine was as desired.
    pub applied: Vec<Step>,
    /// Warnings, refusals and failures, in order.
    pub findings: Vec<Finding>,
    /// What the last look showed, unless something was changed or waited for after it.
    pub observed: Option<Observed>,
}

/// How an attempt to bring the network up ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum End {
    /// The machine is as desired.
    #[default]
    Settled,
    /// Subnets overlap by now, and nothing else is in the way.
    Overlaps,
    /// The uplink could not be moved; what was done for it is undone.
    NotMoved,
    /// Anything else is in the way.
    Stopped,
}

/// Takes the steps back before the first step forth.
pub(crate) type Keep<'a> = &'a mut dyn FnMut(&[Step]) -> Result<(), Finding>;

/// Makes the network match `desired`, which has no uplink that may be touched. Everything that went
/// wrong is a finding of severity error; steps that were done before it stay done.
pub fn bring_up(network: &mut impl Network, desired: &Desired) -> Outcome {
    reversibly(network, desired, &mut |_| Ok(()))
}

/// Takes away what was made and nobody else uses. That it is gone is not said: it is not what the
/// configuration asks for.
pub fn take_down(network: &mut impl Network) -> Outcome {
    reconcile(network, &Desired::default(), &mut |_| Ok(()))
}

/// As [`bring_up`]; when an uplink is to become a port, `keep` has the steps back before anything is
/// done, and after a step that failed all steps are undone.
pub(crate) fn reversibly(network: &mut impl Network, desired: &Desired, keep: Keep<'_>) -> Outcome {
    let mut outcome = reconcile(network, desired, keep);
    if outcome.end == End::Settled {
        outcome.findings.extend(by_interface(net::changed, &outcome.applied));
    }
    outcome
}

fn reconcile(network: &mut impl Network, desired: &Desired, keep: Keep<'_>) -> Outcome {
    let mut outcome = Outcome { end: End::Stopped, ..Outcome::default() };
    let before = match network.observe() {
        Ok(observed) => observed,
        Err(error) => {
            outcome.findings.push(unread(&error));
            return outcome;
        }
    };
    let first = plan(desired, &before);
    let refused = first.is_refused();
    outcome.findings.extend(first.findings);
    if enslaved(&first.steps).is_some()
        && let Err(finding) = keep(&undo(&first.steps, &before))
    {
        outcome.findings.push(finding);
        return outcome;
    }
    outcome.findings.extend(ownership::before(network, &before.own_steps, &first.steps));
    let failures = perform(network, &first.steps, &before, &mut outcome.applied);
    outcome.findings.extend(ownership::after(
        network,
        &before.own_steps,
        &first.steps,
        &outcome.applied,
    ));
    if !failures.is_empty() {
        outcome.findings.extend(failures);
        if enslaved(&first.steps).is_some() {
            outcome.end = End::NotMoved;
        }
    } else if outcome.applied.is_empty() {
        outcome.end = if refused { refusal(desired, &before) } else { End::Settled };
        outcome.observed = Some(before);
    } else {
        match network.observe() {
            Ok(observed) => {
                let (end, findings) = verify(desired, &observed);
                outcome.end = end;
                outcome.findings.extend(findings);
                outcome.observed = Some(observed);
            }
            Err(error) => outcome.findings.push(unread(&error)),
        }
    }
    outcome
}

/// How a plan that is refused ends.
fn refusal(desired: &Desired, observed: &Observed) -> End {
    match is_refused_for_overlaps(desired, observed) {
        true => End::Overlaps,
        false => End::Stopped,
    }
}

/// Does the steps up to the first that fails; with an uplink among them all of them or none.
fn perform(
    network: &mut impl Network,
    steps: &[Step],
    before: &Observed,
    applied: &mut Vec<Step>,
) -> Vec<Finding> {
    for (count, step) in steps.iter().enumerate() {
        let Err(error) = network.apply(step) else {
            applied.push(step.clone());
            continue;
        };
        let Some(uplink) = enslaved(steps) else {
            return vec![refused(step, &error)];
        };
        applied.clear();
        return not_moved(network, uplink, &steps[..=count], before, &error);
    }
    Vec::new()
}

/// The interface that these steps make a port.
pub(crate) fn enslaved(steps: &[Step]) -> Option<&str> {
    steps.iter().find(|step| matches!(step, Step::Enslave { .. })).map(Step::interface)
}

/// Undoes `tried`, the last of which failed and may be half done.
fn not_moved(
    network: &mut impl Network,
    name: &str,
    attempted: &[Step],
    before: &Observed,
    error: &Error,
) -> Vec<Finding> {
    let finding = uplink::not_moved(name, error);
    let failures = play(network, &undo(attempted, before));
    [vec![finding.evidence(chain(error))], failures].concat()
}

/// Does all steps, also after one that failed: a way back leads as far as it can.
pub(crate) fn play(network: &mut impl Network, steps: &[Step]) -> Vec<Finding> {
    let failure = |step| network.apply(step).err().map(|error| refused(step, &error));
    steps.iter().filter_map(failure).collect()
}

/// What the machine shows after the steps were done.
fn verify(desired: &Desired, observed: &Observed) -> (End, Vec<Finding>) {
    let second = plan(desired, observed);
    if let Some(refused) = second.findings.into_iter().find(is_error) {
        return (refusal(desired, observed), vec![refused]);
    }
    match second.steps.is_empty() {
        true => (End::Settled, Vec::new()),
        false => (End::Stopped, by_interface(net::not_converged, &second.steps)),
    }
}

/// One finding for each interface, with its steps, in their order.
fn by_interface<'a>(new: fn(&'a str) -> Finding, steps: &'a [Step]) -> Vec<Finding> {
    let mut names: Vec<&str> = Vec::new();
    for step in steps {
        if !names.contains(&step.interface()) {
            names.push(step.interface());
        }
    }
    let descriptions = |name: &str| {
        let own = steps.iter().filter(|step| step.interface() == name);
        own.map(ToString::to_string).collect::<Vec<_>>().join("; ")
    };
    names.iter().map(|name| new(name).evidence(descriptions(name))).collect()
}

fn is_error(finding: &Finding) -> bool {
    finding.severity() == mvm_core::Severity::Error
}

/// What is said when the kernel does not tell.
pub fn unread(error: &Error) -> Finding {
    net::observe_failed("rtnetlink").evidence(chain(error))
}

const EACCES: i32 = Errno::EACCES as i32;
const EAFNOSUPPORT: i32 = Errno::EAFNOSUPPORT as i32;
const EOPNOTSUPP: i32 = Errno::EOPNOTSUPP as i32;

fn refused(step: &Step, error: &Error) -> Finding {
    let interface = step.interface();
    let no_driver = |module: &str| net::no_driver(interface, module);
    let finding = match (step, error.errno()) {
        (Step::CreateBridge { .. }, Some(EOPNOTSUPP)) => no_driver("bridge"),
        (Step::CreateVlan { .. }, Some(EOPNOTSUPP)) => no_driver("8021q"),
        (Step::AddAddress { address, .. }, Some(EACCES | EAFNOSUPPORT | EOPNOTSUPP))
            if address.addr().is_ipv6() =>
        {
            // sysctl(8) reads a dot in a name as a slash, unless it is written as one.
            net::ipv6_disabled(interface, address, interface.replace('.', "/"))
        }
        _ => net::step_failed(interface, step),
    };
    finding.evidence(chain(error))
}

#[cfg(test)]
mod tests;
