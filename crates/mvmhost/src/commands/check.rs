//! `mvmhost check`: every check, here or on another host's API.

use mvm_diagnostics::json::Document;
use mvm_diagnostics::{Finding, Severity, catalogue};
use mvm_host::configuration::load_or_last_good;
use mvm_host::systemd::{Manager, Units};
use mvm_plan::checks;
use mvm_validate::facts;

use super::deeds;
use crate::cli::CheckArguments;
use crate::context::Context;
use crate::output::{self, Exit};

pub(super) fn run(context: &Context, arguments: &CheckArguments) -> Exit {
    let (loaded, last_good) = match load_or_last_good(&context.roots, context.config.as_deref()) {
        Ok(loaded) => loaded,
        Err(findings) => {
            output::findings(context.json, &findings);
            return Exit::Config;
        }
    };
    let config = &loaded.config;
    let mut facts = facts::observe(&context.roots, config, None);
    // Its own endpoint is taken by flintlockd itself when it runs.
    let mut flintlockd = None;
    match Manager::connect().and_then(|mut units| units.state(config.flintlockd.unit.as_str())) {
        Ok(state) if state.main_pid != 0 => {
            flintlockd = i32::try_from(state.main_pid).ok();
            facts.endpoint = facts::endpoint(&context.roots, config, flintlockd);
        }
        Ok(_) => {}
        Err(error) => facts.unasked.push(("systemd".to_owned(), mvm_host::chain(&error))),
    }
    let mut found = checks::run(config, &facts);
    if arguments.deep {
        let done = deeds::run(&context.roots, config, &facts, flintlockd);
        found.extend(checks::deeds(config, &facts, &done));
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
