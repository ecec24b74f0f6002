//! A systemd that only remembers.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use super::{Job, JobResult, Mode, UnitState, Units};
use crate::Error;

/// Remembers what was asked for, and answers with what the test prepared: every job is done, and
/// every unit is not found, unless it was said otherwise.
#[derive(Debug, Default)]
pub struct Recording {
    calls: Vec<String>,
    results: VecDeque<JobResult>,
    states: HashMap<String, UnitState>,
}

impl Recording {
    /// Jobs end with these results, in this order; later ones are done.
    pub fn results(&mut self, results: impl IntoIterator<Item = JobResult>) {
        self.results.extend(results);
    }

    /// The unit shows this state from now on.
    pub fn set(&mut self, unit: &str, state: UnitState) {
        self.states.insert(unit.to_owned(), state);
    }

    /// What was asked for, in order: `daemon-reload`, `start mvm-net.service`,
    /// `reset-failed mvm-net.service`. Reading is not recorded.
    pub fn calls(&self) -> &[String] {
        &self.calls
    }
}

impl Units for Recording {
    fn reload(&mut self) -> Result<(), Error> {
        self.calls.push("daemon-reload".to_owned());
        Ok(())
    }

    fn run(&mut self, job: Job, unit: &str, _: Mode, _: Duration) -> Result<JobResult, Error> {
        self.calls.push(format!("{job} {unit}"));
        Ok(self.results.pop_front().unwrap_or(JobResult::Done))
    }

    fn reset_failed(&mut self, unit: &str) -> Result<(), Error> {
        self.calls.push(format!("reset-failed {unit}"));
        Ok(())
    }

    fn state(&mut self, unit: &str) -> Result<UnitState, Error> {
        let absent = || UnitState { load_state: "not-found".to_owned(), ..UnitState::default() };
        Ok(self.states.get(unit).cloned().unwrap_or_else(absent))
    }
}
