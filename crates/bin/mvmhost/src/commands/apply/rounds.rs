//! Plan, carry out, look again, until nothing is left to do.

use std::fs::DirBuilder;
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;
use std::time::Duration;

use mvm_cli::context::Context;
use mvm_cli::output;
use mvm_cli_host::machine::{self, Plans};
use mvm_config::Loaded;
use mvm_core::{Finding, Roots, atomic, catalogue, chain, sink};
use mvm_units_plan::host::Step;
use mvm_units_systemd::systemd::{Job, JobResult, Mode, Units};

use super::images;
use crate::commands::history;

/// How long the jobs of one step may take: longer than any TimeoutStartSec= of the chain. A check
/// of the pool's metadata may take longer still; the job then goes on by itself.
const JOB: Duration = Duration::from_secs(300);

/// How often at most is planned and carried out.
pub(super) const ROUNDS: usize = 3;

/// The machine, as the rounds see it.
pub(super) trait Host {
    /// Observes and plans.
    ///
    /// # Errors
    /// A finding for what could not be observed.
    fn plans(&mut self) -> Result<Plans, Finding>;

    /// Tells who waits that this step begins.
    fn begins(&mut self, step: &Step);

    /// One step of these plans.
    ///
    /// # Errors
    /// Why nothing else is to be tried.
    fn carry_out(&mut self, plans: &Plans, step: &Step) -> Result<(), String>;

    /// What there is to say of the images once everything else is done.
    fn images(&mut self) -> Vec<Finding> {
        Vec::new()
    }
}

/// Plans and carries out until nothing is left to do, and returns the last plans: what the machine
/// is like now. One round may open another: when containerd has started for the first time, its
/// database is there and goes into the receipt. Every step that was done is added to `completed`.
pub(super) fn rounds(host: &mut dyn Host, completed: &mut Vec<String>) -> Result<Plans, Finding> {
    let mut plans = host.plans()?;
    for _ in 0..ROUNDS {
        // Everything is validated before anything is changed.
        if plans.units.steps.is_empty() || plans.is_refused() {
            break;
        }
        for step in &plans.units.steps {
            host.begins(step);
            host.carry_out(&plans, step)
                .map_err(|why| catalogue::units::step_failed(step.to_string(), why))?;
            completed.push(step.to_string());
        }
        plans = host.plans()?;
        // What was done and is still to do failed: the retry timer does it again, not this loop.
        if plans.units.steps.iter().any(|step| completed.contains(&step.to_string())) {
            break;
        }
    }
    Ok(plans)
}

/// The host below the roots of `context`: steps write its files and run jobs of `units`.
pub(super) struct Real<'a> {
    context: &'a Context,
    loaded: &'a Loaded,
    units: &'a mut dyn Units,
    wait: bool,
}

impl<'a> Real<'a> {
    /// With `wait` until the images are there, or have failed.
    pub(super) fn new(
        context: &'a Context,
        loaded: &'a Loaded,
        units: &'a mut dyn Units,
        wait: bool,
    ) -> Self {
        Self { context, loaded, units, wait }
    }
}

impl Host for Real<'_> {
    fn plans(&mut self) -> Result<Plans, Finding> {
        machine::plans(&self.context.roots, self.loaded, self.units)
    }

    fn begins(&mut self, step: &Step) {
        if !self.context.json {
            output::print(&format!("{step}\n"));
        }
    }

    fn carry_out(&mut self, plans: &Plans, step: &Step) -> Result<(), String> {
        // First: killed in between, the apply that is done again finds it and counts once.
        if *step == Step::KeepLastGood && self.context.config.is_none() {
            history::remember(&self.context.roots, &plans.desired.applied);
        }
        let desired = &plans.desired;
        refuse_to_end_microvms(
            desired.flintlockd.as_deref(),
            &desired.containerd,
            step,
            self.units,
        )?;
        carry_out(&self.context.roots, &plans.desired.applied, step, self.units)
    }

    fn images(&mut self) -> Vec<Finding> {
        images::look(self.context, &self.loaded.config, self.units, self.wait)
    }
}

/// Refuses a step that stops flintlockd while its unit, as it is loaded, ends with it every microVM. A stop
/// of containerd stops flintlockd.
pub(super) fn refuse_to_end_microvms(
    flintlockd: Option<&str>,
    containerd: &str,
    step: &Step,
    units: &mut dyn Units,
) -> Result<(), String> {
    let (Some(flintlockd), Step::Restart(unit) | Step::Stop(unit)) = (flintlockd, step) else {
        return Ok(());
    };
    if unit != flintlockd && unit != containerd {
        return Ok(());
    }
    match units.state(flintlockd) {
        Ok(state) if state.is_active() && state.ends_all() => {
            Err(catalogue::flk::unprotected(flintlockd).message())
        }
        // A systemd that does not answer does not take the step's job either.
        Ok(_) | Err(_) => Ok(()),
    }
}

/// One step; `applied` is the text of the configuration that becomes the last good one.
///
/// That the target or a oneshot did not come up is no error here: what is not up afterwards is
/// reported as such. After a restart that failed nothing else is tried: systemd restarts the unit
/// by itself, and a start of what is bound to it would wait for that.
pub(super) fn carry_out(
    roots: &Roots,
    applied: &str,
    step: &Step,
    units: &mut dyn Units,
) -> Result<(), String> {
    let mut job = |job: Job, unit: &str| match units.run(job, unit, Mode::Replace, JOB) {
        Ok(result) if result != JobResult::Done && job == Job::Restart => Err(result.to_string()),
        Ok(result) => {
            log::debug!("{job} {unit}: {result}");
            Ok(())
        }
        Err(error) => Err(chain(&error)),
    };
    match step {
        Step::KeepLastGood => {
            atomic::write(&roots.applied(), applied.as_bytes(), 0o600)
                .map_err(|error| chain(&error))?;
            sink::record(&catalogue::conf::kept("/etc/mvmhost/applied.toml"));
            Ok(())
        }
        Step::DaemonReload => units.reload().map_err(|error| chain(&error)),
        Step::CreateFolder(path) => create(&roots.at(path)).map_err(|error| error.to_string()),
        Step::Reload(unit) => job(Job::ReloadOrRestart, unit),
        Step::Restart(unit) => job(Job::Restart, unit),
        Step::Start(unit) => job(Job::Start, unit),
        Step::Stop(unit) => job(Job::Stop, unit),
    }
}

/// The folder as containerd creates it, below one that nobody but root enters.
fn create(folder: &Path) -> io::Result<()> {
    if let Some(parent) = folder.parent() {
        DirBuilder::new().recursive(true).mode(0o700).create(parent)?;
    }
    DirBuilder::new().recursive(true).mode(0o711).create(folder)
}
