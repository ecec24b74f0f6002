//! The thin pool: mvm-thinpool against the script of flintlock that does the same.

use anyhow::{Context as _, Result};

use super::{median, ratio};
use crate::guest::Guest;
use crate::scenarios::host::{FILES, POOL};

/// Each figure is the median of so many runs.
const RUNS: usize = 9;

const SCRIPT: &str = include_str!("../../bench/devpool.sh");
/// Where the guest gets the script of flintlock.
pub(super) const SCRIPT_PATH: &str = "/usr/local/sbin/devpool.sh";

const CLEAR: &str = "for d in $(dmsetup ls | grep -o '^POOL[^ \t]*' | sort -r)
    do dmsetup remove $d; done
    for l in $(losetup -n -O NAME,BACK-FILE | grep DIR | cut -d' ' -f1); do losetup -d $l; done
    udevadm settle; rm -rf DIR /var/lib/mvmhost /var/lib/containerd-dev; sync";

/// Measures cold (no files, no devices) and warm (everything is there, nothing to do). Leaves the
/// guest with the script and without a pool.
///
/// # Errors
/// A command fails in the guest, which has mvmhost installed and not applied.
pub fn pool(guest: &mut Guest) -> Result<()> {
    let ours = "/usr/libexec/mvmhost/mvm-thinpool >/dev/null 2>&1";
    install_script(guest)?;
    guest.ok("modprobe -a loop dm_thin_pool")?;
    let (mut cold, mut by_hand, mut warm, mut warm_by_hand) = (vec![], vec![], vec![], vec![]);
    for _ in 0..RUNS {
        clear(guest)?;
        by_hand.push(timed(guest, SCRIPT_PATH)?);
        warm_by_hand.push(timed(guest, SCRIPT_PATH)?);
        clear(guest)?;
        cold.push(timed(guest, ours)?);
        warm.push(timed(guest, ours)?);
    }
    clear(guest)?;
    ratio("cold pool, against `provision.sh devpool`", median(cold), median(by_hand));
    ratio("warm pool, against `provision.sh devpool` again", median(warm), median(warm_by_hand));
    Ok(())
}

/// Puts the script into the guest.
///
/// # Errors
/// The guest has no room.
pub fn install_script(guest: &mut Guest) -> Result<()> {
    guest.ok(&format!("cat >{SCRIPT_PATH} <<'END'\n{SCRIPT}END\nchmod 755 {SCRIPT_PATH}")).map(drop)
}

fn clear(guest: &mut Guest) -> Result<()> {
    guest.ok(&CLEAR.replace("DIR", FILES).replace("POOL", POOL)).map(drop)
}

/// Milliseconds that the guest's own clock gives a command; bash reads it without a process.
pub(super) fn timed(guest: &mut Guest, command: &str) -> Result<f64> {
    let line = format!(
        "bash -c 'a=$EPOCHREALTIME; {command} || exit; b=$EPOCHREALTIME;
                  echo $((${{b/[.,]/}} - ${{a/[.,]/}}))'"
    );
    let text = guest.ok(&line)?;
    let last = text.lines().last().context("no time was told")?;
    Ok(last.trim().parse::<f64>()? / 1e3)
}
