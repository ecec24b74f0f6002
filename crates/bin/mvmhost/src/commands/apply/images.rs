//! The images at the end of an apply: waited for, or told apart from all that is done.

use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};
use mvm_cli::context::Context;
use mvm_cli::output;
use mvm_config::Config;
use mvm_core::catalogue::img;
use mvm_core::{Finding, Roots, chain, names};
use mvm_images_client::run::Job;
use mvm_images_client::verify::State;
use mvm_images_client::{attempts, finding};
use mvm_images_plan::requested_images;
use mvm_units_systemd::systemd::{UnitState, Units};

/// Between two looks at the unit.
const PAUSE: Duration = Duration::from_millis(250);
/// A line for a pipe comes no more often than this.
const RARELY: Duration = Duration::from_secs(10);
/// mvm-images gives up by itself after [images] timeout; this is for its start and its end.
const SLACK: Duration = Duration::from_secs(60);

/// Waits until mvm-images has done what it can, and tells what is not complete then. Without `wait`
/// it tells at once.
pub(super) fn look(
    context: &Context,
    config: &Config,
    units: &mut dyn Units,
    wait: bool,
) -> Vec<Finding> {
    if requested_images(config).is_empty() {
        return Vec::new();
    }
    if wait {
        show_until_ended(context, config.images.timeout + SLACK, units);
    }
    let running = units.state(names::IMAGES_UNIT).is_ok_and(|state| is_running(&state));
    missing(&context.roots, config, running)
}

/// Shows what the unit says of itself until it has ended.
fn show_until_ended(context: &Context, longest: Duration, units: &mut dyn Units) {
    let begun = Instant::now();
    let bar = (!context.json && !context.no_progress).then(bar);
    let (mut last, mut shown_at) = (String::new(), None::<Instant>);
    while begun.elapsed() < longest {
        let Ok(state) = units.state(names::IMAGES_UNIT) else { break };
        if !is_running(&state) {
            break;
        }
        match &bar {
            Some(bar) if !bar.is_hidden() => bar.set_message(state.status_text),
            Some(_)
                if state.status_text != last
                    && shown_at.is_none_or(|at| at.elapsed() >= RARELY) =>
            {
                output::print(&format!("{}\n", state.status_text));
                (last, shown_at) = (state.status_text, Some(Instant::now()));
            }
            _ => {}
        }
        std::thread::sleep(PAUSE);
    }
    if let Some(bar) = bar {
        bar.finish_and_clear();
    }
}

fn bar() -> ProgressBar {
    let bar = ProgressBar::new_spinner();
    bar.set_style(ProgressStyle::default_spinner());
    bar.enable_steady_tick(PAUSE);
    bar
}

/// Between its start and its end. An exec unit is active while it works.
fn is_running(state: &UnitState) -> bool {
    state.main_pid != 0 || matches!(state.active_state.as_str(), "activating" | "reloading")
}

fn missing(roots: &Roots, config: &Config, running: bool) -> Vec<Finding> {
    let images = requested_images(config);
    let job = Job::new(config, roots, &images, &());
    if let Err(error) = job.serve() {
        log::warn!("mvm-registry has the list of before: {}", chain(&error));
    }
    // A containerd that does not answer is another's finding.
    let Ok(states) = job.verify() else { return Vec::new() };
    let why = attempts::why(roots);
    let mut findings: Vec<Finding> = Vec::new();
    for (image, state) in &states {
        let found = match state {
            Ok(State::Complete) => continue,
            Ok(state) => state.finding(image),
            Err(error) => Some(finding::failed(image, error)),
        };
        let reason = why.get(image.reference.as_str()).filter(|_| !running);
        findings.extend(found.map(|found| match reason {
            Some(reason) => found.evidence(reason.as_str()),
            None => found,
        }));
    }
    let count = findings.len();
    if count > 0 {
        findings.push(match running {
            true => img::on_their_way("[images]", count),
            false => img::lacking("[images]", count),
        });
    }
    findings
}
