//! What the live screen knows, and what a key changes in it. Nothing here asks the host or draws.

use std::collections::VecDeque;

use mvm_core::{Finding, Severity};

use crate::status::{Line, Mood, Verdict};

/// Fills that are kept: at one in two seconds, ten minutes.
const MOST: usize = 300;
/// A rate is that of this many last seconds.
const OF_LAST: f64 = 120.0;
/// Seconds before which there is no rate.
const EARLY: f64 = 6.0;
/// Seconds for which a finding that has cleared is still shown.
const GONE: f64 = 60.0;

/// How full the pool was at a time; all in bytes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Fill {
    /// Seconds since the screen began.
    pub(super) at: f64,
    pub(super) data: u64,
    pub(super) data_size: u64,
    pub(super) metadata: u64,
    pub(super) metadata_size: u64,
}

/// One microVM, as a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Vm {
    pub(super) id: String,
    pub(super) state: String,
    pub(super) mood: Mood,
    pub(super) pid: Option<i32>,
    pub(super) retries: i32,
    /// The code of what its files show to be wrong, such as that it has no VMM.
    pub(super) wrong: Option<&'static str>,
    /// The last line of its console.
    pub(super) console: String,
}

/// One look at everything.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Whole {
    pub(super) verdict: Verdict,
    /// Without the verdict.
    pub(super) lines: Vec<Line>,
    pub(super) leases: Vec<String>,
    pub(super) vms: Result<Vec<Vm>, String>,
    pub(super) findings: Vec<Finding>,
}

/// What a thread has seen.
pub(super) enum News {
    Whole(Box<Whole>),
    /// The host cannot be asked: why.
    Failed(String),
    /// The pool's name and its fill, while it is live.
    Pool(String, Option<Fill>),
}

/// A finding, and since when it is so.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Shown {
    pub(super) finding: Finding,
    /// Seconds since the screen began.
    pub(super) since: f64,
    /// When it cleared.
    pub(super) cleared_at: Option<f64>,
}

/// Towards which end of the findings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Move {
    Up,
    Down,
}

/// Everything that is drawn.
#[derive(Debug, Default)]
pub(super) struct Model {
    /// Seconds since the screen began.
    pub(super) now: f64,
    pub(super) whole: Option<Whole>,
    /// Why the last look failed.
    pub(super) failed: Option<String>,
    pub(super) pool: String,
    pub(super) fills: VecDeque<Fill>,
    pub(super) findings: Vec<Shown>,
    /// Its place in `findings`; 0 while there are none.
    pub(super) chosen: usize,
    /// A window over the rest explains the chosen finding; never true without one.
    pub(super) explained: bool,
}

impl Model {
    pub(super) fn take(&mut self, news: News) {
        match news {
            News::Whole(whole) => {
                self.update(&whole.findings);
                self.failed = None;
                self.whole = Some(*whole);
            }
            News::Failed(why) => self.failed = Some(why),
            News::Pool(name, fill) => {
                self.pool = name;
                match fill {
                    Some(fill) => self.fills.push_back(Fill { at: self.now, ..fill }),
                    None => self.fills.clear(),
                }
                while self.fills.len() > MOST {
                    self.fills.pop_front();
                }
            }
        }
    }

    /// Findings come, stay and go; an error stands before a warning, and what is gone comes last.
    fn update(&mut self, findings: &[Finding]) {
        let same = |one: &Finding, other: &Finding| {
            (one.code(), one.subject()) == (other.code(), other.subject())
        };
        let chosen = self.chosen().map(|shown| shown.finding.clone());
        let standing = findings.iter().filter(|one| one.severity() != Severity::Info);
        for shown in &mut self.findings {
            match standing.clone().find(|one| same(one, &shown.finding)) {
                Some(now) => {
                    if shown.cleared_at.take().is_some() {
                        shown.since = self.now;
                    }
                    shown.finding = now.clone();
                }
                None => {
                    shown.cleared_at.get_or_insert(self.now);
                }
            }
        }
        for one in standing {
            if !self.findings.iter().any(|shown| same(one, &shown.finding)) {
                self.findings.push(Shown {
                    finding: one.clone(),
                    since: self.now,
                    cleared_at: None,
                });
            }
        }
        self.findings
            .retain(|shown| shown.cleared_at.is_none_or(|cleared_at| self.now - cleared_at < GONE));
        self.findings.sort_by_key(|shown| {
            (shown.cleared_at.is_some(), std::cmp::Reverse(shown.finding.severity()))
        });
        // The choice stays with its finding, wherever that has moved.
        let at = chosen.and_then(|chosen| {
            self.findings.iter().position(|shown| same(&shown.finding, &chosen))
        });
        self.explained &= at.is_some();
        self.chosen = at.unwrap_or(self.chosen).min(self.findings.len().saturating_sub(1));
    }

    pub(super) fn choose(&mut self, towards: Move) {
        self.chosen = match towards {
            Move::Up => self.chosen.saturating_sub(1),
            Move::Down => (self.chosen + 1).min(self.findings.len().saturating_sub(1)),
        };
    }

    pub(super) fn chosen(&self) -> Option<&Shown> {
        self.findings.get(self.chosen)
    }

    pub(super) fn explain(&mut self) {
        self.explained = !self.explained && self.chosen().is_some();
    }

    /// Closes the explanation; whether there was one.
    pub(super) fn close(&mut self) -> bool {
        std::mem::take(&mut self.explained)
    }

    pub(super) fn fill(&self) -> Option<&Fill> {
        self.fills.back()
    }

    /// Bytes a second of data and of metadata, by least squares; `None` while it is too early.
    pub(super) fn rates(&self) -> Option<(f64, f64)> {
        let last = self.fill()?.at;
        let recent: Vec<&Fill> =
            self.fills.iter().filter(|fill| last - fill.at <= OF_LAST).collect();
        let first = recent.first()?.at;
        if last - first < EARLY {
            return None;
        }
        let slope = |of: fn(&Fill) -> u64| {
            let n = recent.len() as f64;
            let (mut x, mut y, mut xx, mut xy) = (0.0, 0.0, 0.0, 0.0);
            for fill in &recent {
                let (time, bytes) = (fill.at - first, of(fill) as f64);
                x += time;
                y += bytes;
                xx += time * time;
                xy += time * bytes;
            }
            (n * xy - x * y) / (n * xx - x * x)
        };
        Some((slope(|fill| fill.data), slope(|fill| fill.metadata)))
    }
}

/// Seconds until the rest is used up at this rate; `None` while it does not fill.
pub(super) fn full_in(used: u64, size: u64, rate: f64) -> Option<f64> {
    let rest = size.saturating_sub(used);
    (rate >= 1.0 && rest > 0).then(|| rest as f64 / rate)
}
