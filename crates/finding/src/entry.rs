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

/// What a finding of severity error means for the exit code of a program that acts, from best to worst.
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
    /// The module of the row, such as `mvm_catalogue::pool::receipt_other`.
    pub module: &'static str,
    /// An error stops flintlockd; [`Severity::priority`] is its rank in the journal.
    pub severity: Severity,
    /// What it means for an exit code: of an error `Broken` unless the row says more, of anything else
    /// nothing.
    pub exit: Option<Exit>,
    /// One line that says what is so.
    pub message: &'static str,
    /// Why this happens, for `mvmhost explain` and the journal catalog.
    pub cause: &'static str,
    /// What to type; empty only for informations.
    pub remedy: &'static str,
}

impl Entry {
    /// Whether the row's texts have exactly these placeholders, apart from `{subject}` and
    /// `{install_…}`, which no caller gives.
    pub const fn takes(&self, fields: &[&str]) -> bool {
        let texts = [self.message, self.cause, self.remedy];
        let mut used = 0_u64;
        let mut text = 0;
        while text < texts.len() {
            let bytes = texts[text].as_bytes();
            let mut at = 0;
            while at < bytes.len() {
                if bytes[at] == b'{' {
                    let mut end = at + 1;
                    while end < bytes.len() && bytes[end] != b'}' {
                        end += 1;
                    }
                    let name = bytes.split_at(at + 1).1.split_at(end - at - 1).0;
                    match position(fields, name) {
                        Some(field) => used |= 1 << field,
                        None if is_given_by_none(name) => {}
                        None => return false,
                    }
                    at = end;
                }
                at += 1;
            }
            text += 1;
        }
        used == (1 << fields.len()) - 1
    }

    /// The names of the placeholders of a template of this entry, `subject` among them.
    pub fn placeholders(template: &'static str) -> impl Iterator<Item = &'static str> {
        template.split('{').skip(1).filter_map(|rest| rest.split_once('}')).map(|(name, _)| name)
    }
}

const fn is_given_by_none(name: &[u8]) -> bool {
    starts_with(name, b"install_") || (name.len() == 7 && starts_with(name, b"subject"))
}

const fn position(fields: &[&str], name: &[u8]) -> Option<usize> {
    let mut at = 0;
    while at < fields.len() {
        let field = fields[at].as_bytes();
        if field.len() == name.len() && starts_with(name, field) {
            return Some(at);
        }
        at += 1;
    }
    None
}

const fn starts_with(text: &[u8], beginning: &[u8]) -> bool {
    if text.len() < beginning.len() {
        return false;
    }
    let mut at = 0;
    while at < beginning.len() {
        if text[at] != beginning[at] {
            return false;
        }
        at += 1;
    }
    true
}
