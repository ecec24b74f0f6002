//! The power goes at any moment of what changes a host, with a real containerd. Afterwards the host comes
//! up whole or is made again, what was in the pool is as it was, its root and kernel image are whole, and it
//! takes a snapshot.

use std::time::Duration;

use anyhow::{Context as _, Result};

use super::{Campaign, Chance};
use crate::guest::Guest;
use crate::scenario::Context;
use crate::scenarios::host::{self, CTR, FILES, POOL};
use crate::setup;

/// The package is installed, nothing is applied.
const INSTALLED: &str = "installed";
/// The host is up, with data in its pool.
const UP: &str = "up";
/// After a cut, until the host is up or has been made again.
const COMES_UP: Duration = Duration::from_secs(240);
/// The images come from archives: there is no registry.
const ARCHIVES: &str = include_str!("archives.sh");

/// What is under way when the power goes.
struct Moment {
    name: &'static str,
    from: &'static str,
    /// What is done before, and is over when the power goes.
    before: &'static str,
    /// What is done; in the background.
    line: &'static str,
    /// What ends it where it did not begin or was taken back.
    after: &'static str,
    /// It takes up to about so long in a guest, in ms.
    takes: u64,
}

/// Of most moments there is nothing to tell but these.
const fn moment(name: &'static str, line: &'static str, takes: u64) -> Moment {
    Moment { name, from: UP, before: "true", line, after: "true", takes }
}

const MOMENTS: &[Moment] = &[
    Moment {
        from: INSTALLED,
        // The power may have gone before anything was begun.
        after: "mvmhost apply || test $? = 1",
        ..moment("set-up", "mvmhost apply", 25_000)
    },
    Moment {
        before: "for image in root kernel; do ctr -a /run/containerd-dev/containerd.sock -n flintlock images rm --sync r.test/$image:1; done",
        ..moment("unpack of images", "mvmhost images pull", 15_000)
    },
    moment(
        "first snapshot",
        "for n in $(seq 20); do ctr -a /run/containerd-dev/containerd.sock -n flintlock snapshots --snapshotter devmapper prepare cut-$n ''; done",
        20_000,
    ),
    moment(
        "snapshots made and removed",
        "s='ctr -a /run/containerd-dev/containerd.sock -n flintlock snapshots --snapshotter devmapper'; for n in $(seq 20); do $s prepare cut-$n '' && $s commit base-$n cut-$n && $s prepare vm-$n base-$n && $s rm vm-$n; done",
        30_000,
    ),
    moment("growth", "mvmhost pool grow --to 110GiB; mvmhost pool grow --to 120GiB", 6_000),
    moment(
        "apply",
        "printf '[containerd]\\nlog-level = \"debug\"\\n' >> /etc/mvmhost.toml; mvmhost apply",
        10_000,
    ),
    Moment {
        // A veth is gone after a boot, as a card that was pulled out.
        before: "ip link add wan type veth peer name far && ip address add 192.0.2.2/24 dev wan && ip link set wan up && ip link set far up
            cat /root/images.toml > /root/before.toml; printf '[network.bridge]\\nuplink = \"wan\"\\naddresses = []\\n[network.dhcp]\\nenabled = false\\n[network.nat]\\nenabled = false\\n' >> /etc/mvmhost.toml; sync",
        // Nobody confirms it, and without it the host is as it was.
        after: "cp /root/before.toml /etc/mvmhost.toml; mvmhost apply || test $? = 1",
        ..moment("apply with an uplink", "mvmhost apply", 15_000)
    },
    Moment {
        before: "systemctl stop mvm-guard.service flintlockd.service containerd-dev.service && mvmhost pool remove && mv /var/lib/mvmhost/receipt.json /root/
            cd /var/lib/containerd-dev/snapshotter/devmapper; D=$(losetup -f --show data) && M=$(losetup -f --show metadata) &&
            dmsetup create flintlock-dev-thinpool --table \"0 $(blockdev --getsz $D) thin-pool $M $D 128 32768 1 skip_block_zeroing\"; sync",
        after: "mvmhost adopt || true; mvmhost apply || test $? = 1",
        ..moment("adoption", "mvmhost adopt; mvmhost apply", 15_000)
    },
    moment(
        "upgrade of the package",
        "DEBIAN_FRONTEND=noninteractive apt-get install -y --reinstall mvmhost",
        20_000,
    ),
    moment(
        "restart of everything",
        "systemctl restart mvm-thinpool.service containerd-dev.service; systemctl start mvmhost.target",
        15_000,
    ),
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

/// One after the other, each cut somewhere else every time.
fn draw(number: u64, chance: &mut Chance) -> Option<(&'static Moment, u64)> {
    let moment = MOMENTS.get(usize::try_from(number % MOMENTS.len() as u64).ok()?)?;
    Some((moment, chance.below(moment.takes)))
}

impl Campaign for PowerCuts {
    fn prepare(&mut self, context: &mut Context) -> Result<()> {
        install(context)?;
        let guest = &mut context.guest;
        guest.ok(&format!("{ARCHIVES}\ncp /root/images.toml /etc/mvmhost.toml; sync"))?;
        guest.save(INSTALLED)?;
        guest.ok("mvmhost apply")?;
        host::write_data(guest)?;
        guest.ok("mvmhost images verify")?;
        guest.save(UP)
    }

    fn describe(&self, number: u64, chance: &mut Chance) -> Option<String> {
        draw(number, chance).map(|(moment, after)| format!("{} cut after {after} ms", moment.name))
    }

    fn case(&mut self, context: &mut Context, number: u64, chance: &mut Chance) -> Result<()> {
        let guest = &mut context.guest;
        let (moment, after) = draw(number, chance).context("no moment")?;
        guest.load(moment.from)?;
        guest.ok(moment.before)?;
        let seconds = Duration::from_millis(after).as_secs_f64();
        guest.ok(&format!(
            "sync; (sh -c '{}' &) >/dev/null 2>&1; sleep {seconds}",
            moment.line.replace('\'', "'\\''")
        ))?;
        guest.power_cut()?;
        // A package that was being changed is an operator's to finish, as dpkg says.
        guest.ok("dpkg --audit | grep -q . && dpkg --configure -a --force-confold; true")?;
        guest.wait_for(moment.after, COMES_UP)?;
        whole(guest, moment.from == UP)
    }
}

/// The host is up, has what it had, and takes more.
fn whole(guest: &mut Guest, had_data: bool) -> Result<()> {
    host::settles(guest, COMES_UP)?;
    if had_data {
        host::data_is_intact(guest)?;
    }
    guest.wait_for("mvmhost images verify", COMES_UP)?;
    let kept = "/root/after";
    guest.ok(&format!(
        "s='{CTR} snapshots --snapshotter devmapper'
         $s prepare after-the-cut '' >/dev/null && $s commit after after-the-cut && $s prepare live after >/dev/null
         device=$($s mounts {kept} live | grep -o '/dev/mapper/{POOL}[^ ]*')
         mkdir -p {kept} && mount $device {kept} && echo here > {kept}/file && umount {kept}
         test -s {FILES}/metadata.db"
    ))
    .map(drop)
}
