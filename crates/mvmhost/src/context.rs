//! What every subcommand starts from.

use std::path::PathBuf;

use mvm_config::{Loaded, Problem, Roots};
use mvm_diagnostics::{Finding, catalogue};
use mvm_host::chain;
use mvm_host::systemd::Manager;

use crate::cli::Cli;
use crate::output::{self, Exit};

/// The arguments, once they mean something.
#[derive(Debug)]
pub(crate) struct Context {
    /// Where the files are.
    pub(crate) roots: Roots,
    /// The file that was named.
    pub(crate) config: Option<PathBuf>,
    /// One document instead of text.
    pub(crate) json: bool,
    /// Nothing is shown of what is being done.
    pub(crate) no_progress: bool,
}

impl Context {
    /// From the command line.
    pub(crate) fn new(cli: &Cli) -> Self {
        Self {
            roots: Roots::new(&cli.root),
            config: cli.config.clone(),
            json: cli.json,
            no_progress: cli.no_progress,
        }
    }

    /// The configuration, or a finding for everything that is wrong with it.
    pub(crate) fn load(&self) -> Result<Loaded, Vec<Finding>> {
        mvm_config::load::load(&self.roots, self.config.as_deref())
            .map_err(|problems| problems.iter().map(invalid).collect())
    }
}

impl Context {
    /// The configuration and a connection to systemd; what is missing has been said.
    pub(crate) fn start(&self) -> Result<(Loaded, Manager), Exit> {
        let loaded = self.load().map_err(|findings| {
            output::findings(self.json, &findings);
            Exit::Config
        })?;
        let manager = Manager::connect().map_err(|error| {
            output::findings(self.json, &[no_systemd(&error)]);
            Exit::Unavailable
        })?;
        Ok((loaded, manager))
    }
}

/// systemd could not be reached.
pub(crate) fn no_systemd(error: &mvm_host::Error) -> Finding {
    Finding::new(&catalogue::units::NOT_SYSTEMD, "systemd").with("why", chain(error))
}

/// A problem of the configuration as a finding.
pub(crate) fn invalid(problem: &Problem) -> Finding {
    Finding::new(&catalogue::conf::INVALID, &problem.file).with("problem", problem)
}
