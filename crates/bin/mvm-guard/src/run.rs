//! Looks, acts, waits; for ever.

use std::thread;
use std::time::{Duration, Instant};

use mvm_core::{notify, sink};
use mvm_guard_kernel::{Events, store};
use mvm_guard_plan::Policy;
use mvm_oneshot as oneshot;
use mvm_oneshot::{Options, Program, Report};
use mvm_units_systemd::systemd::Manager;

use crate::guard::Guard;

/// After an event: other devices of the host raise events too, and many at once.
const PAUSE: Duration = Duration::from_secs(1);

/// Everything that `mvm-guard` does; returns only when it cannot begin.
pub(crate) fn run(program: &Program, options: &Options) -> Report {
    oneshot::configured(program, options, |roots, loaded| {
        let (store, policy): (_, Policy) = store(roots, &loaded.config);
        let mut guard = Guard::new(roots, &loaded.config, policy, store);
        let begun = Instant::now();
        loop {
            let events = armed();
            let status = guard.look(&mut Manager::connect, begun.elapsed().as_secs());
            guard.take_report().iter().for_each(sink::report);
            notify::ready();
            notify::status(&status);
            wait(events.as_ref(), guard.due());
        }
    })
}

/// Events from now on; `None` where device-mapper is not there, which is no reason to give up: a
/// mended host gets it without anybody restarting this.
fn armed() -> Option<Events> {
    let armed = Events::open().and_then(|events| events.arm().map(|()| events));
    armed.inspect_err(|error| log::debug!("{}", error.chain())).ok()
}

fn wait(events: Option<&Events>, due: Duration) {
    match events.map(|events| events.wait(due)) {
        Some(Ok(true)) => thread::sleep(PAUSE.min(due)),
        Some(Ok(false)) => {}
        Some(Err(error)) => {
            log::debug!("{}", error.chain());
            thread::sleep(due);
        }
        None => thread::sleep(due),
    }
}
