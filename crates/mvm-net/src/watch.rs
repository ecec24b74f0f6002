//! Stays, and mends what somebody else took away.

use std::thread;
use std::time::{Duration, Instant};

use mvm_config::{Config, Roots};
use mvm_diagnostics::catalogue::nat::TABLE_BACK;
use mvm_diagnostics::sink;
use mvm_host::exit;
use mvm_host::oneshot::Report;
use mvm_network::{Changes, Kernel, unread};

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
    let mut told = Vec::new();
    loop {
        // The first look is after the sockets are open: nothing is missed in between.
        let findings = rules(roots, config, &mut kernel, true);
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

fn unavailable(error: &mvm_network::Error) -> Report {
    Report { findings: vec![unread(error)], code: exit::UNAVAILABLE }
}
