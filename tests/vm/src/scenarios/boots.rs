//! The same host after every boot.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};

use super::host;
use crate::guest::Guest;
use crate::scenario::Context;

/// How long a boot may take to have the whole chain up.
const BOOT: Duration = Duration::from_secs(90);
/// Each snapshot starts ctr, and a Go program takes an emulated second for that.
const MAKING: Duration = Duration::from_secs(900);

/// How many reboots, and how many power cuts, of a host with how many live snapshots.
struct Series {
    boots: usize,
    snapshots: usize,
}

/// # Errors
/// A boot did not end in the same host.
pub fn reboots_and_power_cuts(context: &mut Context) -> Result<()> {
    series(&mut context.guest, &Series { boots: 2, snapshots: 5 })
}

/// The same on a host full of microVMs.
///
/// # Errors
/// A boot did not end in the same host.
pub fn many_reboots_and_power_cuts(context: &mut Context) -> Result<()> {
    series(&mut context.guest, &Series { boots: 10, snapshots: 50 })
}

fn series(guest: &mut Guest, &Series { boots, snapshots }: &Series) -> Result<()> {
    let digest = make_snapshots(guest, snapshots)?;
    for boot in 1..=boots {
        guest.reboot()?;
        same_host(guest, &format!("reboot {boot}"))?;
        ensure!(guest.ok(DIGEST)? == digest, "reboot {boot}: the snapshots changed");
    }
    for boot in 1..=boots {
        // Blocks are being allocated in the pool and containerd's databases written when the power
        // goes.
        guest.ok(&format!(
            "(dd if=/dev/urandom of={volume} bs=1M count=512 seek=4096 conv=nocreat status=none &
              for n in $(seq 0 99); do {ctr} leases create --id cut{boot}-$n; done &) >/dev/null 2>&1
             sleep {}",
            1 + boot % 3,
            ctr = host::CTR,
            volume = host::VOLUME,
        ))?;
        guest.power_cut()?;
        same_host(guest, &format!("power cut {boot}"))?;
        ensure!(guest.ok(DIGEST)? == digest, "power cut {boot}: the snapshots changed");
    }
    Ok(())
}

/// How many there are, and what is in them.
pub(crate) const DIGEST: &str = "set -- /dev/mapper/flintlock-dev-thinpool-snap-*; echo $#
    for one; do test -b $one && dd if=$one bs=64k count=1 skip=16384 iflag=direct status=none || exit 1
    done >/run/snapshots && sha256sum </run/snapshots";

/// Makes snapshots of one parent, each with something of its own in it, and gives their digest.
pub(crate) fn make_snapshots(guest: &mut Guest, count: usize) -> Result<String> {
    let make = format!(
        "set -e; s='{ctr} snapshots --snapshotter devmapper'
         $s prepare root '' && $s commit base root
         for n in $(seq {count}); do $s prepare live-$n base; done
         for one in /dev/mapper/flintlock-dev-thinpool-snap-*; do
         dd if=/dev/urandom of=$one bs=64k count=1 seek=16384 oflag=direct conv=fsync,nocreat status=none
         done; sync",
        ctr = host::CTR
    );
    guest.run_within(&make, MAKING)?.required(&make)?;
    let digest = guest.ok(DIGEST)?;
    // Beside them the one that every host here has.
    ensure!(digest.starts_with(&format!("{}\n", count + 1)), "not all are live: {digest}");
    Ok(digest)
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
        same_host(&mut context.guest, &format!("power cut {boot}"))?;
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

fn same_host(guest: &mut Guest, boot: &str) -> Result<()> {
    host::settles(guest, BOOT).with_context(|| boot.to_owned())?;
    // The plugin was ok the first time: containerd was started once in this boot.
    let restarts = guest.ok("systemctl show -P NRestarts containerd-dev.service")?;
    ensure!(restarts.trim() == "0", "containerd-dev was restarted {} times", restarts.trim());
    host::data_is_intact(guest)?;
    let errors =
        guest.ok("journalctl --sync; journalctl -b -t mvmhost -p err -o cat --no-pager")?;
    ensure!(errors.trim().is_empty(), "{boot}: {errors}");
    Ok(())
}
