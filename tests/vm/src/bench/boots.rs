//! Boots of one host that comes up by mvmhost, and by the units a user would write by hand.

use std::time::Duration;

use anyhow::Result;

use super::pool::SCRIPT_PATH;
use super::{median, ratio};
use crate::guest::Guest;

/// Boots of each kind, of which the median counts.
const BOOTS: usize = 5;

const BY_HAND: &str = include_str!("../../bench/by-hand.sh");
/// A generator that is a link to /dev/null does not run: systemd.generator(7).
const MASK: &str = "/etc/systemd/system-generators/mvmhost-generator";
/// The hand-written units.
const UNITS: &str = "by-hand-devpool by-hand-bridge by-hand-containerd by-hand-flintlockd";
/// Emulated, and the last of the chain.
const UP: Duration = Duration::from_secs(60);

/// Measures boots by turns: the same pool, containerd and flintlockd, by mvmhost and by hand.
///
/// # Errors
/// A host does not come up, in a guest on which `mvmhost apply` has brought everything up.
pub fn boots(guest: &mut Guest) -> Result<()> {
    guest.ok(&format!("test -x {SCRIPT_PATH}; bash -s <<'END'\n{BY_HAND}END"))?;
    let (mut ours, mut theirs) = (vec![], vec![]);
    for _ in 0..BOOTS {
        guest.ok(&format!(
            "mkdir -p $(dirname {MASK}) && ln -sf /dev/null {MASK} &&
             systemctl --quiet disable mvmhost.target && systemctl --quiet enable {UNITS} && sync"
        ))?;
        guest.reboot()?;
        guest.wait_for("systemctl is-active by-hand-flintlockd.service", UP)?;
        theirs.push(boot(guest)?);
        guest.ok(&format!(
            "rm {MASK} && systemctl --quiet disable {UNITS} &&
             systemctl --quiet enable mvmhost.target && sync"
        ))?;
        guest.reboot()?;
        guest.wait_for("mvmhost plan", UP)?;
        ours.push(boot(guest)?);
    }
    let split = |times: Vec<(f64, f64)>| -> (f64, f64) {
        let (target, finished) = times.into_iter().unzip();
        (median(target), median(finished))
    };
    let (ours, theirs) = (split(ours), split(theirs));
    println!(
        "boots: the same pool, bridge, containerd and flintlockd, by mvmhost (metadata checked, \
         plugin and API proven) against enabled units and provision.sh's steps (neither)"
    );
    ratio("boot to multi-user.target, by mvmhost against by hand", ours.0, theirs.0);
    ratio("boot until no job is left, by mvmhost against by hand", ours.1, theirs.1);
    Ok(())
}

/// Milliseconds of userspace until multi-user.target, and until systemd has no job left.
fn boot(guest: &mut Guest) -> Result<(f64, f64)> {
    let finished = guest.boot_time()?.as_secs_f64() * 1e3;
    let text = guest
        .ok("echo $(( $(systemctl show -P ActiveEnterTimestampMonotonic multi-user.target)
                - $(systemctl show -P UserspaceTimestampMonotonic) ))")?;
    Ok((text.trim().parse::<f64>()? / 1e3, finished))
}
