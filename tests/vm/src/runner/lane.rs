//! A lane: one guest at a time, made once and brought back to a saved state for each scenario.

use std::time::Instant;

use anyhow::Result;

use super::queue::{Job, Queue};
use super::score::Score;
use super::{chain, guarded, keep_evidence};
use crate::image::{Image, Suite, default_cache};
use crate::scenario::{Body, Context, Setup, Stage};

/// What the lanes share.
pub(super) struct Shared<'a> {
    pub(super) setup: &'a Setup,
    pub(super) queue: &'a Queue,
    pub(super) score: &'a Score,
}

impl Shared<'_> {
    /// Makes the guest of `suite`, runs what there is for it, then what another lane has left.
    pub(super) fn lane(&self, suite: Suite) {
        let mut current = self.queue.asks_for(suite).then(|| self.make(suite)).flatten();
        while let Some(job) = self.queue.take(suite) {
            current = self.guest_for(&job, current);
            match &mut current {
                Some(context) => self.run(&job, context),
                None => self.score.failed(1),
            }
        }
    }

    /// The lane's guest where it is of the job's suite, or one more of that suite's.
    fn guest_for(&self, job: &Job, current: Option<Context>) -> Option<Context> {
        if let Some(context) = current
            && context.suite() == job.suite
        {
            return Some(context);
        }
        let template = self.queue.template(job.suite)?;
        match guarded(|| template.context()) {
            Ok(context) => Some(context),
            Err(error) => {
                println!("FAILED {}: no guest\n{}", job.name(), chain(&error));
                None
            }
        }
    }

    /// The suite's guest with every state saved; tried twice, like a scenario.
    fn make(&self, suite: Suite) -> Option<Context> {
        let name = format!("{}/setup", suite.name());
        let mut first = true;
        loop {
            let mut context = None;
            let made = guarded(|| self.stages(suite, &mut context));
            if made.is_ok()
                && let Some(context) = context.take()
            {
                if !first {
                    println!("FLAKY  {name}");
                    self.score.flaky();
                }
                return Some(context);
            }
            let error = made.err();
            println!("{} {name}", if first { "again " } else { "FAILED" });
            error.iter().for_each(|error| println!("{}", chain(error)));
            if let Some(context) = &mut context {
                println!("evidence: {}", keep_evidence(&mut context.guest, &name));
            }
            if !first {
                self.score.failed(self.queue.give_up(suite).len());
                return None;
            }
            first = false;
        }
    }

    fn stages(&self, suite: Suite, made: &mut Option<Context>) -> Result<()> {
        let start = Instant::now();
        let image = Image::ensure(suite, &default_cache())?;
        let context = made.insert((self.setup.boot)(image)?);
        context.guest.save(self.setup.booted)?;
        println!("ok     {}/boot ({:.1} s)", suite.name(), seconds(start));
        for Stage { name, state, body } in self.setup.stages {
            let start = Instant::now();
            body(context)?;
            context.guest.save(state)?;
            println!("ok     {}/{name} ({:.1} s)", suite.name(), seconds(start));
            self.score.passed(format!("{}/{name}", suite.name()), seconds(start));
        }
        self.queue.ready(suite, context.template()?);
        Ok(())
    }

    /// A scenario that fails is tried once more from its saved state.
    fn run(&self, job: &Job, context: &mut Context) {
        let (name, scenario) = (job.name(), job.scenario);
        let start = Instant::now();
        let Err(error) = attempt(context, scenario.from, scenario.body) else {
            println!("ok     {name} ({:.1} s)", seconds(start));
            self.score.passed(name, seconds(start));
            return;
        };
        println!("again  {name} ({:.1} s)\n{}", seconds(start), chain(&error));
        println!("evidence: {}", keep_evidence(&mut context.guest, &name));
        let start = Instant::now();
        match attempt(context, scenario.from, scenario.body) {
            Ok(()) => {
                println!("FLAKY  {name} ({:.1} s)", seconds(start));
                self.score.flaky();
                self.score.passed(name, seconds(start));
            }
            Err(error) => {
                println!("FAILED {name} ({:.1} s)\n{}", seconds(start), chain(&error));
                let again = format!("{name}-again");
                println!("evidence: {}", keep_evidence(&mut context.guest, &again));
                self.score.failed(1);
            }
        }
    }
}

fn attempt(context: &mut Context, state: &str, body: Body) -> Result<()> {
    guarded(|| {
        context.guest.restore(state)?;
        body(context)
    })
}

fn seconds(start: Instant) -> f64 {
    start.elapsed().as_secs_f64()
}
