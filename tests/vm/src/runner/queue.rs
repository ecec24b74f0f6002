//! Which lane runs what next.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use crate::image::Suite;
use crate::scenario::{Scenario, Template};

/// One scenario on one suite.
#[derive(Debug, Clone, Copy)]
pub(super) struct Job {
    pub(super) suite: Suite,
    pub(super) scenario: &'static Scenario,
}

impl Job {
    pub(super) fn name(&self) -> String {
        self.scenario.full_name(self.suite)
    }
}

/// How far a suite's setup is.
#[derive(Debug, Clone)]
enum Made {
    Ready(Template),
    Failed,
}

#[derive(Debug, Default)]
struct State {
    /// Longest first.
    jobs: Vec<Job>,
    made: Vec<(Suite, Made)>,
}

/// What is left to run, shared by the lanes.
#[derive(Debug, Default)]
pub(super) struct Queue {
    /// Suites that have a job at the beginning: a guest of each is made.
    suites: Vec<Suite>,
    state: Mutex<State>,
    changed: Condvar,
}

impl Queue {
    pub(super) fn new(mut jobs: Vec<Job>) -> Self {
        jobs.sort_by_key(|job| std::cmp::Reverse(job.scenario.seconds));
        let suites = jobs.iter().map(|job| job.suite).collect();
        Self {
            suites,
            state: Mutex::new(State { jobs, made: Vec::new() }),
            changed: Condvar::new(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // A lane that panicked has changed nothing by halves.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether a guest of `suite` is to be made, also where another lane has taken its jobs already: it
    /// waits for that guest.
    pub(super) fn asks_for(&self, suite: Suite) -> bool {
        self.suites.contains(&suite)
    }

    /// The longest job of `suite`, or else of any; a lane that changes suites makes a new guest.
    pub(super) fn take(&self, suite: Suite) -> Option<Job> {
        let mut state = self.lock();
        let own = state.jobs.iter().position(|job| job.suite == suite);
        let next = own.or(if state.jobs.is_empty() { None } else { Some(0) })?;
        Some(state.jobs.remove(next))
    }

    /// The suite's setup is done; others may take its guests.
    pub(super) fn ready(&self, suite: Suite, template: Template) {
        self.lock().made.push((suite, Made::Ready(template)));
        self.changed.notify_all();
    }

    /// The suite has no guest: its jobs are given back, to be counted.
    pub(super) fn give_up(&self, suite: Suite) -> Vec<Job> {
        let mut state = self.lock();
        state.made.push((suite, Made::Failed));
        let (lost, remaining) = state.jobs.iter().partition(|job| job.suite == suite);
        state.jobs = remaining;
        self.changed.notify_all();
        lost
    }

    /// Waits for the suite's setup; `None` when it failed.
    pub(super) fn template(&self, suite: Suite) -> Option<Template> {
        let mut state = self.lock();
        loop {
            match state.made.iter().find(|(of, _)| *of == suite) {
                Some((_, Made::Ready(template))) => return Some(template.clone()),
                Some((_, Made::Failed)) => return None,
                None => {
                    state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::Gate;

    const SHORT: Scenario = Scenario::new("up", "short", Gate::Both, 10, |_| Ok(()));
    const LONG: Scenario = Scenario::new("up", "long", Gate::Both, 90, |_| Ok(()));

    fn queue() -> Queue {
        Queue::new(vec![
            Job { suite: Suite::Bookworm, scenario: &SHORT },
            Job { suite: Suite::Bookworm, scenario: &LONG },
            Job { suite: Suite::Trixie, scenario: &SHORT },
        ])
    }

    #[test]
    fn a_lane_takes_its_own_longest_first_and_then_what_is_left() {
        let queue = queue();
        let order: Vec<String> =
            std::iter::from_fn(|| queue.take(Suite::Trixie)).map(|job| job.name()).collect();
        assert_eq!(order, ["trixie/short", "bookworm/long", "bookworm/short"]);
    }

    #[test]
    fn a_lane_that_takes_the_only_job_of_a_suite_leaves_its_guest_to_the_other() {
        let queue = Queue::new(vec![Job { suite: Suite::Bookworm, scenario: &SHORT }]);
        assert!(!queue.asks_for(Suite::Trixie) && queue.take(Suite::Trixie).is_some());
        assert!(queue.asks_for(Suite::Bookworm));
    }

    #[test]
    fn what_has_no_guest_is_given_back() {
        let queue = queue();
        let lost: Vec<String> = queue.give_up(Suite::Bookworm).iter().map(Job::name).collect();
        assert_eq!(lost, ["bookworm/long", "bookworm/short"]);
        assert_eq!(
            queue.take(Suite::Bookworm).map(|job| job.name()).as_deref(),
            Some("trixie/short")
        );
        assert!(queue.template(Suite::Bookworm).is_none());
    }
}
