//! `mvmhost check`: every check, here or on another host's API.

use mvm_checks as checks;
use mvm_checks::{Observed, Probe, Probes};
use mvm_cli::cli::CheckArguments;
use mvm_cli::context::Context;
use mvm_cli::output::{self, Exit};
use mvm_cli_microvms::smoke;
use mvm_config::Loaded;
use mvm_config::last_good::load_or_last_good;
use mvm_core::json::Document;
use mvm_core::{Finding, Roots, Severity, catalogue};
use mvm_units_systemd::systemd::Manager;

use crate::machine::Plans;
use crate::{asked, observed, probes, services};

/// Prints what was found; exit 1 for a finding of severity error.
pub fn run(context: &Context, arguments: &CheckArguments) -> Exit {
    let (loaded, last_good) = match load_or_last_good(&context.roots, context.config.as_deref()) {
        Ok(loaded) => loaded,
        Err(findings) => {
            output::findings(context.json, &findings);
            return Exit::Config;
        }
    };
    let config = &loaded.config;
    let (mut observed, flintlockd, planned) = whole(&context.roots, &loaded);
    let probed = arguments.deep.then(|| probes::run(&context.roots, config, &observed, flintlockd));
    if let Some(Probes { traffic: Probe::Done(passages), .. }) = &probed {
        observed.forward.passages.clone_from(passages);
    }
    let mut found = checks::run(config, &observed);
    // Routes that tailscale did not take are in nobody's way, and asked for all the same.
    let tailnet = planned.iter().flat_map(|plans| &plans.tailscale.findings);
    found.extend(tailnet.filter(|one| one.severity() == Severity::Warning).cloned());
    let planned = planned.map(|plans| plans.findings()).unwrap_or_default();
    // What stands in the way of a plan is said by the checks, in words of their own.
    if found.iter().all(|finding| finding.severity() != Severity::Error) {
        found.extend(planned.into_iter().filter(|one| one.severity() == Severity::Error));
    }
    found.extend(asked::findings(&context.roots, config, flintlockd, arguments.deep));
    if let Some(probed) = probed {
        if matches!(probed.traffic, Probe::Done(_)) {
            let reported = checks::reported(config, &observed);
            found.extend(mvm_firewalls::traffic(config, &observed.forward, reported));
        }
        found.extend(checks::probes(config, &observed, &probed));
        found.extend(probes::reserved(&context.roots, config));
    }
    if arguments.smoke {
        found.extend(smoke::as_check(context));
    }
    let (standing, ignored) = checks::split(&config.validate, found, observed.now);
    let mut findings: Vec<Finding> = last_good.into_iter().chain(standing).collect();
    let well = findings.iter().all(|finding| finding.severity() == Severity::Info);
    findings.extend(ignored);
    let names: Vec<&str> = checks::names().collect();
    let not_checked: &[&str] =
        if arguments.deep { &checks::NOT_LOOKED_AT[4..] } else { checks::NOT_LOOKED_AT };
    if well {
        let all = catalogue::checked::all_well("this host", names.len());
        findings.push(all);
    }
    if context.json {
        output::print(
            &Document::new(&findings).with("checks", names).with("not-checked", not_checked).text(),
        );
    } else {
        output::findings(false, &findings);
        output::print(&format!("not checked: {}\n", not_checked.join(", ")));
    }
    output::exit_for(&findings)
}

/// Everything that is observed of a host that runs: what the checks look at, the pid of flintlockd,
/// and the plans.
fn whole(roots: &Roots, loaded: &Loaded) -> (Observed, Option<i32>, Option<Plans>) {
    let (mut observed, flintlockd) = observed::observe(roots, &loaded.config);
    let planned = match Manager::connect() {
        Ok(mut manager) => services::observe(roots, loaded, &mut manager, &mut observed),
        // Reported already.
        Err(_) => None,
    };
    (observed, flintlockd, planned)
}
