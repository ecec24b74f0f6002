//! What a run counted.

use std::sync::{Mutex, PoisonError};

/// So many flaky scenarios fail a run: one is the machine's, several are ours.
const TOO_FLAKY: usize = 3;

#[derive(Debug, Default, Clone)]
struct Counts {
    passed: usize,
    flaky: usize,
    failed: usize,
    seconds: Vec<(String, f64)>,
}

/// The lanes' common count.
#[derive(Debug, Default)]
pub(super) struct Score(Mutex<Counts>);

impl Score {
    fn change(&self, change: impl FnOnce(&mut Counts)) {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner));
    }

    pub(super) fn passed(&self, name: String, seconds: f64) {
        self.change(|counts| {
            counts.passed += 1;
            counts.seconds.push((name, seconds));
        });
    }

    /// It passed, at the second try.
    pub(super) fn flaky(&self) {
        self.change(|counts| counts.flaky += 1);
    }

    pub(super) fn failed(&self, number: usize) {
        self.change(|counts| counts.failed += number);
    }

    /// How long each passed scenario took.
    pub(super) fn seconds(&self) -> Vec<(String, f64)> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).seconds.clone()
    }

    /// Whether the run counts as passed.
    pub(super) fn is_good(&self) -> bool {
        let counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        counts.passed > 0 && counts.failed == 0 && counts.flaky < TOO_FLAKY
    }

    /// `N passed, N failed`, behind `flaky-N:` where a second try was needed.
    pub(super) fn closing_line(&self) -> String {
        let counts = self.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let Counts { mut passed, flaky, mut failed, .. } = counts;
        if flaky >= TOO_FLAKY {
            passed -= flaky;
            failed += flaky;
        }
        let word = if flaky == 0 { String::new() } else { format!("flaky-{flaky}: ") };
        format!("{word}{passed} passed, {failed} failed")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn score(passed: usize, flaky: usize, failed: usize) -> Score {
        let score = Score::default();
        (0..passed).for_each(|_| score.passed("x".to_owned(), 1.0));
        (0..flaky).for_each(|_| score.flaky());
        score.failed(failed);
        score
    }

    #[test]
    fn the_last_line_counts_what_needed_a_second_try() {
        for (counts, line, good) in [
            ((5, 0, 0), "5 passed, 0 failed", true),
            ((5, 2, 0), "flaky-2: 5 passed, 0 failed", true),
            ((5, 3, 0), "flaky-3: 2 passed, 3 failed", false),
            ((5, 1, 1), "flaky-1: 5 passed, 1 failed", false),
            ((0, 0, 0), "0 passed, 0 failed", false),
        ] {
            let score = score(counts.0, counts.1, counts.2);
            assert_eq!((score.closing_line().as_str(), score.is_good()), (line, good));
        }
    }
}
