//! Reboots of a host with fifty live snapshots: each of them is the same afterwards. A reboot goes through
//! the whole shutdown, and begins again where the kernel is about to mount the root disk.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};

use super::power_cuts::{self, Start};
use super::{Campaign, Chance};
use crate::scenario::Context;
use crate::scenarios::boots::{DIGEST, make_snapshots};
use crate::scenarios::host;

/// Live snapshots beside the one that every host under test has.
const SNAPSHOTS: usize = 50;
/// All of them are made again at containerd's start.
const COMES_UP: Duration = Duration::from_secs(240);

/// The campaign `reboots`.
#[derive(Debug, Default)]
pub struct Reboots {
    start: Option<Start>,
    digest: String,
}

impl Campaign for Reboots {
    fn prepare(&mut self, context: &mut Context) -> Result<()> {
        let mut digest = String::new();
        let start = power_cuts::freeze(context, |guest| {
            digest = make_snapshots(guest, SNAPSHOTS)?;
            Ok(())
        })?;
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
