//! `mvmhost pool remove`: takes the devices down when nobody uses them; the files stay.

use mvm_diagnostics::Finding;
use mvm_diagnostics::catalogue::teardown;
use mvm_host::systemd::{Manager, Units};
use mvm_plan::thinpool::Desired;
use mvm_plan::{names, teardown as plan};
use mvm_storage::teardown as storage;

use super::config;
use crate::context::{self, Context};
use crate::output::{self, Exit};

pub(super) fn run(context: &Context) -> Exit {
    let (config, mut findings) = match config(context) {
        Ok(loaded) => loaded,
        Err(exit) => return exit,
    };
    let roots = &context.roots;
    let desired = Desired::new(&config);
    let name = &desired.name;
    let mut seen = match storage::observe(roots, &desired) {
        Ok(seen) => seen,
        Err(error) => {
            findings.push(error.finding(name));
            output::findings(context.json, &findings);
            return output::exit_for(&findings);
        }
    };
    let containerd = names::containerd_unit(desired.instance);
    match Manager::connect() {
        Ok(mut manager) => {
            for unit in [desired.flintlockd_unit.as_str(), containerd] {
                if manager.state(unit).is_ok_and(|state| state.is_active()) {
                    seen.units.push(unit.to_owned());
                }
            }
        }
        Err(error) => {
            output::findings(context.json, &[context::no_systemd(&error)]);
            return Exit::Unavailable;
        }
    }
    let plan = plan::plan(name, &seen);
    let refused = plan.is_refused();
    findings.extend(plan.findings);
    if !refused {
        findings.push(match storage::apply(roots, &plan.steps) {
            Ok(()) => Finding::new(&teardown::REMOVED, name)
                .with("directory", desired.directory.display()),
            Err(error) => Finding::new(&teardown::NOT_REMOVED, name).with("why", error.chain()),
        });
    }
    output::findings(context.json, &findings);
    if refused { Exit::Refused } else { output::exit_for(&findings) }
}
