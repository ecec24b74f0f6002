//! `mvmhost check`: every check, here or on another host's API.

use mvm_config::{Config, Loaded, Roots};
use mvm_diagnostics::json::Document;
use mvm_diagnostics::{Finding, Severity, catalogue};
use mvm_host::chain;
use mvm_host::configuration::load_or_last_good;
use mvm_host::exec::System;
use mvm_host::systemd::{Manager, UnitState, Units};
use mvm_images_client::Error;
use mvm_images_client::run::Job;
use mvm_plan::checks::{self, Deed, Facts, Plugin};
use mvm_plan::images::State;
use mvm_validate::{facts, gate};

use super::{asked, deeds, missing, services, smoke};
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
    let Whole { facts, flintlockd, more, planned } = whole(&context.roots, &loaded);
    let mut found = checks::run(config, &facts);
    found.extend(more);
    found.extend(gate::containerd_program(&context.roots, config));
    let pool = mvm_storage::thinpool::desired(&context.roots, config);
    found.extend(mvm_storage::databases::look(&context.roots, &pool));
    // Routes that tailscale did not take are in nobody's way, and asked for all the same.
    let (tailnet, planned): (Vec<Finding>, Vec<Finding>) =
        planned.into_iter().partition(|one| one.entry() == &catalogue::tailscale::FAILED);
    found.extend(tailnet);
    // What stands in the way of a plan is said by the checks, in words of their own.
    if found.iter().all(|finding| finding.severity() != Severity::Error) {
        found.extend(planned.into_iter().filter(|one| one.severity() == Severity::Error));
    }
    found.extend(asked::findings(&context.roots, config, flintlockd, arguments.deep));
    if arguments.deep {
        let done = deeds::run(&context.roots, config, &facts, flintlockd);
        if let Deed::Done(passages) = &done.traffic {
            found = checks::settled(found, passages);
            found.extend(checks::traffic(config, &facts.forward, passages, &found));
        }
        found.extend(checks::deeds(config, &facts, &done));
        found.extend(deeds::reserved(&context.roots, config));
    }
    let exists = |path: &str| context.roots.at(path).exists();
    let generated = mvm_plan::units::files(config, mvm_plan::units::Facts::new(config, exists));
    let overrides = overrides::observe(&context.roots, config, &generated);
    found.extend(mvm_plan::overrides::findings(&overrides));
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
        let all = Finding::new(&catalogue::checked::ALL_WELL, "this host");
        findings.push(all.with("count", names.len()));
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

/// Everything that is observed of a host that runs.
struct Whole {
    facts: Facts,
    /// The pid of flintlockd, where it runs.
    flintlockd: Option<i32>,
    /// What is found beyond the checks: flintlockd's unit, and microVMs without a VMM.
    more: Vec<Finding>,
    /// What the plan reports.
    planned: Vec<Finding>,
}

fn whole(roots: &Roots, loaded: &Loaded) -> Whole {
    let (mut facts, flintlockd, more) = observe(roots, &loaded.config);
    let planned = match Manager::connect() {
        Ok(mut manager) => services::observe(roots, loaded, &mut manager, &mut facts),
        // Said already.
        Err(_) => Vec::new(),
    };
    Whole { facts, flintlockd, more, planned }
}

/// What all checks look at, the pid of a flintlockd that runs, and what is found beyond the checks.
pub(super) fn observe(roots: &Roots, config: &Config) -> (Facts, Option<i32>, Vec<Finding>) {
    let mut more = Vec::new();
    let mut facts = facts::observe(roots, config, None);
    // Its own endpoint is taken by flintlockd itself when it runs.
    let mut flintlockd = None;
    match Manager::connect().and_then(|mut units| units.state(config.flintlockd.unit.as_str())) {
        Ok(state) if state.main_pid != 0 => {
            more.extend(unprotected(config, &state));
            flintlockd = i32::try_from(state.main_pid).ok();
            facts.endpoint = facts::endpoint(roots, config, flintlockd);
        }
        Ok(state) => more.extend(unprotected(config, &state)),
        Err(error) => facts.unasked.push(("systemd".to_owned(), chain(&error))),
    }
    let told = match flintlockd {
        Some(_) => mvm_validate::api::microvms(roots, config),
        None => Err("flintlockd does not run".to_owned()),
    };
    let known = told.as_ref().map(Option::as_deref).map_err(String::as_str);
    missing::taps(&mut facts, known);
    if let Ok(Some(microvms)) = known {
        more.extend(missing::findings(roots, config, microvms, &System));
    }
    images(roots, config, &mut facts);
    (facts, flintlockd, more)
}

/// A finding where a stop of flintlockd would end its microVMs.
pub(super) fn unprotected(config: &Config, state: &UnitState) -> Option<Finding> {
    let unit = config.flintlockd.unit.as_str();
    let finding = Finding::new(&catalogue::flk::UNPROTECTED, unit);
    let seen = format!("KillMode={}, {}", state.kill_mode, state.load_state);
    state.ends_all().then(|| finding.evidence(seen))
}

/// What containerd has of the images. Without its snapshotter it could not tell, and that is said.
pub(super) fn images(roots: &Roots, config: &Config, facts: &mut Facts) {
    let images = mvm_plan::images::wanted(config);
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
