//! What an error finding about the pool means for the caller's exit code.

use mvm_core::{Entry, Exit, Finding, Severity};

/// How a run ended, from best to worst for the data.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Class {
    /// No finding of severity error.
    Fine,
    /// Something is wrong with the pool.
    Broken,
    /// Something that the pool needs is not there.
    Unavailable,
    /// Going on could lose data.
    Refused,
}

impl Class {
    /// The exit code of design/cli.md.
    pub fn exit_code(self) -> u8 {
        match self {
            Self::Fine => 0,
            Self::Broken => 1,
            Self::Unavailable => 69,
            Self::Refused => 73,
        }
    }
}

/// The worst class among the findings.
pub fn class(findings: &[Finding]) -> Class {
    findings
        .iter()
        .filter(|finding| finding.severity() == Severity::Error)
        .map(|finding| of(finding.entry()))
        .max()
        .unwrap_or(Class::Fine)
}

fn of(entry: &'static Entry) -> Class {
    match entry.exit {
        Exit::Broken => Class::Broken,
        Exit::Unavailable => Class::Unavailable,
        Exit::Refused => Class::Refused,
    }
}
