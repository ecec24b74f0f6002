//! A catalogue entry together with the data of the moment.

use std::borrow::Cow;

use serde::ser::{Serialize, SerializeStruct, Serializer};

use crate::entry::{Entry, Exit, Severity};
use crate::packages::{self, Manager};

/// Something that is so on this machine, now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    entry: &'static Entry,
    subject: String,
    data: Vec<(&'static str, String)>,
    evidence: String,
}

impl Finding {
    /// Of a row that is chosen at run time, from a table or by a caller: its placeholders are given by
    /// [`Finding::with`]. Any other finding is made by the constructor of its row, which the compiler
    /// checks. `subject` is the pool, interface, image, file or unit that the finding is about.
    pub fn chosen(entry: &'static Entry, subject: impl Into<String>) -> Self {
        Self { entry, subject: subject.into(), data: Vec::new(), evidence: String::new() }
    }

    /// Gives the value of one `{name}` of the entry's templates.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: impl ToString) -> Self {
        self.data.push((name, value.to_string()));
        self
    }

    /// What was seen that shows it: a table line, an error text, a number.
    #[must_use]
    pub fn evidence(mut self, text: impl Into<String>) -> Self {
        self.evidence = text.into();
        self
    }

    /// The catalogue's row.
    pub fn entry(&self) -> &'static Entry {
        self.entry
    }

    /// `MVM-POOL-012`
    pub fn code(&self) -> &'static str {
        self.entry.code
    }

    /// That of the catalogue's row: the same code always has the same one.
    pub fn severity(&self) -> Severity {
        self.entry.severity
    }

    /// What it means for the exit code of a program that acts; `None` for all but errors.
    pub fn exit(&self) -> Option<Exit> {
        self.entry.exit
    }

    /// What the finding is about.
    pub fn subject(&self) -> &str {
        &self.subject
    }

    /// What was seen that shows it; may be empty.
    pub fn evidence_text(&self) -> &str {
        &self.evidence
    }

    /// The message with the data filled in, on one line.
    pub fn message(&self) -> String {
        self.fill(self.entry.message)
    }

    /// The cause with the data filled in.
    pub fn cause(&self) -> String {
        self.fill(self.entry.cause)
    }

    /// The remedy with the data filled in; may have several lines.
    pub fn remedy(&self) -> String {
        self.fill(self.entry.remedy)
    }

    fn fill(&self, template: &str) -> String {
        let mut out = String::with_capacity(template.len() + 32);
        let mut rest = template;
        while let Some((before, after)) = rest.split_once('{') {
            out.push_str(before);
            let Some((name, tail)) = after.split_once('}') else {
                out.push('{');
                rest = after;
                continue;
            };
            match self.value(name) {
                Some(value) => out.push_str(&value),
                None => {
                    debug_assert!(false, "{} was not given {{{name}}}", self.entry.code);
                    out.push_str(name);
                }
            }
            rest = tail;
        }
        out.push_str(rest);
        out
    }

    fn value(&self, name: &str) -> Option<Cow<'_, str>> {
        if name == "subject" {
            return Some(Cow::Borrowed(&self.subject));
        }
        let pair = self.data.iter().find(|(key, _)| *key == name);
        let install =
            || packages::value(Manager::of_machine(), name, &self.subject).map(Cow::Owned);
        pair.map(|(_, value)| Cow::Borrowed(value.as_str())).or_else(install)
    }
}

impl Exit {
    /// The worst among the findings; `None` when none is an error.
    pub fn worst(findings: &[Finding]) -> Option<Self> {
        findings.iter().filter_map(Finding::exit).max()
    }
}

impl Serialize for Finding {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut out = serializer.serialize_struct("Finding", 6)?;
        out.serialize_field("code", self.entry.code)?;
        out.serialize_field("severity", &self.entry.severity)?;
        out.serialize_field("subject", &self.subject)?;
        out.serialize_field("message", &self.message())?;
        out.serialize_field("evidence", &self.evidence)?;
        out.serialize_field("remedy", &self.remedy())?;
        out.end()
    }
}
