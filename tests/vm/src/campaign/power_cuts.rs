//! The power goes at any moment of what changes a host, with a real containerd. Afterwards the host comes
//! up whole or is made anew, what was in the pool is as it was, and it takes a snapshot.

use std::time::Duration;

use anyhow::{Context as _, Result};

use super::{Campaign, Chance};
use crate::guest::Guest;
use crate::scenario::Context;
use crate::scenarios::host::{self, CTR, POOL};
use crate::setup;

/// The package is installed, nothing is applied.
const INSTALLED: &str = "installed";
/// The host is up, with data in its pool.
const UP: &str = "up";
/// After a cut, until the host is up or has been made anew.
const COMES_UP: Duration = Duration::from_secs(240);

/// What is under way when the power goes.
struct Moment {
    name: &'static str,
    from: &'static str,
    /// What is done; in the background.
    line: &'static str,
    /// It takes up to about so long in a guest, in ms.
    takes: u64,
}

const MOMENTS: &[Moment] = &[
    Moment { name: "set-up", from: INSTALLED, line: "mvmhost apply", takes: 15_000 },
    Moment {
        name: "first snapshot",
        from: UP,
        line: "for n in $(seq 20); do ctr -a /run/containerd-dev/containerd.sock -n flintlock snapshots --snapshotter devmapper prepare cut-$n ''; done",
        takes: 20_000,
    },
    Moment {
        name: "snapshots made and removed",
        from: UP,
        line: "s='ctr -a /run/containerd-dev/containerd.sock -n flintlock snapshots --snapshotter devmapper'; for n in $(seq 20); do $s prepare cut-$n '' && $s commit base-$n cut-$n && $s prepare vm-$n base-$n && $s rm vm-$n; done",
        takes: 30_000,
    },
    Moment {
        name: "growth",
        from: UP,
        line: "mvmhost pool grow --to 110GiB; mvmhost pool grow --to 120GiB",
        takes: 6_000,
    },
    Moment {
        name: "apply",
        from: UP,
        line: "printf '[containerd]\\nlog-level = \"debug\"\\n' > /etc/mvmhost.toml; mvmhost apply",
        takes: 10_000,
    },
    Moment {
        name: "upgrade of the package",
        from: UP,
        line: "DEBIAN_FRONTEND=noninteractive apt-get install -y --reinstall mvmhost",
        takes: 20_000,
    },
    Moment {
        name: "restart of everything",
        from: UP,
        line: "systemctl restart mvm-thinpool.service containerd-dev.service; systemctl start mvmhost.target",
        takes: 15_000,
    },
];

/// The campaign.
#[derive(Debug, Default, Clone, Copy)]
pub struct PowerCuts;

/// The package, the stand-ins, and nothing applied.
pub(super) fn install(context: &mut Context) -> Result<()> {
    let guest = &mut context.guest;
    let install = "DEBIAN_FRONTEND=noninteractive apt-get install -y -qq mvmhost";
    guest.run_within(install, Duration::from_secs(600))?.required(install)?;
    setup::copy_standins(guest)?;
    guest.ok("systemctl disable -q --now containerd.service; sync").map(drop)
}

fn draw(chance: &mut Chance) -> Option<(&'static Moment, u64)> {
    let moment = MOMENTS.get(usize::try_from(chance.below(MOMENTS.len() as u64)).ok()?)?;
    Some((moment, chance.below(moment.takes)))
}

impl Campaign for PowerCuts {
    fn prepare(&mut self, context: &mut Context) -> Result<()> {
        install(context)?;
        let guest = &mut context.guest;
        guest.save(INSTALLED)?;
        guest.ok("mvmhost apply")?;
        host::write_data(guest)?;
        guest.save(UP)
    }

    fn describe(&self, _: u64, chance: &mut Chance) -> Option<String> {
        draw(chance).map(|(moment, after)| format!("{} cut after {after} ms", moment.name))
    }

    fn case(&mut self, context: &mut Context, _: u64, chance: &mut Chance) -> Result<()> {
        let guest = &mut context.guest;
        let (moment, after) = draw(chance).context("no moment")?;
        guest.load(moment.from)?;
        let seconds = Duration::from_millis(after).as_secs_f64();
        guest.ok(&format!(
            "sync; (sh -c '{}' &) >/dev/null 2>&1; sleep {seconds}",
            moment.line.replace('\'', "'\\''")
        ))?;
        guest.power_cut()?;
        if moment.from == INSTALLED {
            guest.wait_for("mvmhost apply", COMES_UP)?;
        }
        whole(guest, moment.from == UP)
    }
}

/// The host is up, takes a snapshot, and has what it had.
fn whole(guest: &mut Guest, had_data: bool) -> Result<()> {
    host::settles(guest, COMES_UP)?;
    if had_data {
        host::data_is_intact(guest)?;
    }
    let kept = "/root/after";
    guest.ok(&format!(
        "s='{CTR} snapshots --snapshotter devmapper'
         $s prepare after-the-cut '' >/dev/null && $s commit after after-the-cut && $s prepare live after >/dev/null
         device=$($s mounts {kept} live | grep -o '/dev/mapper/{POOL}[^ ]*')
         mkdir -p {kept} && mount $device {kept} && echo here > {kept}/file && umount {kept}"
    ))
    .map(drop)
}
