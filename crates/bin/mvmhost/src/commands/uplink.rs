//! `mvmhost confirm`, the uplink's part of `mvmhost undo`, and what apply does so that they can come
//! in time.

use std::time::Duration;

use mvm_cli::context::Context;
use mvm_cli::output::{self, Exit};
use mvm_config::Loaded;
use mvm_core::{Finding, Roots, catalogue, chain, names};
use mvm_network_kernel::uplink::{self, Undone};
use mvm_network_kernel::{Kernel, Network, machine_id, unread};
use mvm_network_plan::network;
use mvm_units_systemd::systemd::{Job, JobResult, Mode, Units};

/// How long the unit may take to be started.
const START: Duration = Duration::from_secs(30);

pub(super) fn confirm(context: &Context) -> Exit {
    let findings = match Kernel::connect(&context.roots) {
        Ok(mut kernel) => uplink::confirm(&context.roots, &mut kernel),
        Err(error) => vec![unread(&error)],
    };
    output::report(context.json, &findings, output::exit_for(&findings))
}

/// Puts an uplink back, if there is one.
pub(super) fn back(roots: &Roots) -> Undone {
    match Kernel::connect(roots) {
        Ok(mut kernel) => uplink::undo(roots, &mut kernel),
        Err(error) => Undone::Attempted(vec![unread(&error)]),
    }
}

/// When apply would make an uplink a port: lets it, for `seconds`, and starts what puts it back.
///
/// # Errors
/// Why nothing may be changed.
pub(super) fn arm(
    roots: &Roots,
    loaded: &Loaded,
    units: &mut dyn Units,
    seconds: u64,
) -> Result<Option<Finding>, Finding> {
    let desired = network::desired(&loaded.config, &machine_id(roots));
    let (Some(port), Some(bridge)) = (&desired.uplink, &desired.bridge) else {
        return Ok(None);
    };
    let (port, bridge) = (port.name.clone(), bridge.name.clone());
    let desired = uplink::for_apply(roots, desired)?;
    let observed = Kernel::connect(roots).and_then(|mut kernel| kernel.observe());
    let observed = observed.map_err(|error| unread(&error))?;
    if !uplink::needs_trial(&desired, &network::plan(&desired, &observed).steps) {
        return Ok(None);
    }
    uplink::arm(roots, &port, &bridge, seconds)?;
    if let Err(why) = start(units) {
        uplink::settle(roots)?;
        return Err(catalogue::uplink::no_trial(port, why));
    }
    Ok(Some(on_trial(&port, &bridge, seconds)))
}

fn on_trial(port: &str, bridge: &str, seconds: u64) -> Finding {
    catalogue::uplink::on_trial(port, bridge, seconds)
}

/// Starts what puts the uplink back; one that still waits would go by what it knows.
fn start(units: &mut dyn Units) -> Result<(), String> {
    match units.run(Job::Restart, names::REVERT_UNIT, Mode::Replace, START) {
        Ok(JobResult::Done) => Ok(()),
        Ok(result) => Err(result.to_string()),
        Err(error) => Err(chain(&error)),
    }
}

/// What is said once apply is through: only from then on the operator's time runs.
pub(super) fn settled(roots: &Roots, loaded: &Loaded) -> Option<Finding> {
    let bridge = &loaded.config.network.bridge;
    match uplink::settle(roots) {
        Ok(seconds) => {
            let port = bridge.uplink.as_ref()?.as_str();
            seconds.map(|seconds| on_trial(port, bridge.name.as_str(), seconds))
        }
        Err(finding) => Some(finding),
    }
}

#[cfg(test)]
mod tests {
    use mvm_units_systemd::systemd::Recording;

    use super::*;

    #[test]
    fn what_puts_back_is_started_anew_or_nothing_is_changed() {
        let mut systemd = Recording::default();
        assert_eq!(start(&mut systemd), Ok(()));
        assert_eq!(systemd.calls(), ["restart mvm-net-revert.service"]);
        systemd.results([JobResult::Failed]);
        assert_eq!(start(&mut systemd), Err("failed".to_owned()));
    }
}
