//! Each unit of the chain is stopped in turn: `mvmhost check` is never green, and the remedy that it
//! prints brings the unit back.

use anyhow::{Result, ensure};

use super::{checks, host};
use crate::scenario::Context;

/// What is stopped, and a code that check has for it.
const UNITS: [(&str, &str); 8] = [
    ("mvm-guard.service", "MVM-HOST-101"),
    ("mvm-net-watch.service", "MVM-HOST-101"),
    ("mvm-dhcp.service", "MVM-HOST-101"),
    ("flintlockd.service", "MVM-HOST-101"),
    ("mvm-hygiene.service", "MVM-HOST-101"),
    ("containerd-dev.service", "MVM-CTRD-004"),
    ("mvm-net.service", "MVM-HOST-101"),
    ("mvm-thinpool.service", "MVM-HOST-101"),
];

/// # Errors
/// A unit is down and the check is green, or its remedy does not bring it back.
pub fn no_unit_is_missed(context: &mut Context) -> Result<()> {
    let guest = &mut context.guest;
    guest.ok(host::UNDISTURBED)?;
    for (unit, code) in UNITS {
        guest.ok(&format!("systemctl stop {unit}; systemctl stop mvmhost-retry.timer || true"))?;
        let checked = guest.run("mvmhost check")?;
        ensure!(checked.code() == Some(1), "{unit} is stopped: {checked:?}");
        let found = checks::standing(guest, "check")?;
        let named = found.iter().find(|finding| finding["code"] == code);
        let Some(named) = named else { anyhow::bail!("{unit}: {found:?}") };
        ensure!(named["severity"] == "error", "{named}");
        let status = host::json(guest, "status")?;
        ensure!(status["ready"] == false, "{unit}: {status}");
        checks::heal(guest, "", named["remedy"].as_str().unwrap_or_default())?;
    }
    // Loaded without their drop-ins, as when the generator fails.
    let mask = "/etc/systemd/system-generators/mvmhost-generator";
    guest.ok(&format!(
        "mkdir -p $(dirname {mask}); ln -s /dev/null {mask}; systemctl daemon-reload"
    ))?;
    let found = checks::standing(guest, "check")?;
    ensure!(found.iter().any(|finding| finding["code"] == "MVM-HOST-214"), "{found:?}");
    guest.ok(&format!("rm {mask}; systemctl daemon-reload; mvmhost apply")).map(drop)
}
