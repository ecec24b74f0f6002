//! `mvmhost check`: every check, here or on another host's API.

use mvm_checks as checks;
use mvm_checks::{Facts, Plugin, Probe};
use mvm_config::last_good::load_or_last_good;
use mvm_config::{Config, Loaded};
use mvm_core::exec::System;
use mvm_core::json::Document;
use mvm_core::{Finding, Roots, Severity, catalogue, chain};
use mvm_images_client::Error;
use mvm_images_client::run::Job;
use mvm_images_plan::State;
use mvm_units_systemd::flintlock::MicroVm;
use mvm_units_systemd::systemd::{Manager, UnitState, Units};
use mvm_validate::facts;

use super::{asked, missing, probes, services, smoke};
use crate::cli::CheckArguments;
use crate::context::Context;
use crate::output::{self, Exit};
use crate::overrides;

pub(super) fn run(context: &Context, arguments: &CheckArguments) -> Exit {
    let (loaded, last_good) = match load_or_last_good(&context.roots, context.config.as_deref()) {
        Ok(loaded) => loaded,
        Err(findings) => {
            output::findings(context.json, &findings);
            return Exit::Config;
        }
    };
    let config = &loaded.config;
    let (facts, flintlockd, planned) = whole(&context.roots, &loaded);
    let mut found = checks::run(config, &facts);
    // Routes that tailscale did not take are in nobody's way, and asked for all the same.
    let (tailnet, planned): (Vec<Finding>, Vec<Finding>) =
        planned.into_iter().partition(|one| one.entry() == &catalogue::tailscale::failed::ROW);
    found.extend(tailnet);
    // What stands in the way of a plan is said by the checks, in words of their own.
    if found.iter().all(|finding| finding.severity() != Severity::Error) {
        found.extend(planned.into_iter().filter(|one| one.severity() == Severity::Error));
    }
    found.extend(asked::findings(&context.roots, config, flintlockd, arguments.deep));
    if arguments.deep {
        let done = probes::run(&context.roots, config, &facts, flintlockd);
        if let Probe::Done(passages) = &done.traffic {
            found = mvm_firewalls::settled(found, passages);
            found.extend(mvm_firewalls::traffic(config, &facts.forward, passages, &found));
        }
        found.extend(checks::probes(config, &facts, &done));
        found.extend(probes::reserved(&context.roots, config));
    }
    if arguments.smoke {
        found.extend(smoke::as_check(context));
    }
    let (standing, ignored) = checks::split(&config.validate, found, facts.now);
    let mut findings: Vec<Finding> = last_good.into_iter().chain(standing).collect();
    let well = findings.iter().all(|finding| finding.severity() == Severity::Info);
    findings.extend(ignored);
    let names: Vec<&str> = checks::names().collect();
    let left: &[&str] =
        if arguments.deep { &checks::NOT_LOOKED_AT[4..] } else { checks::NOT_LOOKED_AT };
    if well {
        let all = catalogue::checked::all_well("this host", names.len());
        findings.push(all);
    }
    if context.json {
        output::print(
            &Document::new(&findings).with("checks", names).with("not-checked", left).text(),
        );
    } else {
        output::findings(false, &findings);
        output::print(&format!("not checked: {}\n", left.join(", ")));
    }
    output::exit_for(&findings)
}

/// Everything that is observed of a host that runs: what the checks look at, the pid of flintlockd,
/// and what the plan reports.
fn whole(roots: &Roots, loaded: &Loaded) -> (Facts, Option<i32>, Vec<Finding>) {
    let (mut facts, flintlockd) = observe(roots, &loaded.config);
    let planned = match Manager::connect() {
        Ok(mut manager) => services::observe(roots, loaded, &mut manager, &mut facts),
        // Said already.
        Err(_) => Vec::new(),
    };
    (facts, flintlockd, planned)
}

/// What all checks look at, and the pid of a flintlockd that runs.
pub(super) fn observe(roots: &Roots, config: &Config) -> (Facts, Option<i32>) {
    let unit = config.flintlockd.unit.as_str();
    let state = Manager::connect().and_then(|mut units| units.state(unit));
    let pid = state.as_ref().ok().and_then(|state| i32::try_from(state.main_pid).ok());
    let flintlockd = pid.filter(|pid| *pid != 0);
    // Its own endpoint is taken by flintlockd itself when it runs.
    let mut facts = facts::observe(roots, config, flintlockd);
    if let Err(error) = &state {
        facts.unasked.push(("systemd".to_owned(), chain(error)));
    }
    let told = match flintlockd {
        Some(_) => mvm_validate::api::microvms(roots, config),
        None => Err("flintlockd does not run".to_owned()),
    };
    live(roots, config, state.ok().as_ref(), told.as_ref().map(Option::as_deref), &mut facts);
    (facts, flintlockd)
}

/// What is observed of a host that runs, beyond what flintlockd's own start asks for.
pub(super) fn live(
    roots: &Roots,
    config: &Config,
    flintlockd: Option<&UnitState>,
    told: Result<Option<&[MicroVm]>, &String>,
    facts: &mut Facts,
) {
    let told = told.map_err(String::as_str);
    missing::taps(facts, told);
    if let Ok(Some(microvms)) = told {
        facts.without_vmm = missing::without_vmm(roots, config, microvms, &System);
    }
    let ends = flintlockd.filter(|state| state.ends_all());
    facts.ends_microvms =
        ends.map(|state| format!("KillMode={}, {}", state.kill_mode, state.load_state));
    images(roots, config, facts);
    facts.databases = facts::databases(roots, config);
    facts.containerd_flaw = facts::containerd_flaw(roots, config);
    let exists = |path: &str| roots.at(path).exists();
    let generated =
        mvm_units_plan::units::files(config, mvm_units_plan::units::Facts::new(config, exists));
    facts.overrides = overrides::observe(roots, config, &generated);
}

/// What containerd has of the images. Without its snapshotter it could not tell, and that is said.
fn images(roots: &Roots, config: &Config, facts: &mut Facts) {
    let images = mvm_images_plan::wanted(config);
    if images.is_empty() || facts.plugin != Plugin::Ok {
        return;
    }
    let mut unasked =
        |what: &str, error: &Error| facts.unasked.push((what.to_owned(), chain(error)));
    match Job::new(config, roots, &images, &()).verify() {
        Ok(states) => {
            for (wanted, state) in states {
                match state {
                    Ok(state) => facts.images.push((wanted, state)),
                    Err(Error::Refused(why)) => {
                        facts.images.push((wanted, State::NotUsable(why.to_string())));
                    }
                    Err(error) => unasked(wanted.reference.as_str(), &error),
                }
            }
        }
        Err(error) => unasked("[images]", &error),
    }
}
