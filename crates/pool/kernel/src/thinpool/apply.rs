//! Does the steps of a plan; decides nothing.

use std::fmt::Display;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use mvm_core::catalogue::pool;
use mvm_core::{Finding, Plan, notify};
use mvm_pool_plan::thinpool::DevNum;

use super::{System, facts};
use crate::Error;

/// What was done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report<S> {
    /// The steps, in order.
    pub applied: Vec<S>,
    /// What was noticed while doing them.
    pub findings: Vec<Finding>,
}

impl<S> Default for Report<S> {
    fn default() -> Self {
        Self { applied: Vec::new(), findings: Vec::new() }
    }
}

/// How long between two looks at a node that udev is about to make.
const POLL_INTERVAL: Duration = Duration::from_millis(5);

/// A run of a backend that is under way.
pub(crate) trait Run {
    /// What it can do.
    type Step: Clone + Display;

    /// Does one step; what is noticed on the way goes into `findings`.
    fn step(&mut self, step: &Self::Step, findings: &mut Vec<Finding>) -> Result<(), Error>;

    /// Ends what goes on meanwhile.
    fn end(&mut self) -> Result<(), Error>;

    /// Takes down what this run activated.
    fn undo(&mut self) -> Result<(), Error>;
}

/// Does the steps in order. When one fails, the pool that this run activated is taken down again;
/// what is on disk stays as it is, and the next run goes on from there.
///
/// # Errors
/// The first step that failed; with [`Error::Undo`] around it when taking down failed too.
pub(crate) fn apply<R: Run>(mut run: R, plan: &Plan<R::Step>) -> Result<Report<R::Step>, Error> {
    let mut report = Report::default();
    for step in &plan.steps {
        log::debug!("{step}");
        notify::status(&step.to_string());
        if let Err(error) = run.step(step, &mut report.findings) {
            return Err(undo(run, error));
        }
        report.applied.push(step.clone());
    }
    match run.end() {
        Ok(()) => Ok(report),
        Err(error) => Err(undo(run, error)),
    }
}

fn undo(mut run: impl Run, error: Error) -> Error {
    match run.undo() {
        Ok(()) => error,
        Err(undo) => Error::Undo { undo: undo.chain(), source: Box::new(error) },
    }
}

/// That a receipt could not be brought up to date is told, and stops nothing.
pub(crate) fn stale_at_most(
    name: &str,
    written: Result<(), Error>,
    findings: &mut Vec<Finding>,
) -> Result<(), Error> {
    if let Err(error) = written {
        let stale = pool::receipt_stale(name).evidence(error.chain());
        findings.push(stale);
    }
    Ok(())
}

/// Waits until udev has made the pool's node.
pub(crate) fn await_node(system: &System<'_>, name: &str) -> Result<(), Error> {
    let look = system.mapper.look(name)?;
    let number = look.ok_or_else(|| Error::NotLive { name: name.to_owned() })?.number;
    let begun = Instant::now();
    while !facts::node(system, name, number) {
        if begun.elapsed() >= system.timeout {
            return Err(no_node(system, name, number));
        }
        thread::sleep(POLL_INTERVAL);
    }
    Ok(())
}

fn no_node(system: &System<'_>, name: &str, number: DevNum) -> Error {
    let path = system.roots.at(Path::new("/dev/mapper").join(name));
    Error::Node { path, number: number.to_string() }
}
