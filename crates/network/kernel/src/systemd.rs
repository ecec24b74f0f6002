//! Has systemd start a unit, over D-Bus. A host without systemd has no such unit.

use mvm_core::Roots;

use crate::bus;
use crate::error::Error;

const NAME: &str = "org.freedesktop.systemd1";
const PATH: &str = "/org/freedesktop/systemd1";
const MANAGER: &str = "org.freedesktop.systemd1.Manager";

/// Starts a unit that does not run, and does not wait for it.
///
/// # Errors
/// The bus or systemd refuses.
pub fn start(roots: &Roots, unit: &str) -> Result<(), Error> {
    call(roots, "have systemd start a unit", "StartUnit", unit)
}

/// Restarts a unit that runs, and does not wait for it.
///
/// # Errors
/// The bus or systemd refuses.
pub fn try_restart(roots: &Roots, unit: &str) -> Result<(), Error> {
    call(roots, "have systemd restart a unit", "TryRestartUnit", unit)
}

fn call(roots: &Roots, request: &'static str, method: &str, unit: &str) -> Result<(), Error> {
    if !bus::is_there(roots) {
        return Ok(());
    }
    bus::run(roots, request, async |bus| {
        let body = (unit, "replace");
        bus.call_method(Some(NAME), PATH, Some(MANAGER), method, &body).await.map(drop)
    })
}
