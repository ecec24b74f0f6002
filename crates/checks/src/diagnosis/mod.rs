//! What journals and microVMs' files show: known failures, merged per cause.
//!
//! Belongs here: the table of patterns, reading a journal's record, judging the files of a microVM.
//! Does not belong here: executing journalctl and opening files, which is `mvm-cli-host`.
//!
//! Every text is somebody else's: it is bounded, never trusted in a remedy, and read once, so that
//! the time is linear in the lines.

mod cause;
pub mod journal;
pub mod logrus;
pub mod microvm;
pub mod patterns;
#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::collections::BTreeMap;

use cause::Cause;
use mvm_config::{Config, places};
use mvm_core::catalogue::seen::{flintlockd, pool};
use mvm_core::{Entry, Finding};
use patterns::{About, Table};
use serde::Serialize;

/// More of a line than this is not looked at, in bytes.
pub const LONGEST_LINE: usize = 16 * 1024;
/// Different subjects of one code that are told apart; the rest is summed up.
const SUBJECTS: usize = 32;
/// The subject of what is not told apart.
const OTHERS: &str = "others";
/// The subject of what concerns no part of this host alone.
const HOST: &str = "this host";

/// dm-thin's words for a pool that takes writes again.
const BACK_TO_WRITE: &str = "switching pool to write mode";
/// What is over then: full, low, read-only.
const OF_A_FULL_POOL: [&str; 3] =
    [pool::ran_low::ROW.code, pool::ran_full::ROW.code, pool::metadata_failed::ROW.code];

/// Who wrote a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Source {
    /// flintlockd, as logrus text or JSON.
    Flintlockd,
    /// containerd, as logrus text or JSON.
    Containerd,
    /// The kernel, and auditd where it takes the kernel's denials.
    Kernel,
    /// A file in a microVM's state directory.
    MicroVm,
}

/// One line of a journal or of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Line<'a> {
    /// Who wrote it.
    pub source: Source,
    /// When, in microseconds since 1970; files of microVMs do not say.
    pub time: Option<u64>,
    /// The text as it was written.
    pub text: &'a str,
    /// `NAMESPACE/NAME/UID`, where the file it stands in belongs to one.
    pub microvm: Option<&'a str>,
}

/// Names of this host that remedies speak of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// flintlockd's unit.
    pub flintlockd: String,
    /// flintlockd's program.
    pub binary: String,
    /// The unit of the containerd that flintlockd uses: `containerd-dev.service` or
    /// `containerd.service`.
    pub containerd: String,
    /// The thin pool's name in device-mapper, `name` of `[thinpool]`.
    pub pool: String,
    /// The directory of the microVMs' directories.
    pub state: String,
}

impl Place {
    /// What the configuration says.
    pub fn new(config: &Config) -> Self {
        Self {
            flintlockd: config.flintlockd.unit.as_str().to_owned(),
            binary: config.flintlockd.binary.as_str().to_owned(),
            containerd: places::containerd_unit(config.containerd.instance).to_owned(),
            pool: config.thinpool.name.as_str().to_owned(),
            state: places::microvms(config),
        }
    }
}

/// A cause with how often and when it was seen, for `--json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Occurrences {
    /// Of a row of the catalogue, such as `MVM-POOL-012`.
    pub code: &'static str,
    /// The unit, pool, image or microVM that it is about; `others` beyond 32 of one code.
    pub subject: String,
    /// Lines that show it.
    pub count: u64,
    /// When the first of them was written, RFC 3339 in UTC; `None` where no line has a time.
    pub first: Option<String>,
    /// When the last of them was written, as `first`.
    pub last: Option<String>,
    /// MicroVMs that they name, the first eight.
    pub microvms: Vec<String>,
    /// The innermost cause in the last one.
    pub cause: String,
    /// The text of the last one.
    pub evidence: String,
}

/// Takes lines, one by one, and knows at the end what they mean. Its memory does not grow with the
/// number of lines.
#[derive(Debug)]
pub struct Diagnosis {
    place: Place,
    only: Option<String>,
    table: Table,
    causes: BTreeMap<(&'static str, String), Cause>,
    reported: BTreeMap<(String, String), Cause>,
    lines: u64,
    skipped: u64,
}

impl Diagnosis {
    /// `only` is a microVM, `NAMESPACE/NAME`: lines that name another one are passed over.
    pub fn new(place: Place, only: Option<&str>) -> Self {
        let only = only.map(|name| format!("{}/", name.trim_end_matches('/')));
        Self {
            place,
            only,
            table: Table::new(),
            causes: BTreeMap::new(),
            reported: BTreeMap::new(),
            lines: 0,
            skipped: 0,
        }
    }

    /// Looks at the first [`LONGEST_LINE`] bytes of a line; one that no pattern fits is only
    /// counted.
    pub fn line(&mut self, line: &Line<'_>) {
        self.lines += 1;
        let text = match line.source {
            Source::Flintlockd | Source::Containerd => logrus::plain(bounded(line.text)),
            Source::Kernel | Source::MicroVm => Cow::Borrowed(bounded(line.text)),
        };
        let named = line.microvm.or_else(|| logrus::microvm(&text));
        if let (Some(only), Some(named)) = (&self.only, named)
            && !format!("{named}/").starts_with(only)
        {
            return;
        }
        if line.source == Source::Kernel && text.contains(BACK_TO_WRITE) {
            self.causes.retain(|(code, _), _| !OF_A_FULL_POOL.contains(code));
            return;
        }
        let Some((pattern, captured)) = self.table.find(line.source, &text) else {
            return;
        };
        let subject = captured.map(str::to_owned).unwrap_or_else(|| match pattern.about {
            About::Flintlockd => self.place.flintlockd.clone(),
            About::Containerd => self.place.containerd.clone(),
            About::Pool => self.place.pool.clone(),
            About::MicroVm => named.unwrap_or("a microVM").to_owned(),
            About::Image => logrus::image(&text).unwrap_or("an image").to_owned(),
            About::Host => HOST.to_owned(),
        });
        let cause = self.cause(pattern.entry, subject);
        cause.saw(line.time, named, &text);
    }

    /// A judgement about a microVM's files.
    pub fn judged(&mut self, entry: &'static Entry, microvm: &str, console: &str, text: &str) {
        let place = console.to_owned();
        let cause = self.cause(entry, microvm.to_owned());
        cause.console = place;
        cause.saw(None, Some(microvm), text);
    }

    /// What mvmhost itself wrote: the record's code, subject and message.
    pub fn reported(&mut self, time: Option<u64>, code: &str, subject: &str, message: &str) {
        self.lines += 1;
        if let Some(cleared) = journal::cleared(code, message) {
            self.reported.remove(&(cleared.to_owned(), subject.to_owned()));
            return;
        }
        journal::settled(code, |family, any| {
            self.reported.retain(|(code, about), _| {
                !(code.starts_with(family) && (any || about == subject))
            });
        });
        let stands = journal::stands(code);
        let key = (code.to_owned(), subject.to_owned());
        if stands && (self.reported.len() < SUBJECTS || self.reported.contains_key(&key)) {
            let cause = self
                .reported
                .entry(key)
                .or_insert_with(|| Cause::new(&flintlockd::said_before::ROW));
            let text = message.strip_prefix(code).and_then(|text| text.strip_prefix(": "));
            cause.saw(time, None, bounded(text.unwrap_or(message)));
        }
    }

    /// What mvmhost wrote of this holds no longer, although nobody was there to say so.
    pub fn clear(&mut self, code: &str, subject: &str) {
        self.reported.remove(&(code.to_owned(), subject.to_owned()));
    }

    /// A record that could not be read.
    pub fn skip(&mut self, records: u64) {
        self.skipped += records;
    }

    /// How many lines were looked at.
    pub fn lines(&self) -> u64 {
        self.lines
    }

    /// The causes: errors first, then the most frequent ones.
    pub fn findings(&self) -> Vec<Finding> {
        let mut found: Vec<(&str, &Cause)> =
            self.causes.iter().map(|((_, subject), cause)| (subject.as_str(), cause)).collect();
        found.sort_by_key(|(_, cause)| {
            (std::cmp::Reverse(cause.entry.severity), std::cmp::Reverse(cause.count))
        });
        let mut findings: Vec<Finding> =
            found.iter().map(|(subject, cause)| cause.finding(subject, &self.place)).collect();
        findings.extend(self.reported.iter().map(|((code, subject), cause)| {
            flintlockd::said_before(subject, code, cause.text()).evidence(cause.when())
        }));
        if self.skipped > 0 {
            let skipped = flintlockd::lines_skipped("journal", self.skipped);
            findings.push(skipped);
        }
        findings
    }

    /// The causes with their numbers.
    pub fn occurrences(&self) -> Vec<Occurrences> {
        self.causes.iter().map(|((_, subject), cause)| cause.occurrences(subject)).collect()
    }

    fn cause(&mut self, entry: &'static Entry, subject: String) -> &mut Cause {
        let key = (entry.code, subject);
        let subjects = self.causes.range((entry.code, String::new())..);
        let count =
            subjects.take_while(|((code, _), _)| *code == entry.code).take(SUBJECTS).count();
        let key = if count < SUBJECTS || self.causes.contains_key(&key) {
            key
        } else {
            (entry.code, OTHERS.to_owned())
        };
        self.causes.entry(key).or_insert_with(|| Cause::new(entry))
    }
}

/// The beginning of a line.
fn bounded(text: &str) -> &str {
    beginning(text, LONGEST_LINE)
}

/// At most `most` bytes of the text, whole characters only.
fn beginning(text: &str, most: usize) -> &str {
    let end = (0..=most.min(text.len())).rev().find(|end| text.is_char_boundary(*end));
    text.get(..end.unwrap_or(0)).unwrap_or_default()
}
