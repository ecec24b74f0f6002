//! flintlockd and its VMM can be executed here.

use mvm_config::Config;
use mvm_core::{Finding, catalogue};
use serde::Deserialize;

use super::Facts;

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

pub(super) fn check(_config: &Config, facts: &Facts) -> Vec<Finding> {
    let mut findings = Vec::new();
    for program in [&facts.flintlockd, &facts.vmm] {
        let (Some(path), Some(flaw)) = (&program.path, &program.flaw) else {
            continue;
        };
        let name = path.rsplit('/').next().unwrap_or(path);
        findings.push(match flaw {
            Flaw::NotExecutable => Finding::new(&catalogue::vmm::NOT_EXECUTABLE, path),
            Flaw::NoExec => Finding::new(&catalogue::vmm::NOEXEC_MOUNT, path),
            Flaw::WrongMachine(what) => Finding::new(&catalogue::vmm::WRONG_MACHINE, path)
                .with("what", what)
                .with("name", name)
                .evidence(what),
            Flaw::Silent(why) => {
                let flintlockd = path == facts.flintlockd.path.as_deref().unwrap_or_default();
                let question = if flintlockd { "version" } else { "--version" };
                let silent = Finding::new(&catalogue::vmm::SILENT, path).with("why", why);
                silent.with("question", question).evidence(why)
            }
        });
    }
    findings
}
