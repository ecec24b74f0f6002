//! Ratios in one run of one guest: what mvmhost takes against what a user would do otherwise.

use anyhow::{Context as _, Result};
use mvm_vm::guest::{Guest, Options};
use mvm_vm::image::{Image, Suite, default_cache};
use mvm_vm::repository::Repository;
use mvm_vm::scenarios::host::{FILES, POOL};
use mvm_vm::tools;

/// Each figure is the median of so many runs.
const RUNS: usize = 9;
/// Boots of each kind, of which the median counts.
const BOOTS: usize = 3;

/// The steps of `provision.sh devpool`, as the processes that it starts.
const BY_HAND: &str = "mkdir -p DIR && touch DIR/data && truncate -s 100G DIR/data &&
    touch DIR/metadata && truncate -s 10G DIR/metadata &&
    D=$(losetup --output NAME --noheadings --associated DIR/data);
    test -n \"$D\" || D=$(losetup --find --show DIR/data)
    M=$(losetup --output NAME --noheadings --associated DIR/metadata);
    test -n \"$M\" || M=$(losetup --find --show DIR/metadata)
    S=$(blockdev --getsize64 -q $D); L=$(echo \"$S/512\" | bc 2>/dev/null || expr $S / 512)
    dmsetup create POOL --table \"0 $L thin-pool $M $D 128 32768 1 skip_block_zeroing\"";

/// The same when everything is there: what provision.sh asks before it finds nothing to do.
const WARM_BY_HAND: &str = "losetup --output NAME --noheadings --associated DIR/data >/dev/null;
    losetup --output NAME --noheadings --associated DIR/metadata >/dev/null;
    blockdev --getsize64 -q $(losetup -n -O NAME -j DIR/data | tr -d ' ') >/dev/null;
    dmsetup table POOL >/dev/null";

const CLEAR: &str =
    "for d in $(dmsetup ls | grep -o '^POOL[^ \t]*' | sort -r); do dmsetup remove $d; done
    for l in $(losetup -n -O NAME,BACK-FILE | grep DIR | cut -d' ' -f1); do losetup -d $l; done
    udevadm settle; rm -rf DIR /var/lib/mvmhost /var/lib/containerd-dev; sync";

fn main() -> Result<()> {
    let image = Image::ensure(Suite::Bookworm, &default_cache())?;
    let packages = tools::target_dir().join("packages");
    let repository = Repository::build(image.suite(), &[&image.pool(), &packages])?;
    let options = Options { repository: Some(repository.disk()), ..Options::default() };
    let mut guest = Guest::boot(&image, options)?;
    repository.install(&mut guest)?;
    guest.ok("DEBIAN_FRONTEND=noninteractive apt-get install -y mvmhost >/dev/null 2>&1")?;
    pool(&mut guest)?;
    guest.ok(&fill(CLEAR))?;
    for standin in ["flintlockd", "firecracker"] {
        let local = tools::target_dir().join("release").join(standin);
        guest.copy_in(&local, &format!("/usr/local/bin/{standin}"))?;
    }
    guest.ok("mvmhost apply && mvmhost plan")?;
    boots(&mut guest)
}

fn pool(guest: &mut Guest) -> Result<()> {
    let ours = "/usr/libexec/mvmhost/mvm-thinpool >/dev/null 2>&1";
    guest.ok("modprobe loop; modprobe dm_thin_pool")?;
    let (mut cold, mut by_hand, mut warm, mut warm_by_hand) = (vec![], vec![], vec![], vec![]);
    for _ in 0..RUNS {
        guest.ok(&fill(CLEAR))?;
        by_hand.push(timed(guest, &fill(BY_HAND))?);
        warm_by_hand.push(timed(guest, &fill(WARM_BY_HAND))?);
        guest.ok(&fill(CLEAR))?;
        cold.push(timed(guest, ours)?);
        warm.push(timed(guest, ours)?);
    }
    ratio("cold pool, against provision.sh's steps", median(cold), median(by_hand));
    ratio("warm pool, against provision.sh's questions", median(warm), median(warm_by_hand));
    Ok(())
}

/// Milliseconds that the guest's own clock gives a command.
fn timed(guest: &mut Guest, command: &str) -> Result<f64> {
    let line = format!("a=$(date +%s%N); {{ {command}\n}}; b=$(date +%s%N); echo $((b - a))");
    let text = guest.ok(&line)?;
    let last = text.lines().last().context("no time was told")?;
    Ok(last.trim().parse::<f64>()? / 1e6)
}

/// Boots with and without mvmhost, by turns, so that what else the machine does weighs on both.
fn boots(guest: &mut Guest) -> Result<()> {
    let (mut with, mut without) = (vec![], vec![]);
    for _ in 0..BOOTS {
        for (verb, times) in [("disable", &mut without), ("enable", &mut with)] {
            guest.ok(&format!("systemctl {verb} --quiet mvmhost.target; sync"))?;
            guest.reboot()?;
            times.push(boot(guest)?);
        }
    }
    let split = |times: Vec<(f64, f64)>| -> (f64, f64) {
        let (target, finished) = times.into_iter().unzip();
        (median(target), median(finished))
    };
    let (with, without) = (split(with), split(without));
    ratio("boot to multi-user.target, with against without mvmhost", with.0, without.0);
    ratio("boot until no job is left, with against without mvmhost", with.1, without.1);
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

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

fn ratio(what: &str, ours: f64, theirs: f64) {
    println!("{what}: {ours:.1} ms / {theirs:.1} ms = {:.3}", ours / theirs);
}

fn fill(script: &str) -> String {
    script.replace("DIR", FILES).replace("POOL", POOL)
}
