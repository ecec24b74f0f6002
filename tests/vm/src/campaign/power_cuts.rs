//! The power goes at any moment of what changes a host, with a real containerd. Afterwards the host comes
//! up whole or is made again, what was in the pool is as it was, its root and kernel image are whole, and it
//! takes a snapshot.
//!
//! What is under way is begun once for several cuts: the disk is kept as it is at each of them, which is
//! all that a power cut leaves. Then each disk is booted and judged on its own, from the moment before it is
//! mounted, so that no time goes into the kernel and its initramfs.

use std::path::PathBuf;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};

use super::{Campaign, Chance};
use crate::guest::{Frozen, Guest};
use crate::scenario::Context;
use crate::scenarios::host::{self, CTR, FILES, POOL, UNITS};
use crate::setup;

/// The package is installed, nothing is applied.
const INSTALLED: &str = "installed";
/// The host is up, with data in its pool.
const UP: &str = "up";
/// In the boot after a cut, in seconds, for each thing that is waited for.
const COMES_UP: u64 = 240;
/// For all that is asked of a host after a cut.
const JUDGED: Duration = Duration::from_secs(900);
/// Cuts of one run of what is under way.
const CUTS: u64 = 10;
/// What the boot after a cut does without: nothing of ours, and nothing that ours needs.
const LEAN: &str = "quiet systemd.show_status=0 systemd.mask=systemd-logind.service \
    systemd.mask=getty@tty1.service systemd.mask=serial-getty@ttyS0.service \
    systemd.mask=e2scrub_reap.service systemd.mask=systemd-timesyncd.service systemd.mask=cron.service";
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
    moment("growth", "mvmhost pool grow --to 5GiB; mvmhost pool grow --to 6GiB", 6_000),
    // What a shell appends is no file until it is on the disk; editors see to that.
    Moment {
        // The power may have gone before the new file was taken over: that stays to be done.
        after: "! mvmhost plan | grep -q 'keep the configuration' || mvmhost apply",
        ..moment(
            "apply",
            "printf '[containerd]\\nlog-level = \"debug\"\\n' >> /etc/mvmhost.toml; sync; mvmhost apply",
            10_000,
        )
    },
    Moment {
        // The card is there again after a boot, and not up.
        before: "printf '[NetDev]\\nName=wan\\nKind=veth\\n[Peer]\\nName=far\\n' > /etc/systemd/network/10-wan.netdev
            printf '[Match]\\nName=wan far\\n[Link]\\nUnmanaged=yes\\n' > /etc/systemd/network/10-wan.network
            networkctl reload; until test -e /sys/class/net/wan; do sleep 0.1; done
            ip address add 192.0.2.2/24 dev wan && ip link set wan up && ip link set far up
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

/// Where the cases of this campaign, and of others, begin.
#[derive(Debug)]
pub(super) struct Start {
    installed: Frozen,
    pub(super) up: Frozen,
    /// About to mount its root disk.
    pub(super) before_root: Frozen,
}

/// The campaign `power-cuts`.
#[derive(Debug)]
pub struct PowerCuts {
    seed: u64,
    start: Option<Start>,
    /// The number of the first case of the run that was cut last, and its disks.
    cut: Option<(u64, Vec<PathBuf>)>,
}

/// The package, the stand-ins, and nothing applied.
pub(super) fn install(context: &mut Context) -> Result<()> {
    let guest = &mut context.guest;
    let install = "DEBIAN_FRONTEND=noninteractive apt-get install -y -qq mvmhost";
    guest.run_within(install, Duration::from_secs(600))?.required(install)?;
    setup::copy_standins(guest)?;
    guest.ok("systemctl disable -q --now containerd.service; sync").map(drop)
}

/// A host with its images from archives, which is applied by `mvmhost apply`.
pub(super) fn with_images(guest: &mut Guest) -> Result<()> {
    guest.ok(&format!("{ARCHIVES}\ncp /root/images.toml /etc/mvmhost.toml; sync")).map(drop)
}

/// It is up, with data in its pool.
pub(super) fn bring_up(guest: &mut Guest) -> Result<()> {
    guest.ok("mvmhost apply")?;
    host::write_data(guest)?;
    guest.ok("mvmhost images verify; sync").map(drop)
}

/// Freezes an installed host, one that is up with what `more` makes there, and one that is about to boot.
pub(super) fn freeze(
    context: &mut Context,
    more: impl FnOnce(&mut Guest) -> Result<()>,
) -> Result<Start> {
    install(context)?;
    let guest = &mut context.guest;
    with_images(guest)?;
    let installed = guest.freeze(INSTALLED)?;
    guest.thaw(&installed, "host")?;
    bring_up(guest)?;
    more(guest)?;
    let up = guest.freeze(UP)?;
    let before_root = guest.freeze_before_root(up.disk(), LEAN)?;
    Ok(Start { installed, up, before_root })
}

/// One after the other, each cut somewhere else every time.
fn draw(number: u64, chance: &mut Chance) -> Option<(&'static Moment, u64)> {
    let run = number / CUTS;
    let moment = MOMENTS.get(usize::try_from(run % MOMENTS.len() as u64).ok()?)?;
    Some((moment, chance.below(moment.takes)))
}

impl PowerCuts {
    /// Its cases are drawn from `seed`.
    #[must_use]
    pub const fn of(seed: u64) -> Self {
        Self { seed, start: None, cut: None }
    }

    /// Does once what the cases from `first` on are about, and keeps the disk at each one's moment.
    fn run(&self, guest: &mut Guest, first: u64) -> Result<Vec<PathBuf>> {
        let start = self.start.as_ref().context("it was not prepared")?;
        let mut cuts = Vec::new();
        for number in first..first + CUTS {
            let (_, after) =
                draw(number, &mut Chance::of(self.seed, number)).context("no moment")?;
            cuts.push((after, number));
        }
        cuts.sort_unstable();
        let (moment, _) = draw(first, &mut Chance::of(self.seed, first)).context("no moment")?;
        let from = if moment.from == UP { &start.up } else { &start.installed };
        guest.thaw(from, &format!("run-{first}"))?;
        guest.ok(moment.before)?;
        let line = moment.line.replace('\'', "'\\''");
        guest.ok(&format!("sync; (sh -c '{line}' &) >/dev/null 2>&1"))?;
        let begun = Instant::now();
        let mut disks = Vec::new();
        for (after, number) in cuts {
            thread::sleep(Duration::from_millis(after).saturating_sub(begun.elapsed()));
            disks.push((number, guest.disk_of_a_cut(&format!("after-{number}"))?));
        }
        guest.power_off();
        disks.sort_unstable();
        Ok(disks.into_iter().map(|(_, disk)| disk).collect())
    }
}

impl Campaign for PowerCuts {
    fn prepare(&mut self, context: &mut Context) -> Result<()> {
        self.start = Some(freeze(context, |_| Ok(()))?);
        self.cut = None;
        Ok(())
    }

    fn describe(&self, number: u64, chance: &mut Chance) -> Option<String> {
        draw(number, chance).map(|(moment, after)| format!("{} cut after {after} ms", moment.name))
    }

    fn case(&mut self, context: &mut Context, number: u64, chance: &mut Chance) -> Result<()> {
        let guest = &mut context.guest;
        let first = number - number % CUTS;
        let disks = match self.cut.take() {
            Some((of, disks)) if of == first => disks,
            other => {
                guest.power_off();
                for disk in other.map(|(_, disks)| disks).unwrap_or_default() {
                    std::fs::remove_file(disk)?;
                }
                self.run(guest, first)?
            }
        };
        let disk = disks.get(usize::try_from(number - first)?).cloned().context("no disk")?;
        self.cut = Some((first, disks));
        let (moment, _) = draw(number, chance).context("no moment")?;
        let start = self.start.as_ref().context("it was not prepared")?;
        guest.on_top_of(&disk, "judged")?;
        guest.boot_from(&start.before_root)?;
        let script = judge(moment);
        guest.run_within(&script, JUDGED)?.required(moment.name).map(drop)
    }

    fn begins_anew(&self) -> bool {
        true
    }
}

/// The host is up by itself, has what it had, and takes more. One script: each connection has to be
/// emulated.
fn judge(moment: &Moment) -> String {
    let had_data = if moment.from == UP {
        format!("{} | cmp - /root/digest", host::DIGEST)
    } else {
        "true".to_owned()
    };
    let (after, units, target) = (moment.after, UNITS.join(" "), "/root/after");
    format!(
        "waits() {{ end=$((SECONDS + {COMES_UP})); until \"$@\" >/root/said 2>&1
             do [ $SECONDS -lt $end ] || {{ echo \"$*, for {COMES_UP} s:\"; cat /root/said; exit 1; }}; sleep 0.5; done; }}
         after() {{ {after}
         }}
         # A package that was being changed is an operator's to finish, as dpkg says.
         [ -z \"$(dpkg --audit)\" ] || dpkg --configure -a --force-confold </dev/null >/dev/null || exit 1
         systemctl is-system-running --wait >/dev/null
         waits after
         waits mvmhost plan
         set -e
         systemctl is-active {units} >/root/said || true
         if grep -qvx active /root/said; then paste -sd' ' /root/said; exit 1; fi
         dmsetup table {POOL} | grep -q ' thin-pool '
         {had_data}
         waits mvmhost images verify
         s='{CTR} snapshots --snapshotter devmapper'
         $s prepare after-the-cut '' >/dev/null; $s commit after after-the-cut
         device=$($s prepare --target {target} live after | grep -o '/dev/mapper/{POOL}[^ ]*')
         mkdir -p {target}; mount $device {target}; echo here > {target}/file; umount {target}
         test -s {FILES}/metadata.db"
    )
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::process::Command;

    use super::*;

    #[test]
    fn every_moment_is_cut_again_and_again_and_never_twice_alike() {
        let cases: BTreeSet<(&str, u64)> = (0..300)
            .filter_map(|number| draw(number, &mut Chance::of(7, number)))
            .map(|(moment, after)| (moment.name, after))
            .collect();
        assert!(cases.len() > 290, "{}", cases.len());
        for moment in MOMENTS {
            let cuts = cases.iter().filter(|(name, _)| *name == moment.name).count();
            assert!(cuts > 25, "{}: {cuts}", moment.name);
        }
    }

    #[test]
    fn what_judges_is_a_script() {
        for moment in MOMENTS {
            let read = Command::new("bash").args(["-n", "-c", &judge(moment)]).output().unwrap();
            assert!(read.status.success(), "{}: {read:?}", moment.name);
        }
    }
}
