//! Reboots of a host with fifty live snapshots: each of them is the same afterwards. A reboot goes through
//! the whole shutdown, and begins again where the kernel is about to mount the root disk.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};

use super::power_cuts::{self, Start};
use super::{Campaign, Chance};
use crate::guest::Guest;
use crate::scenario::Context;
use crate::scenarios::host;

/// Live snapshots beside the one that every host under test has.
const SNAPSHOTS: usize = 50;
/// A Go program is started for each.
const MAKING: Duration = Duration::from_secs(900);
/// All of them are made again at containerd's start.
const COMES_UP: Duration = Duration::from_secs(240);
const DIGEST: &str = "set -- /dev/mapper/flintlock-dev-thinpool-snap-*; echo $#
    for one; do dd if=$one bs=64k count=1 skip=16384 iflag=direct status=none; done | sha256sum";

/// The campaign.
#[derive(Debug, Default)]
pub struct Reboots {
    start: Option<Start>,
    digest: String,
}

impl Campaign for Reboots {
    fn prepare(&mut self, context: &mut Context) -> Result<()> {
        let mut digest = String::new();
        let start = power_cuts::freeze(context, |guest| {
            digest = live(guest)?;
            Ok(())
        })?;
        let expected = format!("{}\n", SNAPSHOTS + 1);
        ensure!(digest.starts_with(&expected), "not all are live: {digest}");
        self.digest = digest;
        context.guest.thaw(&start.up, "rebooted")?;
        self.start = Some(start);
        Ok(())
    }

    fn describe(&self, number: u64, _: &mut Chance) -> Option<String> {
        Some(format!("reboot {}", number + 1))
    }

    fn case(&mut self, context: &mut Context, _: u64, _: &mut Chance) -> Result<()> {
        let guest = &mut context.guest;
        let start = self.start.as_ref().context("it was not prepared")?;
        guest.reboot_from(&start.before_root)?;
        host::settles(guest, COMES_UP)?;
        let digest = guest.ok(DIGEST)?;
        ensure!(digest == self.digest, "the snapshots changed: {} became {digest}", self.digest);
        Ok(())
    }
}

/// Makes the snapshots, each with data of its own, and tells what is in all of them.
fn live(guest: &mut Guest) -> Result<String> {
    let make = format!(
        "set -e; s='{ctr} snapshots --snapshotter devmapper'
         $s prepare root '' && $s commit base root
         for n in $(seq {SNAPSHOTS}); do $s prepare live-$n base; done
         for one in /dev/mapper/flintlock-dev-thinpool-snap-*; do
         dd if=/dev/urandom of=$one bs=64k count=1 seek=16384 oflag=direct conv=fsync status=none
         done; sync",
        ctr = host::CTR
    );
    guest.run_within(&make, MAKING)?.required(&make)?;
    guest.ok(DIGEST)
}
