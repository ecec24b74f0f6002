//! One row of the catalogue.

use serde::Serialize;

/// How bad a finding is: an error stops flintlockd, a warning and an information do not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Something works, or was done.
    Info,
    /// Works now and will not always.
    Warning,
    /// Does not work.
    Error,
}

impl Severity {
    /// The syslog priority (0 emerg .. 7 debug) under which the journal shows it.
    pub const fn priority(self) -> u8 {
        match self {
            Self::Info => 6,
            Self::Warning => 4,
            Self::Error => 3,
        }
    }
}

/// Everything about one message except the data of the moment.
///
/// `message` and `remedy` are templates: `{subject}` and the names given by [`crate::Finding::with`]
/// stand for the data. A remedy must work when typed as printed.
#[derive(Debug, PartialEq, Eq)]
pub struct Entry {
    /// `MVM-POOL-012`; never re-used for another meaning.
    pub code: &'static str,
    /// MESSAGE_ID: 32 lower-case hexadecimal digits, unique.
    pub id: &'static str,
    /// How bad it is.
    pub severity: Severity,
    /// One line that says what is so.
    pub message: &'static str,
    /// Why this happens, for `mvmhost explain` and the journal catalog.
    pub cause: &'static str,
    /// What to type; empty only for informations.
    pub remedy: &'static str,
}
