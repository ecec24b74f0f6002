//! One look at the pool, with all that follows from it.

use std::time::Duration;

use mvm_checks as checks;
use mvm_config::Config;
use mvm_core::catalogue::guard;
use mvm_core::reported::{self, Reported};
use mvm_core::state::{self, File};
use mvm_core::{Finding, Roots, atomic, brake, chain, names};
use mvm_guard_kernel::Store;
use mvm_guard_plan::{
    Brake as DesiredBrake, Decision, Figures, LATEST, Policy, Standing, decide, due, metrics,
};
use mvm_units_systemd::systemd::Units;

use crate::brake::{Brake, Connect};

/// What images ask.
const STANDING: File<Standing> = File::of(&state::POOL);

/// How often a pool may be grown within one look: a writer may be faster than one step.
const ROUNDS: usize = 8;

/// Between two looks at a pool into which nothing is written.
const IDLE: Duration = Duration::from_secs(1);

/// Grows the pool of `[thinpool]` and stops flintlockd by `policy`, and remembers what it needs for
/// the next look.
pub(crate) struct Guard {
    roots: Roots,
    name: String,
    policy: Policy,
    store: Box<dyn Store>,
    brake: Brake,
    reported: Reported,
    /// What is to be said of the last look.
    report: Vec<Finding>,
    /// How long until the next look.
    due: Duration,
    /// Blocks of data in use at the last look.
    used: Option<u64>,
}

impl Guard {
    pub(crate) fn new(
        roots: &Roots,
        config: &Config,
        policy: Policy,
        store: Box<dyn Store>,
    ) -> Self {
        let unit = config.flintlockd.unit.as_str();
        Self {
            roots: roots.clone(),
            name: config.thinpool.name.as_str().to_owned(),
            policy,
            store,
            brake: Brake::new(roots, unit),
            reported: Reported::default(),
            report: Vec::new(),
            due: LATEST,
            used: None,
        }
    }

    /// Looks and acts; the answer is one line for `systemctl status`. `now` is in seconds of a
    /// clock that does not go back.
    pub(crate) fn look<U: Units>(&mut self, connect: Connect<'_, U>, now: u64) -> String {
        let (mut findings, last) = self.grow();
        let mut figures = None;
        if let Some((last, decision)) = last {
            let (brake, off) = self.unless_off(decision.brake);
            findings.extend(off);
            findings.extend(self.brake(&brake, connect));
            findings.extend(decision.findings);
            figures = Some(last);
        }
        self.due = figures.as_ref().map_or(LATEST, |figures| self.next_look(figures));
        let braked = self.brake.reason();
        findings.extend(braked.as_ref().map(|why| guard::braked(&self.name, why)));
        let (report, reported) = reported::update(&self.reported, &findings, now);
        self.report = report;
        self.reported = reported;
        self.write_metrics(figures.as_ref(), braked.is_some());
        status(figures.as_ref(), braked.is_some())
    }

    /// How long after the last look the next one is to come.
    pub(crate) const fn due(&self) -> Duration {
        self.due
    }

    /// While nothing is written, which is nearly always, a look a second is soon enough.
    fn next_look(&mut self, figures: &Figures) -> Duration {
        let used = figures.pool.data.used;
        let fills = self.used.replace(used).is_none_or(|before| before < used);
        let due = due(&self.policy, figures);
        if fills { due } else { due.max(IDLE) }
    }

    /// What is new since the last time.
    pub(crate) fn take_report(&mut self) -> Vec<Finding> {
        std::mem::take(&mut self.report)
    }

    /// Grows for as long as the decision is to grow; the answer holds the last decision, which is
    /// not to.
    fn grow(&self) -> (Vec<Finding>, Option<(Figures, Decision)>) {
        let mut findings = Vec::new();
        let mut refused = false;
        for round in 0..=ROUNDS {
            let pool = match self.store.look() {
                Ok(pool) => pool,
                Err(error) => {
                    let blind = guard::not_watched(&self.name, error.chain());
                    findings.push(blind);
                    return (findings, None);
                }
            };
            let Some(figures) = pool.figures else {
                findings.extend(pool.findings);
                return (findings, None);
            };
            let braked = self.brake.reason().is_some();
            refused |= round == ROUNDS;
            let decision = decide(&self.name, &self.policy, &figures, braked, refused);
            let Some(size) = decision.grow else {
                findings.extend(pool.findings);
                return (findings, Some((figures, decision)));
            };
            match self.store.grow(size) {
                Ok(()) => findings.extend(grew(&self.name, figures.size, size)),
                Err(error) => {
                    refused = true;
                    let failed = guard::grow_failed(&self.name, error.chain());
                    findings.push(failed);
                }
            }
        }
        (findings, None)
    }

    /// What is done with the brake, and what there is to say, while an operator has it switched off.
    fn unless_off(&self, desired: DesiredBrake) -> (DesiredBrake, Option<Finding>) {
        let Some(off) = brake::off(&self.roots, names::BRAKE_OFF) else {
            return (desired, None);
        };
        let why = match &desired {
            DesiredBrake::Set(why) => Some(why.clone()),
            DesiredBrake::Keep => self.brake.reason(),
            DesiredBrake::Release => None,
        };
        let finding =
            why.map(|why| checks::brake_off(&self.name, off.remaining.as_secs(), Some(&why)));
        let braked = self.brake.reason().is_some();
        (if braked { DesiredBrake::Release } else { DesiredBrake::Keep }, finding)
    }

    fn brake<U: Units>(&self, desired: &DesiredBrake, connect: Connect<'_, U>) -> Vec<Finding> {
        match desired {
            DesiredBrake::Set(why) => self.brake.set(why, connect).into_iter().collect(),
            DesiredBrake::Release => {
                let failed = self.brake.release(connect);
                vec![failed.unwrap_or_else(|| guard::released(&self.name))]
            }
            DesiredBrake::Keep => match self.brake.reason() {
                Some(why) => self.brake.set(&why, connect).into_iter().collect(),
                None => Vec::new(),
            },
        }
    }

    /// A full /run is no reason to stop watching.
    fn write_metrics(&self, figures: Option<&Figures>, braked: bool) {
        let result = match Standing::of(figures) {
            Some(standing) if STANDING.get(&self.roots) == Some(standing) => Ok(()),
            Some(standing) => STANDING.write(&self.roots, &standing),
            None => STANDING.remove(&self.roots),
        };
        if let Err(error) = result {
            log::warn!("{}", chain(&error));
        }
        let text = metrics(&self.name, figures, braked);
        let path = self.roots.at(names::METRICS);
        if let Err(error) = atomic::write_if_changed(&path, text.as_bytes(), 0o644) {
            log::debug!("{}", chain(&error));
        }
    }
}

fn grew(name: &str, was: u64, is: u64) -> Option<Finding> {
    let mib = |bytes: u64| format!("{} MiB", bytes >> 20);
    // Ending what was begun may only have been a matter of the record.
    (was != is).then(|| guard::grew(name, mib(was), mib(is)))
}

fn status(figures: Option<&Figures>, braked: bool) -> String {
    let fill = match figures {
        Some(figures) => format!(
            "data {} % full, metadata {} %",
            figures.pool.data.percent(),
            figures.pool.metadata.percent()
        ),
        None => "the pool is not live".to_owned(),
    };
    if braked { format!("{fill}; flintlockd is held back") } else { fill }
}
