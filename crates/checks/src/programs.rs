//! flintlockd and its VMM can be executed here.

use mvm_config::Config;
use mvm_core::{Finding, catalogue};
use serde::Deserialize;

use super::Observed;

/// Why a program that is there does not run.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Flaw {
    /// No execute permission.
    NotExecutable,
    /// For another machine, or no program: what it is.
    WrongMachine(String),
    /// On a file system that is mounted noexec.
    NoExec,
    /// It did not tell its version: why.
    Silent(String),
}

pub(super) fn check(_config: &Config, observed: &Observed) -> Vec<Finding> {
    let mut findings = Vec::new();
    for program in [&observed.flintlockd, &observed.vmm] {
        let (Some(path), Some(flaw)) = (&program.path, &program.flaw) else {
            continue;
        };
        let name = path.rsplit('/').next().unwrap_or(path);
        findings.push(match flaw {
            Flaw::NotExecutable => catalogue::vmm::not_executable(path),
            Flaw::NoExec => catalogue::vmm::noexec_mount(path),
            Flaw::WrongMachine(what) => {
                catalogue::vmm::wrong_machine(path, what, name).evidence(what)
            }
            Flaw::Silent(why) => {
                let flintlockd = path == observed.flintlockd.path.as_deref().unwrap_or_default();
                let question = if flintlockd { "version" } else { "--version" };
                let silent = catalogue::vmm::silent(path, why, question);
                silent.evidence(why)
            }
        });
    }
    findings
}
