//! What several lines have in common.

use std::path::Path;

use mvm_diagnostics::{Entry, Finding};

use super::{Place, Seen, beginning};
use crate::hygiene::quoted;

/// MicroVMs that are named; the rest is counted.
const NAMED: usize = 8;
/// So much of a line is evidence, in bytes.
const EVIDENCE: usize = 600;

#[derive(Debug)]
pub(super) struct Cause {
    pub(super) entry: &'static Entry,
    pub(super) count: u64,
    first: Option<u64>,
    last: Option<u64>,
    microvms: Vec<String>,
    more: bool,
    text: String,
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
        self.text.clear();
        self.text.push_str(beginning(text, EVIDENCE).trim());
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
        evidence.push('\n');
        evidence.push_str(&self.text);
        Finding::new(self.entry, subject)
            .with("flintlockd", &place.flintlockd)
            .with("binary", &place.binary)
            .with("containerd", &place.containerd)
            .with("pool", &place.pool)
            .with("state", quoted(Path::new(&place.state)))
            .with("console", quoted(Path::new(&self.console)))
            .evidence(evidence)
    }

    pub(super) fn seen(&self, subject: &str) -> Seen {
        Seen {
            code: self.entry.code,
            subject: subject.to_owned(),
            count: self.count,
            first: self.first.and_then(utc),
            last: self.last.and_then(utc),
            microvms: self.microvms.clone(),
            evidence: self.text.clone(),
        }
    }
}

/// RFC 3339, to the second; `None` for a time that no calendar has.
fn utc(microseconds: u64) -> Option<String> {
    let seconds = i64::try_from(microseconds / 1_000_000).ok()?;
    jiff::Timestamp::from_second(seconds).ok().map(|time| time.to_string())
}
