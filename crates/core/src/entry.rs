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

/// What a finding of severity error means for the exit code of the program that says it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Exit {
    /// 1: something is wrong.
    Broken,
    /// 69: something that is needed is not there.
    Unavailable,
    /// 73: refused, because going on could lose data.
    Refused,
}

/// Everything about one message except the data of the moment.
///
/// `message`, `cause` and `remedy` are templates: `{subject}` and the names given by [`crate::Finding::with`]
/// stand for the data. A remedy must work when typed as printed.
#[derive(Debug, PartialEq, Eq)]
pub struct Entry {
    /// `MVM-POOL-012`; never re-used for another meaning.
    pub code: &'static str,
    /// MESSAGE_ID: 32 lower-case hexadecimal digits, unique.
    pub id: &'static str,
    /// The row's name in the sources.
    pub name: &'static str,
    /// The module of the row, such as `crate::catalogue::pool`.
    pub module: &'static str,
    /// How bad it is.
    pub severity: Severity,
    /// What it means for an exit code, where it is an error; `Broken` unless the row says more.
    pub exit: Exit,
    /// One line that says what is so.
    pub message: &'static str,
    /// Why this happens, for `mvmhost explain` and the journal catalog.
    pub cause: &'static str,
    /// What to type; empty only for informations.
    pub remedy: &'static str,
}

impl Entry {
    /// The names of the placeholders of a template of this entry, `subject` among them.
    pub fn placeholders(template: &'static str) -> impl Iterator<Item = &'static str> {
        template.split('{').skip(1).filter_map(|rest| rest.split_once('}')).map(|(name, _)| name)
    }
}
