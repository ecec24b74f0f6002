//! What several lines have in common.

use std::path::Path;

use mvm_core::{Entry, Finding};
use mvm_units_plan::hygiene::quoted;

use super::{Occurrences, Place, beginning, logrus};

/// MicroVMs that are named; the rest is counted.
const NAMED: usize = 8;
/// So much of a line is evidence, in bytes: of its beginning, and of its end, where the cause is.
const EVIDENCE: [usize; 2] = [240, 360];
/// So much of a cause stands in a message, in bytes.
const WHY: usize = 240;

#[derive(Debug)]
pub(super) struct Cause {
    pub(super) entry: &'static Entry,
    pub(super) count: u64,
    first: Option<u64>,
    last: Option<u64>,
    microvms: Vec<String>,
    more: bool,
    text: String,
    /// The innermost cause of the last line.
    why: String,
    /// The file with the guest's console, where there is one.
    pub(super) console: String,
}

impl Cause {
    pub(super) fn new(entry: &'static Entry) -> Self {
        Self {
            entry,
            count: 0,
            first: None,
            last: None,
            microvms: Vec::new(),
            more: false,
            text: String::new(),
            why: String::new(),
            console: String::new(),
        }
    }

    /// One more line.
    pub(super) fn saw(&mut self, time: Option<u64>, microvm: Option<&str>, text: &str) {
        self.count += 1;
        if let Some(time) = time {
            self.first = Some(self.first.map_or(time, |first| first.min(time)));
            self.last = Some(self.last.map_or(time, |last| last.max(time)));
        }
        if let Some(microvm) = microvm
            && !self.microvms.iter().any(|known| known == microvm)
        {
            if self.microvms.len() < NAMED {
                self.microvms.push(microvm.to_owned());
            } else {
                self.more = true;
            }
        }
        beginning(logrus::innermost(text), WHY).trim().clone_into(&mut self.why);
        self.text = shortened(text.trim());
    }

    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// `3 times, from 2026-11-21T05:00:00Z to 2026-11-21T05:10:00Z`
    pub(super) fn when(&self) -> String {
        let times =
            if self.count == 1 { "once".to_owned() } else { format!("{} times", self.count) };
        match (self.first.and_then(utc), self.last.and_then(utc)) {
            (Some(first), Some(last)) if first == last => format!("{times}, at {first}"),
            (Some(first), Some(last)) => format!("{times}, from {first} to {last}"),
            _ => times,
        }
    }

    pub(super) fn finding(&self, subject: &str, place: &Place) -> Finding {
        let mut evidence = self.when();
        if self.microvms.iter().any(|microvm| microvm != subject) {
            let more = if self.more { " and more" } else { "" };
            evidence.push_str(&format!("; microVMs {}{more}", self.microvms.join(", ")));
        }
        if self.why.len() < self.text.len() {
            evidence.push_str(&format!("\ncause: {}", self.why));
        }
        evidence.push('\n');
        evidence.push_str(&self.text);
        Finding::chosen(self.entry, subject)
            .with("flintlockd", &place.flintlockd)
            .with("binary", &place.binary)
            .with("why", &self.why)
            .with("containerd", &place.containerd)
            .with("pool", &place.pool)
            .with("state", quoted(Path::new(&place.state)))
            .with("console", quoted(Path::new(&self.console)))
            .evidence(evidence)
    }

    pub(super) fn occurrences(&self, subject: &str) -> Occurrences {
        Occurrences {
            code: self.entry.code,
            subject: subject.to_owned(),
            count: self.count,
            first: self.first.and_then(utc),
            last: self.last.and_then(utc),
            microvms: self.microvms.clone(),
            cause: self.why.clone(),
            evidence: self.text.clone(),
        }
    }
}

/// The beginning and the end of a long line.
fn shortened(text: &str) -> String {
    let [head, tail] = EVIDENCE;
    if text.len() <= head + tail {
        return text.to_owned();
    }
    let from = (text.len() - tail..=text.len()).find(|at| text.is_char_boundary(*at));
    let end = from.and_then(|at| text.get(at..)).unwrap_or_default();
    format!("{} ... {end}", beginning(text, head))
}

/// RFC 3339, to the second; `None` for a time that no calendar has.
fn utc(microseconds: u64) -> Option<String> {
    let seconds = i64::try_from(microseconds / 1_000_000).ok()?;
    jiff::Timestamp::from_second(seconds).ok().map(|time| time.to_string())
}
