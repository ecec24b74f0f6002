//! Load, then the network's road.

use std::path::PathBuf;

use mvm_diagnostics::Finding;
use mvm_diagnostics::catalogue::net;
use mvm_host::oneshot::{Options, Program, Report};
use mvm_host::{chain, configuration, exit};
use mvm_network::{Kernel, bring_up, machine_id};
use mvm_plan::network::desired;

/// Everything that `mvm-net` does.
pub(crate) fn run(program: &Program, options: &Options) -> Report {
    let roots = options.roots();
    if let Some(refusal) = Report::unless_root(program, &roots) {
        return refusal;
    }
    let config = options.get("--config").map(PathBuf::as_path);
    let (loaded, stand_in) = match configuration::load_or_last_good(&roots, config) {
        Ok(found) => found,
        Err(findings) => {
            return Report { findings, code: exit::CONFIGURATION };
        }
    };
    let mut report = match desired(&loaded.config, &machine_id(&roots)) {
        Some(desired) => match Kernel::connect() {
            Ok(mut kernel) => Report::of(bring_up(&mut kernel, Some(&desired)).findings),
            Err(error) => Report::of(vec![
                Finding::new(&net::OBSERVE_FAILED, &desired.name).evidence(chain(&error)),
            ]),
        },
        None => Report::default(),
    };
    if report.findings.iter().any(|finding| finding.code() == net::OBSERVE_FAILED.code) {
        report.code = exit::UNAVAILABLE;
    }
    // Said first and not counted: the host comes up from the last good configuration.
    report.findings.splice(0..0, stand_in);
    report
}
