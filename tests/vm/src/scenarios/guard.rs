//! A pool that fills up: grown in time or braked, whatever interrupts it.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};

use super::host::{self, FILES, POOL};
use crate::guest::Guest;
use crate::runner::Context;

/// A thin device of our own on the pool, with an id far from containerd's.
const WRITER: &str = "/dev/mapper/writer";
/// What mvm-guard needs at most: its 30 s, and what a guest without hardware support adds.
const ACTS: Duration = Duration::from_secs(75);

/// A writer that is faster than the guard's 30 s: the pool is full before it grows, and every write
/// that was acknowledged is there afterwards, also after a power cut.
///
/// # Errors
/// A write fails or is lost, or the pool does not grow.
pub fn a_writer_never_sees_the_end(context: &mut Context) -> Result<()> {
    let guest = &mut context.guest;
    small_pool(guest, "256MiB", "1GiB")?;
    make_writer(guest, true)?;
    guest.ok("head -c 400M /dev/urandom > /srv/source")?;
    guest
        .ok(&format!("dd if=/srv/source of={WRITER} bs=1M oflag=direct conv=fsync status=none"))?;
    guest.ok(&format!("cmp -n 419430400 /srv/source {WRITER}"))?;
    host::said(guest, "MVM-POOL-103")?;
    let braked = guest.run("test -e /run/mvmhost/brake")?;
    ensure!(!braked.success(), "it was braked while it could grow");
    // 400 MiB are less than 80 % of it, or it is as large as it may get.
    guest.wait_for(
        &format!("test $(blockdev --getsize64 /dev/mapper/{POOL}) -gt 524288000"),
        ACTS,
    )?;
    host::settles(guest, host::HEALS)?;
    guest.ok("grep -q '^mvmhost_pool_up.* 1$' /run/mvmhost/mvmhost.prom")?;
    guest.power_cut()?;
    host::settles(guest, host::HEALS)?;
    make_writer(guest, false)?;
    guest.ok(&format!("cmp -n 419430400 /srv/source {WRITER}"))?;
    Ok(())
}

/// A pool that may not grow, and a host file system that fills up.
///
/// # Errors
/// flintlockd goes on, a microVM is lost, or the brake is not released.
pub fn the_brake_spares_what_runs(context: &mut Context) -> Result<()> {
    let guest = &mut context.guest;
    small_pool(guest, "256MiB", "256MiB")?;
    make_writer(guest, true)?;
    // A VMM as flintlockd leaves it: a process of its own in flintlockd's cgroup.
    let vmm = "(echo $BASHPID > /sys/fs/cgroup/system.slice/flintlockd.service/cgroup.procs
        exec setsid sleep 100000 < /dev/null > /dev/null 2>&1) & echo $! > /root/vmm; disown";
    guest.ok(&format!("bash -c '{vmm}'"))?;
    guest.ok(&format!("dd if=/dev/zero of={WRITER} bs=1M count=246 oflag=direct status=none"))?;
    held_back(guest)?;
    let entry = host::said(guest, "MVM-POOL-105")?;
    ensure!(entry["MVMHOST_REMEDY"].as_str().unwrap_or_default().contains("pool grow"), "{entry}");
    let start = guest.run("systemctl start flintlockd.service")?;
    ensure!(!start.success(), "flintlockd starts behind the brake");
    ensure!(host::codes(&host::json(guest, "status")?).contains(&"MVM-POOL-105".to_owned()));
    guest.ok(&format!("blkdiscard {WRITER}"))?;
    released(guest)?;
    host::said(guest, "MVM-POOL-106")?;
    // The pool has holes that the file system can no longer fill.
    guest.ok(
        "fallocate -l $(( $(df --output=avail -B1 /srv | tail -n 1) - 20971520 )) /srv/filler",
    )?;
    held_back(guest)?;
    host::said(guest, "MVM-POOL-102")?;
    guest.ok("rm /srv/filler")?;
    released(guest)?;
    guest.ok("kill $(cat /root/vmm)")?;
    host::settles(guest, host::HEALS)
}

/// `mvmhost pool grow`, killed again and again at another moment, and twice by a power cut.
///
/// # Errors
/// A plain run does not end what was begun, or data are lost.
pub fn a_killed_grow_converges(context: &mut Context) -> Result<()> {
    let guest = &mut context.guest;
    small_pool(guest, "128MiB", "128MiB")?;
    make_writer(guest, true)?;
    guest.ok(&format!("head -c 64M /dev/urandom > /srv/source && dd if=/srv/source of={WRITER} bs=1M oflag=direct conv=fsync status=none"))?;
    // The guard would end it before we look.
    guest.ok("systemctl stop mvm-guard.service")?;
    let kill = "i=1; while [ $i -le 24 ]; do
        size=$((128 + 8 * i)); mvmhost pool grow --to ${size}MiB > /dev/null 2>&1 & pid=$!
        sleep 0.$(printf %03d $((i * 15))); kill -9 $pid 2> /dev/null && echo killed; wait $pid 2> /dev/null
        mvmhost pool grow --to ${size}MiB > /root/said 2>&1 || grep -q MVM-POOL-109 /root/said || exit 1
        test $(blockdev --getsize64 /dev/mapper/flintlock-dev-thinpool) -eq $((size * 1048576)) || exit 2
        test $(stat -c %s /var/lib/containerd-dev/snapshotter/devmapper/data) -eq $((size * 1048576)) || exit 3
        /usr/libexec/mvmhost/mvm-thinpool > /root/plan 2>&1 || exit 4
        if grep -q growing /var/lib/mvmhost/receipt.json; then exit 6; fi
        dmsetup info flintlock-dev-thinpool | grep -q 'State: *ACTIVE' || exit 5
        i=$((i + 1)); done";
    let killed = guest.ok(kill)?;
    let killed = killed.lines().filter(|line| *line == "killed").count();
    ensure!(killed >= 4, "only {killed} of 24 were killed in time");
    guest.ok(&format!("cmp -n 67108864 /srv/source {WRITER} && sync"))?;
    for (size, after) in [(400, "0.05"), (500, "0.12")] {
        guest.ok(&format!(
            "sh -c 'mvmhost pool grow --to {size}MiB > /dev/null 2>&1 &'; sleep {after}"
        ))?;
        guest.power_cut()?;
        host::settles(guest, host::HEALS)?;
        make_writer(guest, false)?;
        guest.ok(&format!("cmp -n 67108864 /srv/source {WRITER}"))?;
    }
    Ok(())
}

/// # Errors
/// A pool in use is taken down, who uses it is not named, or something is left behind.
pub fn remove_names_who_uses_it(context: &mut Context) -> Result<()> {
    let guest = &mut context.guest;
    let refused = host::json(guest, "pool remove")?;
    ensure!(host::codes(&refused).contains(&"MVM-POOL-131".to_owned()), "{refused}");
    guest.ok("systemctl stop mvmhost-retry.timer mvm-guard.service flintlockd.service containerd-dev.service")?;
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
    guest.ok("systemctl start mvmhost.target")?;
    host::settles(guest, host::HEALS)?;
    host::data_is_intact(guest)
}

/// Metadata that is damaged in its own ways: the file keeps its name, its length and its inode.
///
/// # Errors
/// It is activated, or a byte of it changes.
pub fn damaged_metadata_is_never_activated(context: &mut Context) -> Result<()> {
    let guest = &mut context.guest;
    small_pool(guest, "128MiB", "128MiB")?;
    make_writer(guest, true)?;
    guest.ok(&format!("dd if=/dev/zero of={WRITER} bs=1M count=32 oflag=direct status=none"))?;
    take_down(guest)?;
    guest.ok("mvmhost pool check")?;
    guest.ok(&format!("cp --sparse=always {FILES}/metadata /root/metadata"))?;
    // Offsets of struct thin_disk_superblock; a number there is a block of 4 KiB.
    let root =
        |offset: u32| format!("seek=$(( $(od -An -t u8 -j {offset} -N 8 metadata) * 4096 + 40 ))");
    let ways = [
        ("checksum", "seek=0".to_owned()),
        ("version", "seek=40".to_owned()),
        ("transaction id", "seek=48".to_owned()),
        ("mapping root", root(320)),
        ("details root", root(328)),
        ("bitmap index", root(208 + 16)),
    ];
    for (name, seek) in ways {
        let spoil = format!(
            "printf '\\377\\001\\277' | dd of=metadata bs=1 conv=notrunc status=none {seek}"
        );
        damaged(guest, name, &spoil)?;
    }
    damaged(
        guest,
        "zeroed",
        "dd if=/dev/zero of=metadata bs=1M count=16 conv=notrunc status=none",
    )?;
    damaged(guest, "cut", "truncate -s 8M metadata")?;
    guest.ok("systemctl start mvmhost.target")?;
    host::settles(guest, host::HEALS)
}

fn damaged(guest: &mut Guest, name: &str, spoil: &str) -> Result<()> {
    let back = format!(
        "cd {FILES} && truncate -s 16M metadata && dd if=/root/metadata of=metadata bs=1M conv=notrunc status=none"
    );
    guest
        .ok(&format!("cd {FILES} && {spoil} && ! cmp -s metadata /root/metadata && sync"))
        .with_context(|| name.to_owned())?;
    let sum = format!("cd {FILES} && sha256sum metadata data");
    let before = guest.ok(&sum)?;
    let run = guest.run("/usr/libexec/mvmhost/mvm-thinpool")?;
    ensure!(run.code() == Some(73), "{name}: {run:?}");
    guest.ok(&format!("! dmsetup info {POOL} 2> /dev/null")).with_context(|| name.to_owned())?;
    let check = host::json(guest, "pool check")?;
    ensure!(!host::codes(&check).contains(&"MVM-POOL-134".to_owned()), "{name}: {check}");
    ensure!(guest.ok(&sum)? == before, "{name}: it was changed");
    guest.ok(&back)?;
    Ok(())
}

/// Replaces the pool of the default size, by the commands that the refusals print.
fn small_pool(guest: &mut Guest, size: &str, largest: &str) -> Result<()> {
    take_down(guest)?;
    guest.ok(&format!(
        "mkdir -p {FILES}/old && mv -t {FILES}/old {FILES}/data {FILES}/metadata {FILES}/*.db
         mv /var/lib/containerd-dev/io.containerd.metadata.v1.bolt/meta.db {FILES}/old/
         mv /var/lib/mvmhost/receipt.json /root/
         printf '[thinpool.loop]\\ndata-size = \"{size}\"\\nmetadata-size = \"16MiB\"\\nmax-data-size = \"{largest}\"\\n' > /etc/mvmhost.toml
         mvmhost apply"
    ))?;
    host::settles(guest, host::HEALS)
}

fn take_down(guest: &mut Guest) -> Result<()> {
    guest.ok(&format!(
        "systemctl stop mvmhost-retry.timer mvm-guard.service flintlockd.service containerd-dev.service
         if dmsetup info writer > /dev/null 2>&1; then dmsetup remove writer; fi
         mvmhost pool remove; systemctl stop mvm-thinpool.service; ! dmsetup info {POOL} 2> /dev/null"
    ))?;
    Ok(())
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
