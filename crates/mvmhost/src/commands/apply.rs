//! `mvmhost apply`: validate, keep, reload, start or restart what changed, look again, report.

use std::time::Duration;

use mvm_config::{Loaded, Roots};
use mvm_diagnostics::json::Document;
use mvm_diagnostics::{Finding, Severity, catalogue, sink};
use mvm_host::systemd::{Job, JobResult, Mode, Units};
use mvm_host::{atomic, chain};
use mvm_plan::host::{self, Step};
use serde_json::json;

use crate::context::{self, Context};
use crate::machine::{self, Plans};
use crate::output::{self, Exit};

/// How long the jobs of one step may take: longer than any TimeoutStartSec= of the chain. A check
/// of the pool's metadata may take longer still; the job then goes on by itself.
const JOB: Duration = Duration::from_secs(300);

/// How often at most is planned and carried out.
const ROUNDS: usize = 3;

pub(super) fn run(context: &Context) -> Exit {
    let (loaded, mut manager) = match context.start() {
        Ok(started) => started,
        Err(exit) => return exit,
    };
    let applied = apply(context, &loaded, &mut manager);
    keep_report(&context.roots, &applied);
    // Whoever reads the journal later sees what the operator saw.
    applied.findings.iter().for_each(sink::record);
    if context.json {
        let document = Document::new(&applied.findings).with("done", &applied.done);
        output::print(&document.text());
    } else {
        output::findings(false, &applied.findings);
    }
    applied.exit
}

/// What became of it.
struct Applied {
    done: Vec<String>,
    findings: Vec<Finding>,
    exit: Exit,
}

fn apply(context: &Context, loaded: &Loaded, units: &mut dyn Units) -> Applied {
    let mut applied = Applied { done: Vec::new(), findings: Vec::new(), exit: Exit::Done };
    applied.findings.extend(context::without_effect(loaded));
    let plans = rounds(context, loaded, units, &mut applied.done);
    match plans {
        Ok(after) => {
            let refused = after.pool.is_refused() && applied.done.is_empty();
            applied.findings.extend(report(&after, &applied.done));
            applied.exit = match output::exit_for(&applied.findings) {
                Exit::Findings if refused => Exit::Refused,
                exit => exit,
            };
        }
        Err(finding) => {
            applied.findings.push(finding);
            applied.exit = output::exit_for(&applied.findings);
        }
    }
    applied
}

/// Plans and carries out until nothing is left to do, and returns the last plans: what the machine
/// is like now. One round may open another: when containerd has started for the first time, its
/// database is there and goes into the receipt.
fn rounds(
    context: &Context,
    loaded: &Loaded,
    units: &mut dyn Units,
    done: &mut Vec<String>,
) -> Result<Plans, Finding> {
    let mut plans = machine::plans(&context.roots, loaded, units)?;
    for _ in 0..ROUNDS {
        // Everything is validated before anything is changed.
        if plans.units.steps.is_empty() || plans.is_refused() {
            break;
        }
        for step in &plans.units.steps {
            if !context.json {
                output::print(&format!("{step}\n"));
            }
            carry_out(&context.roots, &plans, step, units).map_err(|why| {
                Finding::new(&catalogue::units::STEP_FAILED, step.to_string()).with("why", why)
            })?;
            done.push(step.to_string());
            if *step == Step::KeepLastGood {
                let kept = Finding::new(&catalogue::conf::KEPT, "/etc/mvmhost/applied.toml");
                sink::record(&kept);
            }
        }
        plans = machine::plans(&context.roots, loaded, units)?;
        // What was done and is still to do failed: the retry timer does it again, not this loop.
        if plans.units.steps.iter().any(|step| done.contains(&step.to_string())) {
            break;
        }
    }
    Ok(plans)
}

/// One step. That the target or a oneshot did not come up is no error here: what is not up
/// afterwards is reported as such. After a restart that failed nothing else is tried: systemd
/// restarts the unit by itself, and a start of what is bound to it would wait for that.
fn carry_out(
    roots: &Roots,
    plans: &Plans,
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
            atomic::write(&roots.applied(), plans.desired.applied.as_bytes(), 0o600)
                .map_err(|error| chain(&error))
        }
        Step::DaemonReload => units.reload().map_err(|error| chain(&error)),
        Step::Reload(unit) => job(Job::ReloadOrRestart, unit),
        Step::Restart(unit) => job(Job::Restart, unit),
        Step::Start(unit) => job(Job::Start, unit),
        Step::Stop(unit) => job(Job::Stop, unit),
    }
}

/// What is to be said once everything was done and looked at again.
fn report(after: &Plans, done: &[String]) -> Vec<Finding> {
    let mut findings = after.findings();
    if done.is_empty() && findings.iter().any(|finding| finding.severity() == Severity::Error) {
        // Nothing was tried, so that units are down is no news.
        return findings;
    }
    findings.extend(host::missing(&after.desired, &after.observed));
    let left = after.steps();
    if findings.iter().any(|finding| finding.severity() == Severity::Error) {
        return findings;
    }
    findings.push(if left.is_empty() {
        Finding::new(&catalogue::units::HOST_UP, "/etc/mvmhost.toml")
    } else {
        let lines: Vec<String> = left.into_iter().map(|(_, step)| step).collect();
        Finding::new(&catalogue::units::NOT_SETTLED, "mvmhost apply")
            .with("count", lines.len())
            .evidence(lines.join("\n"))
    });
    findings
}

/// For whoever asks later; it lives until the next boot, and apply does not fail for it.
fn keep_report(roots: &Roots, applied: &Applied) {
    let report = json!({"version": 1, "done": applied.done, "findings": applied.findings});
    let path = roots.runtime().join("report.json");
    if let Err(error) = atomic::write(&path, format!("{report}\n").as_bytes(), 0o600) {
        log::warn!("{}", chain(&error));
    }
}
