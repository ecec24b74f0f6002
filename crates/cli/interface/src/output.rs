//! Exit codes, and what goes to standard output.

use std::io::{IsTerminal, Write};
use std::process::ExitCode;

use mvm_core::json::Document;
use mvm_core::terminal::Color;
use mvm_core::{Exit as Class, Finding, Severity, exit, sink};

use crate::cli::When;

/// The exit codes of mvmhost(8).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// 0: done, or nothing to do.
    Done,
    /// 1: findings of severity error.
    Findings,
    /// 2: changes pending (plan).
    Pending,
    /// 64: the command line is wrong.
    Usage,
    /// 69: a service that is needed does not answer.
    Unavailable,
    /// 73: refused in order not to lose data.
    Refused,
    /// 77: not root.
    NotRoot,
    /// 78: configuration invalid.
    Config,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(match exit {
            Exit::Done => exit::DONE,
            Exit::Findings => exit::FINDINGS,
            Exit::Pending => exit::CHANGES_PENDING,
            Exit::Usage => exit::USAGE,
            Exit::Unavailable => exit::UNAVAILABLE,
            Exit::Refused => exit::DATA_AT_RISK,
            Exit::NotRoot => exit::NOT_ROOT,
            Exit::Config => exit::CONFIGURATION,
        })
    }
}

/// Whether findings are colored: as asked, else on a terminal whose user did not ask for none.
pub fn color(when: When) -> Color {
    if is_colored(when, std::io::stderr().is_terminal()) { Color::Always } else { Color::Never }
}

/// The same for any place to which text goes.
pub fn is_colored(when: When, is_terminal: bool) -> bool {
    match when {
        When::Always => true,
        When::Never => false,
        When::Auto => is_terminal && std::env::var_os("NO_COLOR").is_none(),
    }
}

/// Standard output; a reader that has gone away is no failure.
pub fn print(text: &str) {
    let _ = std::io::stdout().lock().write_all(text.as_bytes());
}

/// Standard error; a reader that has gone away is no failure.
pub fn complain(text: &str) {
    let _ = std::io::stderr().lock().write_all(text.as_bytes());
}

/// Findings, as text on standard error or as the document on standard output.
pub fn findings(json: bool, findings: &[Finding]) {
    if json {
        print(&Document::new(findings).text());
    } else {
        findings.iter().for_each(sink::report);
    }
}

/// [`findings`], and in the journal: whoever reads it later sees what the operator saw.
pub fn report(json: bool, all: &[Finding], exit: Exit) -> Exit {
    all.iter().for_each(sink::record);
    findings(json, all);
    exit
}

/// The exit code of a command that looks: whether something is wrong.
pub fn exit_for(findings: &[Finding]) -> Exit {
    match findings.iter().any(|finding| finding.severity() == Severity::Error) {
        true => Exit::Findings,
        false => Exit::Done,
    }
}

/// The exit code of a command that acts, or could not begin: by the worst class among its findings.
pub fn exit_by_class(findings: &[Finding]) -> Exit {
    match Class::worst(findings) {
        None => Exit::Done,
        Some(Class::Broken) => Exit::Findings,
        Some(Class::Unavailable) => Exit::Unavailable,
        Some(Class::Refused) => Exit::Refused,
    }
}
