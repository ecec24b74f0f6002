//! The same host after every boot.

use std::time::Duration;

use anyhow::{Result, ensure};

use super::host;
use crate::guest::Guest;
use crate::runner::Context;

/// How long a boot may take to have the whole chain up.
const BOOT: Duration = Duration::from_secs(90);

/// # Errors
/// A boot did not end in the same host.
pub fn three_reboots(context: &mut Context) -> Result<()> {
    for boot in 1..=3 {
        context.guest.reboot()?;
        same_host(&mut context.guest, boot)?;
    }
    Ok(())
}

/// # Errors
/// A boot did not end in the same host.
pub fn three_power_cuts(context: &mut Context) -> Result<()> {
    for boot in 1..=3 {
        // Blocks are being allocated in the pool and containerd's databases written when the power
        // goes.
        context.guest.ok(&format!(
            "(dd if=/dev/urandom of={volume} bs=1M count=512 seek=4096 status=none &
              for n in $(seq 100); do {ctr} leases create --id cut{boot}-$n; done &) >/dev/null 2>&1
             sleep {boot}",
            ctr = host::CTR,
            volume = host::VOLUME,
        ))?;
        context.guest.power_cut()?;
        same_host(&mut context.guest, boot)?;
    }
    Ok(())
}

/// Power goes while a new configuration is applied and the last good one is written: the next boot
/// has the old or the new one, whole.
///
/// # Errors
/// It has neither.
pub fn power_cut_while_applying(context: &mut Context) -> Result<()> {
    for (boot, delay) in ["0.3", "2"].into_iter().enumerate() {
        let line = format!(
            "printf '[containerd]\\nlog-level = \"{}\"\\n' > /etc/mvmhost.toml; sync;
             (mvmhost apply &) >/dev/null 2>&1; sleep {delay}",
            ["debug", "warn"][boot]
        );
        context.guest.ok(&line)?;
        context.guest.power_cut()?;
        context.guest.ok("mvmhost --config /etc/mvmhost/applied.toml config check")?;
        context.guest.wait_for("mvmhost apply", BOOT)?;
        same_host(&mut context.guest, boot)?;
    }
    Ok(())
}

/// In every boot so far, flintlockd was never started without pool, socket and bridge.
///
/// # Errors
/// It was.
pub fn flintlockd_never_ran_without_its_chain(context: &mut Context) -> Result<()> {
    let guest = &mut context.guest;
    // A boot in which the pool cannot come up at first.
    guest.ok(&format!("mv {0}/data {0}/data.away && sync", host::FILES))?;
    guest.reboot()?;
    host::is_held_back(guest)?;
    guest.ok(&format!("mv {0}/data.away {0}/data", host::FILES))?;
    host::settles(guest, host::HEALS)?;
    let starts = guest
        .ok("journalctl --sync; journalctl -u flintlockd.service -o cat | grep 'standin: start'")?;
    ensure!(starts.lines().count() >= 2, "{starts}");
    for line in starts.lines() {
        ensure!(!line.contains("absent"), "flintlockd was started half up: {line}");
    }
    Ok(())
}

fn same_host(guest: &mut Guest, boot: usize) -> Result<()> {
    host::settles(guest, BOOT).map_err(|error| error.context(format!("boot {boot}")))?;
    // The plugin was ok the first time: containerd was started once in this boot.
    let restarts = guest.ok("systemctl show -P NRestarts containerd-dev.service")?;
    ensure!(restarts.trim() == "0", "containerd-dev was restarted {} times", restarts.trim());
    host::data_is_intact(guest)?;
    let errors =
        guest.ok("journalctl --sync; journalctl -b -t mvmhost -p err -o cat --no-pager")?;
    ensure!(errors.trim().is_empty(), "boot {boot}: {errors}");
    Ok(())
}
