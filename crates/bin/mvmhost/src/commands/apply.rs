//! `mvmhost apply`: validate, keep, reload, start or restart what changed, look again, report.

mod images;
mod rounds;
#[cfg(test)]
mod tests;

use mvm_cli::cli::ApplyArguments;
use mvm_cli::context::Context;
use mvm_cli::output::{self, Exit};
use mvm_cli_host::inventory;
use mvm_cli_host::machine::Plans;
use mvm_config::Loaded;
use mvm_core::json::Document;
use mvm_core::state::{self, File};
use mvm_core::{Finding, Roots, Severity, catalogue, chain, sink};
use mvm_units_plan::host;
use mvm_units_systemd::systemd::Manager;
use serde_json::json;

use self::rounds::{Host, Real, rounds};
use super::uplink;

const REPORT: File<serde_json::Value> = File::of(&state::REPORT);

pub(super) fn run(context: &Context, arguments: &ApplyArguments) -> Exit {
    match context.start() {
        Ok(started) => with(context, started, arguments, Vec::new()),
        Err(exit) => exit,
    }
}

/// With an uplink on trial for as long as the arguments say; `first` are reported first.
pub(super) fn with(
    context: &Context,
    (loaded, mut manager): (Loaded, Manager),
    arguments: &ApplyArguments,
    first: Vec<Finding>,
) -> Exit {
    if let Err(error) = mvm_config::write_back(&context.roots, context.config.as_deref()) {
        let step = "write the configuration back to the disk".to_owned();
        return refused(context, first, catalogue::units::step_failed(step, error.to_string()));
    }
    let seconds = arguments.confirm_timeout;
    let trial = match uplink::arm(&context.roots, &loaded, &mut manager, seconds) {
        Ok(trial) => trial,
        Err(finding) => return refused(context, first, finding),
    };
    // At once: what follows may take longer than the operator has.
    trial.iter().filter(|_| !context.json).for_each(sink::report);
    // While an uplink is on trial its operator has to get at the command that confirms it.
    let wait = !arguments.no_wait && trial.is_none();
    let mut host = Real::new(context, &loaded, &mut manager, wait);
    let mut applied = apply(&mut host, first);
    applied.findings.extend(trial.and_then(|_| uplink::settled(&context.roots, &loaded)));
    keep_report(&context.roots, &applied);
    if applied.exit == Exit::Done {
        inventory::keep(&context.roots, &loaded.config);
    }
    // Whoever reads the journal later sees what the operator saw.
    applied.findings.iter().for_each(sink::record);
    if context.json {
        let document = Document::new(&applied.findings).with("done", &applied.completed);
        output::print(&document.text());
    } else {
        output::findings(false, &applied.findings);
    }
    applied.exit
}

/// Nothing was done, because of the last finding.
fn refused(context: &Context, mut findings: Vec<Finding>, last: Finding) -> Exit {
    findings.push(last);
    output::findings(context.json, &findings);
    output::exit_for(&findings)
}

/// The steps that were carried out, in order, the findings, and the exit code by them.
struct Applied {
    completed: Vec<String>,
    findings: Vec<Finding>,
    exit: Exit,
}

/// Everything but saying it; `findings` are said first.
fn apply(host: &mut dyn Host, findings: Vec<Finding>) -> Applied {
    let mut applied = Applied { completed: Vec::new(), findings, exit: Exit::Done };
    match rounds(host, &mut applied.completed) {
        Ok(after) => {
            let refused = after.pool.is_refused() && applied.completed.is_empty();
            let images = if refused { Vec::new() } else { host.images() };
            // What was still being started when the images were waited for is up by now.
            let after = if images.is_empty() { after } else { host.plans().unwrap_or(after) };
            applied.findings.extend(report(&after, &applied.completed, images));
            applied.exit = match output::exit_for(&applied.findings) {
                Exit::Findings if refused => Exit::Refused,
                exit => exit,
            };
        }
        Err(finding) => {
            applied.findings.push(finding);
            applied.exit = output::exit_by_class(&applied.findings);
        }
    }
    applied
}

/// What is to be said once everything was done and looked at again; `images` is what is to be said
/// of those.
fn report(after: &Plans, completed: &[String], images: Vec<Finding>) -> Vec<Finding> {
    let mut findings = after.findings();
    if completed.is_empty() && findings.iter().any(|finding| finding.severity() == Severity::Error)
    {
        // Nothing was tried, so that units are down is no news.
        return findings;
    }
    findings.extend(host::missing(&after.desired, &after.observed));
    let remaining = after.steps();
    if findings.iter().any(|finding| finding.severity() == Severity::Error) {
        return findings;
    }
    if !remaining.is_empty() {
        let lines: Vec<String> = remaining.into_iter().map(|(_, step)| step).collect();
        let unsettled = catalogue::units::not_settled("mvmhost apply", lines.len());
        findings.push(unsettled.evidence(lines.join("\n")));
    } else if images.is_empty() {
        findings.push(catalogue::units::host_up("/etc/mvmhost.toml"));
    }
    findings.extend(images);
    findings
}

/// For whoever asks later; it lives until the next boot, and apply does not fail for it.
fn keep_report(roots: &Roots, applied: &Applied) {
    let report = json!({"version": 1, "done": applied.completed, "findings": applied.findings});
    if let Err(error) = REPORT.write(roots, &report) {
        log::warn!("{}", chain(&error));
    }
}
