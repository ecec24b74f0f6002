//! The brake: a file that keeps mvm-validate from letting flintlockd start, and flintlockd stopped.
//!
//! flintlockd's unit has KillSignal=SIGINT and KillMode=process: it ends its work and goes, and the
//! microVMs in its cgroup stay. The file comes first and goes first, so that whatever interrupts
//! this leaves no flintlockd running behind a brake for longer than until the next look.

use std::path::PathBuf;
use std::time::Duration;

use mvm_core::catalogue::{flk, guard};
use mvm_core::{Finding, Roots, atomic, brake, chain, names};
use mvm_units_systemd::Error;
use mvm_units_systemd::systemd::{Job, JobResult, Mode, Units};

/// How long flintlockd may take to end its open requests before this goes on; the job goes on too.
const STOPS: Duration = Duration::from_secs(20);

/// A connection to systemd, made when it is needed.
pub(crate) type Connect<'a, U> = &'a mut dyn FnMut() -> Result<U, Error>;

/// The file /run/mvmhost/brake, and the unit of flintlockd, which is stopped when it is written.
#[derive(Debug)]
pub(crate) struct Brake {
    file: PathBuf,
    unit: String,
}

impl Brake {
    pub(crate) fn new(roots: &Roots, unit: &str) -> Self {
        Self { file: roots.at(names::BRAKE), unit: unit.to_owned() }
    }

    /// Why it is set; `None` while it is not.
    pub(crate) fn reason(&self) -> Option<String> {
        brake::reason(&self.file)
    }

    /// Sets it and stops flintlockd; no harm when it is set or flintlockd is stopped already.
    pub(crate) fn set<U: Units>(&self, why: &str, connect: Connect<'_, U>) -> Option<Finding> {
        let written = atomic::write_if_changed(&self.file, format!("{why}\n").as_bytes(), 0o644);
        let stopped = written.map_err(Error::from).and_then(|_| self.stop(connect));
        stopped.unwrap_or_else(|error| Some(self.failed("stopped", &chain(&error))))
    }

    fn stop<U: Units>(&self, connect: Connect<'_, U>) -> Result<Option<Finding>, Error> {
        let mut units = connect()?;
        let state = units.state(&self.unit)?;
        if state.ends_all() {
            // A full pool costs running microVMs some writes; this stop would cost them their life.
            return Ok(Some(flk::unprotected(&self.unit)));
        }
        // Also between two attempts of Restart=, which would go on for as long as the brake holds.
        if matches!(state.active_state.as_str(), "active" | "activating" | "reloading") {
            allow_unfinished(units.run(Job::Stop, &self.unit, Mode::Replace, STOPS))?;
        }
        Ok(None)
    }

    /// Takes it off and starts flintlockd. Where systemd does not take the order the brake comes back, so
    /// that the next look tries again.
    pub(crate) fn release<U: Units>(&self, connect: Connect<'_, U>) -> Option<Finding> {
        let reason = self.reason();
        if let Err(error) = brake::remove(&self.file) {
            return Some(self.failed("started", &error.to_string()));
        }
        let started = connect().and_then(|mut units| {
            allow_unfinished(units.run(Job::Start, &self.unit, Mode::Replace, STOPS))
        });
        match started {
            Ok(JobResult::Done | JobResult::Skipped | JobResult::Canceled) => None,
            Ok(result) => Some(self.failed("started", &format!("the job ended as {result}"))),
            Err(error) => {
                let again = reason.map_or(Ok(()), |why| {
                    atomic::write(&self.file, format!("{why}\n").as_bytes(), 0o644)
                });
                let why = again.map_or_else(|failed| chain(&failed), |()| chain(&error));
                Some(self.failed("started", &why))
            }
        }
    }

    fn failed(&self, action: &str, why: &str) -> Finding {
        guard::brake_failed(&self.unit, action, why)
    }
}

/// A job that takes long goes on by itself; the next look sees what came of it.
fn allow_unfinished(result: Result<JobResult, Error>) -> Result<JobResult, Error> {
    match result {
        Err(Error::JobUnfinished { .. }) => Ok(JobResult::Done),
        result => result,
    }
}
