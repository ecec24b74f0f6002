//! The network's road.

use mvm_config::{Loaded, Roots};
use mvm_diagnostics::Finding;
use mvm_diagnostics::catalogue::net;
use mvm_host::oneshot::{self, Options, Program, Report};
use mvm_host::{chain, exit};
use mvm_network::{Kernel, bring_up, machine_id};
use mvm_plan::network::desired;

/// Everything that `mvm-net` does.
pub(crate) fn run(program: &Program, options: &Options) -> Report {
    oneshot::configured(program, options, network)
}

fn network(roots: &Roots, loaded: &Loaded) -> Report {
    let Some(desired) = desired(&loaded.config, &machine_id(roots)) else {
        return Report::default();
    };
    let mut report = match Kernel::connect() {
        Ok(mut kernel) => Report::of(bring_up(&mut kernel, Some(&desired)).findings),
        Err(error) => Report::of(vec![
            Finding::new(&net::OBSERVE_FAILED, &desired.name).evidence(chain(&error)),
        ]),
    };
    if report.findings.iter().any(|finding| finding.code() == net::OBSERVE_FAILED.code) {
        report.code = exit::UNAVAILABLE;
    }
    report
}
