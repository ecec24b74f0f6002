//! `mvmhost pool remove`: takes the devices down when nobody uses them; the data stay.

use std::time::Duration;

use mvm_cli::context::{self, Context};
use mvm_cli::output::{self, Exit};
use mvm_config::places;
use mvm_core::catalogue::teardown;
use mvm_core::{Roots, chain, names};
use mvm_pool_kernel::{desired, teardown as storage};
use mvm_pool_plan::teardown as plan;
use mvm_pool_plan::teardown::Step;
use mvm_units_systemd::systemd::{Job, Manager, Mode, Units};

use super::config;

/// How long mvm-guard may take to end a look.
const STOPS: Duration = Duration::from_secs(20);

pub(super) fn run(context: &Context) -> Exit {
    let (config, mut findings) = match config(context) {
        Ok(loaded) => loaded,
        Err(exit) => return exit,
    };
    let roots = &context.roots;
    let desired = desired(roots, &config);
    let pool = desired.pool();
    let name = &pool.name;
    let mut observed = match storage::observe(roots, &desired) {
        Ok(observed) => observed,
        Err(error) => {
            findings.push(error.finding(name));
            output::findings(context.json, &findings);
            return output::exit_for(&findings);
        }
    };
    let mut manager = match Manager::connect() {
        Ok(manager) => manager,
        Err(error) => {
            output::findings(context.json, &[context::no_systemd(&error)]);
            return Exit::Unavailable;
        }
    };
    let containerd = places::containerd_unit(pool.instance);
    for unit in [pool.flintlockd_unit.as_str(), containerd] {
        // Also one that waits for its next attempt.
        let runs = |state: &str| !matches!(state, "inactive" | "failed");
        if manager.state(unit).is_ok_and(|state| runs(&state.active_state)) {
            observed.units.push(unit.to_owned());
        }
    }
    let plan = plan::plan(name, &observed);
    let refused = plan.is_refused();
    findings.extend(plan.findings);
    if !refused {
        findings.push(match take_down(roots, &plan.steps, &mut manager) {
            Ok(()) => teardown::removed(name),
            Err(why) => teardown::not_removed(name, why),
        });
    }
    output::findings(context.json, &findings);
    if refused { Exit::Refused } else { output::exit_for(&findings) }
}

/// The unit counts as up until it is stopped, and what needs the pool would wait for ever for one
/// that is gone. mvm-guard, which would miss the pool, stops with it.
fn take_down(roots: &Roots, steps: &[Step], manager: &mut Manager) -> Result<(), String> {
    let stopped = manager.run(Job::Stop, names::THINPOOL_UNIT, Mode::Replace, STOPS);
    match stopped {
        Err(error) if !error.is_no_such_unit() => return Err(chain(&error)),
        _ => {}
    }
    storage::apply(roots, steps).map_err(|error| error.chain())
}
