//! What every subcommand starts from.

use std::path::PathBuf;

use mvm_config::{Loaded, Problem};
use mvm_core::json::Document;
use mvm_core::terminal::Color;
use mvm_core::{Finding, Roots, catalogue, chain};
use mvm_units_systemd::systemd::Manager;

use crate::cli::{Cli, When};
use crate::invalid::Invalid;
use crate::output::{self, Exit};

/// The arguments, once they mean something.
#[derive(Debug, Clone)]
pub struct Context {
    /// `--root`: every file of the host is below it; default `/`.
    pub roots: Roots,
    /// `--config`; `None` stands for /etc/mvmhost.toml and its fragments.
    pub config: Option<PathBuf>,
    /// One document instead of text.
    pub json: bool,
    /// Nothing is shown of what is being done.
    pub no_progress: bool,
    /// Whether escape sequences may be used on standard error.
    pub color: Color,
    /// When colors are to be used.
    pub when: When,
}

impl Context {
    /// From the command line.
    pub fn new(cli: &Cli) -> Self {
        Self {
            roots: Roots::new(&cli.root),
            config: cli.config.clone(),
            json: cli.json,
            no_progress: cli.no_progress,
            color: output::color(cli.color),
            when: cli.color,
        }
    }

    /// The configuration, or everything that is wrong with it.
    pub fn load(&self) -> Result<Loaded, Invalid> {
        mvm_config::load::load(&self.roots, self.config.as_deref())
            .map_err(|problems| Invalid::new(&self.roots, self.config.as_deref(), problems))
    }

    /// Says what is wrong with the configuration.
    pub fn refuse(&self, invalid: &Invalid) -> Exit {
        if self.json {
            let findings = [invalid.finding()];
            output::print(&Document::new(&findings).with("problems", invalid.json()).text());
        } else {
            output::complain(&invalid.text(self.color));
        }
        Exit::Config
    }
}

impl Context {
    /// The configuration and a connection to systemd; what is missing has been said.
    pub fn start(&self) -> Result<(Loaded, Manager), Exit> {
        let loaded = self.load().map_err(|invalid| self.refuse(&invalid))?;
        let manager = Manager::connect().map_err(|error| {
            output::findings(self.json, &[no_systemd(&error)]);
            Exit::Unavailable
        })?;
        Ok((loaded, manager))
    }
}

/// systemd could not be reached.
pub fn no_systemd(error: &mvm_units_systemd::Error) -> Finding {
    catalogue::units::not_systemd("systemd", chain(error))
}

/// A problem of a configuration that mvmhost itself is about to write.
pub fn invalid(problem: &Problem) -> Finding {
    catalogue::conf::invalid(&problem.file, problem)
}
