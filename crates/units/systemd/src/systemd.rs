//! systemd, over D-Bus.

mod client;
mod recording;
mod state;

use std::fmt;
use std::time::Duration;

pub use client::Manager;
pub use recording::Recording;
pub use state::UnitState;

use crate::Error;

/// What is asked of systemd; implemented by [`Manager`] and, for tests, by [`Recording`].
pub trait Units {
    /// Reads all unit files again and runs the generators.
    ///
    /// # Errors
    /// When systemd refuses, or a generator takes longer than the client waits.
    fn reload(&mut self) -> Result<(), Error>;

    /// Queues a job for `unit` and waits for its end, at most `wait`; the job goes on after that.
    ///
    /// # Errors
    /// When systemd refuses the job, e.g. because there is no such unit
    /// ([`Error::is_no_such_unit`]), or has no result in time. A job that fails is a result.
    fn run(&mut self, job: Job, unit: &str, mode: Mode, wait: Duration)
    -> Result<JobResult, Error>;

    /// Forgets that the unit failed, and how often it was started; no error when it is not loaded.
    ///
    /// # Errors
    /// When systemd refuses.
    fn reset_failed(&mut self, unit: &str) -> Result<(), Error>;

    /// Reads the unit's properties. A unit that does not exist is a state: `load_state` is then
    /// `not-found`.
    ///
    /// # Errors
    /// When systemd refuses, e.g. because `unit` is no name of a unit.
    fn state(&mut self, unit: &str) -> Result<UnitState, Error>;
}

/// What systemd is asked to do with a unit; shown as systemctl(1) has it: `try-restart`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Job {
    /// Starts the unit unless it is active.
    Start,
    /// Stops it.
    Stop,
    /// Stops it when it is active, then starts it.
    Restart,
    /// Restarts it when it is active, and does nothing otherwise.
    TryRestart,
    /// Lets it read its configuration again without stopping it; restarts it when it cannot.
    ReloadOrRestart,
}

impl Job {
    /// The method of org.freedesktop.systemd1.Manager.
    fn method(self) -> &'static str {
        match self {
            Self::Start => "StartUnit",
            Self::Stop => "StopUnit",
            Self::Restart => "RestartUnit",
            Self::TryRestart => "TryRestartUnit",
            Self::ReloadOrRestart => "ReloadOrRestartUnit",
        }
    }
}

impl fmt::Display for Job {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Start => "start",
            Self::Stop => "stop",
            Self::Restart => "restart",
            Self::TryRestart => "try-restart",
            Self::ReloadOrRestart => "reload-or-restart",
        })
    }
}

/// What happens to jobs that are queued already; systemctl(1) `--job-mode`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Mode {
    /// A conflicting job is replaced.
    #[default]
    Replace,
    /// A conflicting job lets this one fail.
    Fail,
    /// As `Replace`, and the unit's requirements get no jobs.
    IgnoreRequirements,
}

impl Mode {
    fn word(self) -> &'static str {
        match self {
            Self::Replace => "replace",
            Self::Fail => "fail",
            Self::IgnoreRequirements => "ignore-requirements",
        }
    }
}

/// How a job ended, by the result in systemd's signal JobRemoved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum JobResult {
    /// It did what it was to do.
    Done,
    /// Another job replaced it.
    Canceled,
    /// It took longer than JobTimeoutSec=.
    Timeout,
    /// It failed; [`UnitState::result`] has the reason where the unit is a service.
    Failed,
    /// A job that it depends on failed.
    Dependency,
    /// It did not apply to the unit's state.
    Skipped,
    /// Another word, e.g. `invalid`, `assert`, `collected`, `once`.
    Other(String),
}

impl JobResult {
    fn from_word(word: &str) -> Self {
        match word {
            "done" => Self::Done,
            "canceled" => Self::Canceled,
            "timeout" => Self::Timeout,
            "failed" => Self::Failed,
            "dependency" => Self::Dependency,
            "skipped" => Self::Skipped,
            other => Self::Other(other.to_owned()),
        }
    }
}

impl fmt::Display for JobResult {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Done => "done",
            Self::Canceled => "canceled",
            Self::Timeout => "timeout",
            Self::Failed => "failed",
            Self::Dependency => "dependency",
            Self::Skipped => "skipped",
            Self::Other(word) => word,
        })
    }
}

impl Error {
    /// Whether systemd has no such unit (loaded, where the request does not load it).
    pub fn is_no_such_unit(&self) -> bool {
        match self {
            Self::Bus { source, .. } => match source.as_ref() {
                zbus::Error::MethodError(name, ..) => {
                    name.as_str() == "org.freedesktop.systemd1.NoSuchUnit"
                }
                _ => false,
            },
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests;
