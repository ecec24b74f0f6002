//! The exit codes of every program, in one place (see mvmhost(8)).

use crate::{Exit, Finding};

/// Done, or nothing to do.
pub const DONE: u8 = 0;
/// There are findings of severity error.
pub const FINDINGS: u8 = 1;
/// Changes are pending (`mvmhost plan`).
pub const CHANGES_PENDING: u8 = 2;
/// The command line is wrong (EX_USAGE).
pub const USAGE: u8 = 64;
/// A service that is needed does not answer (EX_UNAVAILABLE).
pub const UNAVAILABLE: u8 = 69;
/// Refused in order not to lose data (EX_CANTCREAT).
pub const DATA_AT_RISK: u8 = 73;
/// Not root (EX_NOPERM).
pub const NOT_ROOT: u8 = 77;
/// The configuration is invalid (EX_CONFIG).
pub const CONFIGURATION: u8 = 78;

/// Of a program that acts: by the worst class among its findings.
pub fn by_class(findings: &[Finding]) -> u8 {
    match Exit::worst(findings) {
        None => DONE,
        Some(Exit::Broken) => FINDINGS,
        Some(Exit::Unavailable) => UNAVAILABLE,
        Some(Exit::Refused) => DATA_AT_RISK,
    }
}
