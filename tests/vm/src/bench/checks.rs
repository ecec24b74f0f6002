//! `mvmhost check` against the checks of flintlock's guides, typed one after the other.

use std::time::Duration;

use anyhow::{Result, ensure};

use super::pool::timed;
use super::{median, ratio};
use crate::guest::Guest;
use crate::scenarios::host::{self, CTR};

/// Each figure is the median of so many runs.
const RUNS: usize = 5;

const SCRIPT: &str = include_str!("../../bench/seed-checks.sh");
const SCRIPT_PATH: &str = "/usr/local/sbin/seed-checks.sh";
// 1: it found something, such as an image that no registry gave to this guest.
const OURS: &str = "mvmhost check >/dev/null 2>&1 || test $? = 1";
const DIAGNOSE: &str = "mvmhost diagnose >/dev/null 2>&1 || test $? = 1";

/// Thin snapshots, journal lines and images of a host that is used a lot; made in two halves.
const SNAPSHOTS: u32 = 1_000;
const LINES: u32 = 100_000;
const IMAGES: u32 = 50;
/// An emulated guest, many ioctls and a slow journal.
const LONG: Duration = Duration::from_secs(900);

/// Measures both on the host as it is, and mvmhost's own as the host is used more and more.
///
/// # Errors
/// A command fails in the guest, which `mvmhost apply` has brought up.
pub fn checks(guest: &mut Guest) -> Result<()> {
    guest.ok(&format!(
        "cat >{SCRIPT_PATH} <<'END'\n{SCRIPT}END\nchmod 755 {SCRIPT_PATH}; {CTR} version >/dev/null"
    ))?;
    let theirs = format!("{SCRIPT_PATH} >/dev/null 2>&1");
    let (before, by_hand) = (middle(guest, OURS)?, middle(guest, &theirs)?);
    ratio("mvmhost check, against the guides' checks in a row", before, by_hand);
    let diagnosed = middle(guest, DIAGNOSE)?;
    prepare(guest)?;
    let mut after = Vec::new();
    for half in 1..=2 {
        let made = guest.run_within(&fill(half), LONG)?;
        ensure!(made.success(), "{made:?}");
        // Everything is there, and nothing is wrong.
        let checked = host::json(guest, "check")?;
        ensure!(host::codes(&checked) == ["MVM-HOST-205"], "{checked}");
        after.push(middle(guest, OURS)?);
    }
    let load = format!("{SNAPSHOTS} thin snapshots, {IMAGES} images, {LINES} journal lines");
    ratio("mvmhost check with half of them, against none", after[0], before);
    ratio(&format!("mvmhost check with {load}, against none"), after[1], before);
    ratio("the second half's growth, against the first's", after[1] - after[0], after[0] - before);
    ratio("the same host, against the guides' checks", after[1], middle(guest, &theirs)?);
    ratio("mvmhost diagnose with them, against none", middle(guest, DIAGNOSE)?, diagnosed);
    Ok(())
}

/// The median of some runs.
fn middle(guest: &mut Guest, command: &str) -> Result<f64> {
    let times: Result<Vec<f64>> = (0..RUNS).map(|_| timed(guest, command)).collect();
    Ok(median(times?))
}

/// An archive with an image of as many names, and a journal that takes as many lines.
fn prepare(guest: &mut Guest) -> Result<()> {
    let names: Vec<String> = (1..=IMAGES).map(|n| format!("\"r.test/image:{n}\"")).collect();
    let names = names.join(", ");
    guest.ok(&format!(
        "mkdir -p /run/systemd/journald.conf.d /root/image && cd /root/image
         printf '[Journal]\\nRateLimitIntervalSec=0\\n' >/run/systemd/journald.conf.d/all.conf
         systemctl restart systemd-journald.service
         echo something >file; tar cf layer.tar file
         printf '{{\"architecture\":\"amd64\",\"os\":\"linux\",\"rootfs\":{{\"type\":\"layers\",\"diff_ids\":[\"sha256:%s\"]}}}}' \
             $(sha256sum layer.tar | cut -c 1-64) >config.json
         echo '[{{\"Config\":\"config.json\",\"RepoTags\":[{names}],\"Layers\":[\"layer.tar\"]}}]' >manifest.json
         tar cf /root/images.tar manifest.json config.json layer.tar
         printf '[images]\\nkernel = []\\nroot = [{names}]\\n' >/etc/mvmhost.toml
         mvmhost images import /root/images.tar >/dev/null
         dmsetup message {} 0 'create_thin 100000'",
        host::POOL
    ))?;
    Ok(())
}

/// One half more. Snapshots are made by messages to the pool, because containerd's own would take an
/// hour to be formatted; their numbers are far from its.
fn fill(half: u32) -> String {
    let (each, lines, images) = (SNAPSHOTS / 2, LINES / 2, IMAGES / 2 * half);
    let first = 100_001 + each * (half - 1);
    let last = first + each - 1;
    format!(
        "for i in $(seq {first} {last}); do dmsetup message {} 0 \"create_snap $i 100000\"; done
         for i in $(seq {lines}); do echo \"time=now level=info msg=line$i vmid=ns/name/uid\"; done |
             systemd-cat -t flintlockd -p info; journalctl --sync
         printf '[images]\\nkernel = []\\nroot = [%s]\\n' \
             $(seq -s , -f '\"r.test/image:%g\"' {images}) >/etc/mvmhost.toml",
        host::POOL
    )
}
