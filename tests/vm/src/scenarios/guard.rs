//! A pool that fills up: grown in time or braked, whatever interrupts it.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};

use super::full::an_image_meets_the_end_of_the_pool;
use super::host::{self, FILES, POOL, UNDISTURBED};
use super::repair::repair_tells_the_truth;
use crate::guest::Guest;
use crate::scenario::Context;

/// A thin device of our own on the pool, with an id far from containerd's.
const WRITER: &str = "/dev/mapper/writer";
/// Succeeds while the first 100 MiB of the device are those that were written.
const KEPT: &str = "cmp -n 104857600 /srv/source /dev/mapper/writer";
/// What mvm-guard needs at most: its 30 s, and what a guest without hardware support adds.
const ACTS: Duration = Duration::from_secs(75);

/// A pool that fills up: grown, then braked.
///
/// # Errors
/// A write fails or is lost, a microVM is lost, or the brake is not released.
pub fn a_pool_that_fills_up_is_grown_or_braked(context: &mut Context) -> Result<()> {
    let guest = &mut context.guest;
    small_pool(guest)?;
    a_writer_never_sees_the_end(guest)?;
    the_brake_spares_what_runs(guest)?;
    host::settles(guest, host::HEALS)
}

/// As above, and grown by hand with a kill or a power cut at any moment.
///
/// # Errors
/// A plain run does not end what was begun, or data are lost.
pub fn growing_survives_kills_and_power_cuts(context: &mut Context) -> Result<()> {
    a_pool_that_fills_up_is_grown_or_braked(context)?;
    let guest = &mut context.guest;
    a_killed_grow_converges(guest)?;
    guest.ok(
        "sync; sh -c 'mvmhost pool grow --to 240MiB > /dev/null 2>&1 &'; sleep $(cat /root/half)",
    )?;
    guest.power_cut()?;
    host::settles(guest, host::HEALS)?;
    // The power may have gone before anything was begun.
    guest.ok(&format!(
        "mvmhost pool grow --to 240MiB || test $(blockdev --getsize64 /dev/mapper/{POOL}) -eq 251658240"
    ))?;
    make_writer(guest, false)?;
    guest.ok(KEPT)?;
    an_image_meets_the_end_of_the_pool(guest)?;
    guest.ok(KEPT).map(drop)
}

/// The writer is faster than the guard's 30 s: the pool is full before it grows.
fn a_writer_never_sees_the_end(guest: &mut Guest) -> Result<()> {
    make_writer(guest, true)?;
    guest.ok("head -c 100M /dev/urandom > /srv/source")?;
    guest
        .ok(&format!("dd if=/srv/source of={WRITER} bs=1M oflag=direct conv=fsync status=none"))?;
    guest.ok(KEPT)?;
    host::wait_for_entry(guest, "MVM-POOL-103", ACTS)?;
    let braked = guest.run("test -e /run/mvmhost/brake")?;
    ensure!(!braked.success(), "it was braked while it could grow");
    // 100 MiB are less than 80 % of max-data-size.
    guest.wait_for(
        &format!("test $(blockdev --getsize64 /dev/mapper/{POOL}) -eq 134217728"),
        ACTS,
    )?;
    guest.ok("grep -q '^mvmhost_pool_up.* 1$' /run/mvmhost/mvmhost.prom")?;
    let peak = guest.ok("awk '/VmHWM/ { print $2 }' /proc/$(pidof mvm-guard)/status")?;
    let peak: u64 = peak.trim().parse()?;
    ensure!(peak < 16 * 1024, "mvm-guard took {peak} KiB");
    Ok(())
}

/// The pool may not grow any more, and then the host's file system fills up.
fn the_brake_spares_what_runs(guest: &mut Guest) -> Result<()> {
    // A VMM as flintlockd leaves it: a process of its own in flintlockd's cgroup.
    let vmm = "(echo $BASHPID > /sys/fs/cgroup/system.slice/flintlockd.service/cgroup.procs
        exec setsid sleep 100000 < /dev/null > /dev/null 2>&1) & echo $! > /root/vmm; disown";
    guest.ok(&format!("bash -c '{vmm}'"))?;
    guest.ok(&format!(
        "dd if=/dev/zero of={WRITER} bs=1M seek=100 count=23 oflag=direct status=none"
    ))?;
    held_back(guest)?;
    let entry = host::wait_for_entry(guest, "MVM-POOL-105", ACTS)?;
    ensure!(entry["MVMHOST_REMEDY"].as_str().unwrap_or_default().contains("pool grow"), "{entry}");
    let start = guest.run("systemctl start flintlockd.service")?;
    ensure!(!start.success(), "flintlockd starts behind the brake");
    ensure!(host::codes(&host::json(guest, "status")?).contains(&"MVM-POOL-105".to_owned()));
    without_a_brake_a_full_pool_can_be_emptied(guest)?;
    guest.ok(&format!("blkdiscard -o 104857600 {WRITER} && {EVENT}"))?;
    released(guest)?;
    host::wait_for_entry(guest, "MVM-POOL-106", ACTS)?;
    // The pool has holes that the file system can no longer fill.
    guest.ok(
        "fallocate -l $(( $(df --output=avail -B1 /srv | tail -n 1) - 20971520 )) /srv/filler",
    )?;
    guest.ok(EVENT)?;
    held_back(guest)?;
    host::wait_for_entry(guest, "MVM-POOL-102", ACTS)?;
    guest.ok(&format!("rm /srv/filler && {EVENT}"))?;
    released(guest)?;
    guest.ok("kill $(cat /root/vmm)")?;
    Ok(())
}

/// No block is free any more, and microVMs are to be deleted, as MVM-POOL-105 tells.
fn without_a_brake_a_full_pool_can_be_emptied(guest: &mut Guest) -> Result<()> {
    let codes = |guest: &mut Guest| host::json(guest, "check").map(|found| host::codes(&found));
    guest.ok("echo 5 > /sys/module/dm_thin_pool/parameters/no_space_timeout")?;
    let last = format!("dd if=/dev/zero of={WRITER} bs=1M seek=123 count=9 oflag=direct 2>&1");
    ensure!(!guest.run(&last)?.success(), "the pool was not full");
    guest.ok(&format!("dmsetup status {POOL} | grep -q out_of_data_space"))?;
    ensure!(codes(guest)?.contains(&"MVM-POOL-008".to_owned()));
    // As MVM-POOL-105 says.
    let braked = host::json(guest, "check")?;
    let braked = braked["findings"].as_array().cloned().unwrap_or_default();
    let remedy = braked.iter().find(|finding| finding["code"] == "MVM-POOL-105");
    let remedy = remedy.map(|finding| finding["remedy"].to_string()).unwrap_or_default();
    ensure!(remedy.contains("mvmhost pool brake off --for 30m"), "{remedy}");
    guest.ok("mvmhost pool brake off --for 30m && systemctl is-active flintlockd.service")?;
    let found = codes(guest)?;
    let has = |code: &str| found.contains(&code.to_owned());
    ensure!(has("MVM-POOL-052") && has("MVM-POOL-242"), "{found:?}");
    ensure!(!has("MVM-POOL-008") && !has("MVM-POOL-105"), "{found:?}");
    // The guard looks, and leaves it alone.
    guest.ok(EVENT)?;
    host::wait_for_entry(guest, "MVM-POOL-242", ACTS)?;
    guest.ok("systemctl is-active flintlockd.service")?;
    // What a microVM had is deleted through containerd, which may have to be started for it.
    guest.ok("systemctl restart containerd-dev.service")?;
    guest.wait_for(&host::active("containerd-dev.service flintlockd.service"), ACTS)?;
    guest.ok("mvmhost pool brake on")?;
    guest.ok(EVENT)?;
    held_back(guest)
}

/// Whatever happens in device-mapper wakes the guard, which otherwise looks every 30 s.
const EVENT: &str = "dmsetup create event --table '0 8 zero' && dmsetup remove event";

/// `mvmhost pool grow`, killed at one moment after the other of the time that it takes.
fn a_killed_grow_converges(guest: &mut Guest) -> Result<()> {
    // The guard would end it before we look.
    guest.ok(UNDISTURBED)?;
    guest.ok("systemctl stop mvm-guard.service")?;
    let kill = "set -u; now() { date +%s%N; }
        sync; whole=99999999999
        for size in 130 133 136; do
        begun=$(now); mvmhost pool grow --to ${size}MiB > /dev/null || exit 7; took=$(( $(now) - begun ))
        if test $took -lt $whole; then whole=$took; fi
        done
        part() { printf '%d.%09d' $((whole * $1 / 10 / 1000000000)) $((whole * $1 / 10 % 1000000000)); }
        part 5 > /root/half
        for i in 1 2 3 4 5 6 7 8 9; do
        size=$((136 + 8 * i)); mvmhost pool grow --to ${size}MiB > /dev/null 2>&1 & pid=$!
        sleep $(part $i); kill -9 $pid 2> /dev/null && echo killed; wait $pid 2> /dev/null || true
        mvmhost pool grow --to ${size}MiB > /root/said 2>&1 || grep -q MVM-POOL-109 /root/said || exit 1
        test $(blockdev --getsize64 /dev/mapper/flintlock-dev-thinpool) -eq $((size * 1048576)) || exit 2
        test $(stat -c %s /var/lib/containerd-dev/snapshotter/devmapper/data) -eq $((size * 1048576)) || exit 3
        if grep -q growing /var/lib/mvmhost/receipt.json; then exit 6; fi
        dmsetup info flintlock-dev-thinpool | grep -q 'State: *ACTIVE' || exit 5
        done; /usr/libexec/mvmhost/mvm-thinpool > /root/plan 2>&1 || exit 4";
    let killed = guest.ok(kill)?;
    let killed = killed.lines().filter(|line| *line == "killed").count();
    ensure!(killed >= 4, "only {killed} of 9 were killed in time");
    guest.ok(KEPT)?;
    Ok(())
}

/// A pool in use is not taken down; one that is down can be checked, and is never activated with
/// metadata that is damaged in its own ways: the file keeps its name and its inode. What can be
/// repaired is, and has the same data after a reboot.
///
/// # Errors
/// It is taken down, who uses it is not named, something is left behind, damaged metadata are
/// activated, or a byte of them changes.
pub fn a_pool_is_taken_down_and_checked(context: &mut Context) -> Result<()> {
    let guest = &mut context.guest;
    let refused = host::json(guest, "pool remove")?;
    ensure!(host::codes(&refused).contains(&"MVM-POOL-131".to_owned()), "{refused}");
    remove_names_who_uses_it(guest)?;
    guest.ok("mvmhost pool check")?;
    damaged_metadata_is_never_activated(guest)?;
    repair_tells_the_truth(guest)?;
    guest.reboot()?;
    host::settles(guest, host::HEALS)?;
    host::data_is_intact(guest)
}

fn remove_names_who_uses_it(guest: &mut Guest) -> Result<()> {
    guest.ok(UNDISTURBED)?;
    guest.ok("systemctl stop mvm-guard.service flintlockd.service containerd-dev.service")?;
    guest.ok(&format!(
        "sh -c 'exec 3< {} ; sleep 1000 > /dev/null 2>&1 & echo $! > /root/holder'",
        host::VOLUME
    ))?;
    let pid = guest.ok("cat /root/holder")?;
    let output = guest.run("mvmhost --json pool remove")?;
    ensure!(output.code() == Some(73), "{output:?}");
    ensure!(output.stdout.contains(&format!("pid {}", pid.trim())), "{output:?}");
    ensure!(output.stdout.contains("MVM-POOL-130"), "{output:?}");
    guest.ok(&format!("dmsetup info {POOL} && kill {}", pid.trim()))?;
    guest.wait_for("mvmhost pool remove", Duration::from_secs(20))?;
    guest.ok(&format!("! dmsetup info {POOL} 2> /dev/null && ! losetup -a | grep {FILES}"))?;
    Ok(())
}

fn damaged_metadata_is_never_activated(guest: &mut Guest) -> Result<()> {
    guest.ok(&format!("head -c 16M {FILES}/metadata > /root/metadata"))?;
    // Offsets of struct thin_disk_superblock; a number there is a block of 4 KiB.
    let root =
        |offset: u32| format!("seek=$(( $(od -An -t u8 -j {offset} -N 8 metadata) * 4096 + 40 ))");
    let ways = [
        ("checksum", "seek=0".to_owned()),
        ("version", "seek=40".to_owned()),
        ("transaction id", "seek=48".to_owned()),
        ("mapping root", root(320)),
        ("details root", root(328)),
        ("bitmap index", root(192 + 16)),
    ];
    for (name, seek) in ways {
        let spoil = format!(
            "printf '\\377\\001\\277' | dd of=metadata bs=1 conv=notrunc status=none {seek}"
        );
        damaged(guest, name, &spoil)?;
    }
    let zeroes = "dd if=/dev/zero of=metadata bs=1M count=16 conv=notrunc status=none";
    damaged(guest, "zeroed", zeroes)?;
    damaged(guest, "cut", "truncate -s 8M metadata")
}

/// The disk's blocks cannot be counted: mending allocates some of a sparse file.
fn damaged(guest: &mut Guest, name: &str, spoil: &str) -> Result<()> {
    let length = guest.ok(&format!("stat -c %s {FILES}/metadata"))?;
    let sum = format!(
        "cd {FILES} && stat -c '%n %i %s %b %Y' metadata data && head -c 16M metadata | sha256sum"
    );
    let before = guest
        .ok(&format!(
            "(cd {FILES} && {spoil} && ! cmp -s -n 16777216 metadata /root/metadata && sync) && {sum}"
        ))
        .with_context(|| name.to_owned())?;
    let run = guest.run("/usr/libexec/mvmhost/mvm-thinpool")?;
    ensure!(run.code() == Some(73), "{name}: {run:?}");
    let check = host::json(guest, "pool check")?;
    ensure!(!host::codes(&check).contains(&"MVM-POOL-134".to_owned()), "{name}: {check}");
    let after = guest
        .ok(&format!("! dmsetup info {POOL} 2> /dev/null && {sum}"))
        .with_context(|| name.to_owned())?;
    ensure!(after == before, "{name}: it was changed");
    guest.ok(&format!(
        "cd {FILES} && dd if=/root/metadata of=metadata bs=1M conv=notrunc status=none && truncate -s {} metadata",
        length.trim()
    ))?;
    Ok(())
}

/// Replaces the pool of the default size, by the commands that the refusals print.
fn small_pool(guest: &mut Guest) -> Result<()> {
    guest.ok(&format!(
        "{UNDISTURBED}; systemctl stop mvm-guard.service flintlockd.service containerd-dev.service
         mvmhost pool remove && ! dmsetup info {POOL} 2> /dev/null"
    ))?;
    guest.ok(&format!(
        "mkdir -p {FILES}/old && mv -t {FILES}/old {FILES}/data {FILES}/metadata {FILES}/*.db
         mv /var/lib/containerd-dev/io.containerd.metadata.v1.bolt/meta.db {FILES}/old/
         mv /var/lib/mvmhost/receipt.json /root/
         printf '[thinpool.loop]\\ndata-size = \"96MiB\"\\nmetadata-size = \"16MiB\"\\nmax-data-size = \"128MiB\"\\n' > /etc/mvmhost.toml
         mvmhost apply"
    ))?;
    host::settles(guest, host::HEALS)
}

fn make_writer(guest: &mut Guest, new: bool) -> Result<()> {
    if new {
        guest.ok(&format!("dmsetup message {POOL} 0 'create_thin 7000'"))?;
    }
    guest.ok(&format!(
        "dmsetup create writer --table '0 2097152 thin /dev/mapper/{POOL} 7000' && udevadm settle"
    ))?;
    Ok(())
}

/// flintlockd is stopped and the microVM's process is not.
fn held_back(guest: &mut Guest) -> Result<()> {
    guest.wait_for(
        "test -s /run/mvmhost/brake && ! systemctl is-active --quiet flintlockd.service",
        ACTS,
    )?;
    guest.ok("kill -0 $(cat /root/vmm)").context("the microVM is gone")?;
    Ok(())
}

fn released(guest: &mut Guest) -> Result<()> {
    guest.wait_for(
        "! test -e /run/mvmhost/brake && systemctl is-active --quiet flintlockd.service",
        ACTS,
    )?;
    guest.ok("kill -0 $(cat /root/vmm)").context("the microVM is gone")?;
    Ok(())
}
