//! `mvmhost check`: every check, here or on another host's API.

use mvm_config::{Config, Roots};
use mvm_diagnostics::json::Document;
use mvm_diagnostics::{Finding, Severity, catalogue};
use mvm_host::chain;
use mvm_host::configuration::load_or_last_good;
use mvm_host::systemd::{Manager, Units};
use mvm_images_client::Error;
use mvm_images_client::run::Job;
use mvm_plan::checks::{self, Facts, Plugin};
use mvm_plan::images::State;
use mvm_validate::facts;

use super::{deeds, smoke};
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
    let (facts, flintlockd) = observe(&context.roots, config);
    let mut found = checks::run(config, &facts);
    if arguments.deep {
        let done = deeds::run(&context.roots, config, &facts, flintlockd);
        found.extend(checks::deeds(config, &facts, &done));
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
    if well {
        let all = Finding::new(&catalogue::checked::ALL_WELL, "this host");
        findings.push(all.with("count", checks::ALL.len()));
    }
    if context.json {
        let names: Vec<&str> = checks::ALL.iter().map(|(name, _)| *name).collect();
        output::print(&Document::new(&findings).with("checks", names).text());
    } else {
        output::findings(false, &findings);
    }
    output::exit_for(&findings)
}

/// What all checks look at, and the pid of a flintlockd that runs.
pub(super) fn observe(roots: &Roots, config: &Config) -> (Facts, Option<i32>) {
    let mut facts = facts::observe(roots, config, None);
    // Its own endpoint is taken by flintlockd itself when it runs.
    let mut flintlockd = None;
    match Manager::connect().and_then(|mut units| units.state(config.flintlockd.unit.as_str())) {
        Ok(state) if state.main_pid != 0 => {
            flintlockd = i32::try_from(state.main_pid).ok();
            facts.endpoint = facts::endpoint(roots, config, flintlockd);
        }
        Ok(_) => {}
        Err(error) => facts.unasked.push(("systemd".to_owned(), chain(&error))),
    }
    images(roots, config, &mut facts);
    (facts, flintlockd)
}

/// What containerd has of the images. Without its snapshotter it could not tell, and that is said.
fn images(roots: &Roots, config: &Config, facts: &mut Facts) {
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
