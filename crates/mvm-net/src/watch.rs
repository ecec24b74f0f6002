//! Stays, and mends what somebody else took away.

use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use mvm_config::{Config, Roots};
use mvm_diagnostics::catalogue::{checked, nat::TABLE_BACK};
use mvm_diagnostics::{Finding, sink};
use mvm_host::exec::System;
use mvm_host::oneshot::Report;
use mvm_host::{chain, exit};
use mvm_network::{Changes, Kernel, Network, firewalls, unread};
use mvm_plan::checks;

use crate::run::rules;

/// Two programs that each put their own rules in place of the other's would do so for ever: after
/// a second repair within [`QUIET`] the next one waits this long.
const TRUCE: Duration = Duration::from_secs(60);
const QUIET: Duration = Duration::from_secs(10);

/// Waits and mends until the unit is stopped; returns only what made it give up.
pub(crate) fn watch(roots: &Roots, config: &Config) -> Report {
    let opened = Changes::open().and_then(|changes| Ok((changes, Kernel::connect(roots)?)));
    let (changes, mut kernel) = match opened {
        Ok(opened) => opened,
        Err(error) => return unavailable(&error),
    };
    let mut mended: Option<Instant> = None;
    // The sockets are open: nothing is missed in between. What is kept in already is said before
    // flintlockd starts.
    let mut told = kept_in(roots, config);
    loop {
        let mut findings = rules(roots, config, kernel.observe(), true);
        findings.extend(kept_in(roots, config));
        // What is still so need not be said again.
        findings.iter().filter(|finding| !told.contains(*finding)).for_each(sink::report);
        if findings.iter().any(|finding| finding.code() == TABLE_BACK.code) {
            if mended.is_some_and(|at| at.elapsed() < QUIET) {
                thread::sleep(TRUCE);
            }
            mended = Some(Instant::now());
        }
        told = findings;
        if let Err(error) = changes.wait() {
            return unavailable(&error);
        }
    }
}

/// What firewalls of others keep in, without what the operator has answered.
fn kept_in(roots: &Roots, config: &Config) -> Vec<Finding> {
    let forward = match firewalls::forward(roots, &System) {
        Ok(forward) => forward,
        Err(error) => {
            let unchecked = Finding::new(&checked::NOT_CHECKED, "what firewalls drop");
            return vec![unchecked.with("why", chain(&error))];
        }
    };
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    let found = checks::obstacles(config, &forward);
    checks::split(&config.validate, found, i64::try_from(now).unwrap_or(i64::MAX)).0
}

fn unavailable(error: &mvm_network::Error) -> Report {
    Report { findings: vec![unread(error)], code: exit::UNAVAILABLE }
}
