//! What a microVM and its host survive: a power cut in an unpack, the removal of the package.

use anyhow::{Result, ensure};

use super::host::{self, CTR, FILES, UNDISTURBED};
use crate::guest::Guest;
use crate::scenario::Context;

const META: &str = "/var/lib/containerd-dev/io.containerd.metadata.v1.bolt/meta.db";
const PREPARE: &str = "snapshots --snapshotter devmapper prepare";
/// Stops everything that has the databases open.
const DOWN: &str = "systemctl stop flintlockd.service containerd-dev.service";

/// containerd's databases as they are when the power goes between two transactions of a Prepare: the
/// list of devices has one more than the snapshotter and the namespaces know.
///
/// # Errors
/// The host takes no snapshot afterwards, or a snapshot of before changed.
pub fn an_interrupted_snapshot_is_put_away(context: &mut Context) -> Result<()> {
    let guest = &mut context.guest;
    guest.ok(UNDISTURBED)?;
    interrupt(guest, "lost")?;
    guest.power_cut()?;
    host::settles(guest, host::HEALS)?;
    put_away(guest, "after-a-power-cut")?;
    host::data_is_intact(guest)?;
    // Without a boot between, the device is still there.
    guest.ok(UNDISTURBED)?;
    interrupt(guest, "killed")?;
    guest.ok(
        "dmsetup info flintlock-dev-thinpool-snap-3 >/dev/null && systemctl start mvmhost.target",
    )?;
    host::settles(guest, host::HEALS)?;
    put_away(guest, "after-a-kill")?;
    host::data_is_intact(guest)?;
    an_interrupted_commit_heals(guest)?;
    an_interrupted_activation_is_finished(guest)
}

/// The power goes while a snapshot becomes the base of others, as at the end of each layer's unpack:
/// the namespaces know it by its old name. Nobody has to do anything.
fn an_interrupted_commit_heals(guest: &mut Guest) -> Result<()> {
    let commit = "snapshots --snapshotter devmapper commit";
    guest.ok(&format!(
        "{CTR} {PREPARE} extract-1-root '' >/dev/null; {DOWN}; cp {META} /root/meta.db
         systemctl start containerd-dev.service; {CTR} {commit} base extract-1-root; {DOWN}
         cat /root/meta.db >{META}; sync; systemctl start mvmhost.target"
    ))?;
    host::settles(guest, host::HEALS)?;
    guest.ok(&format!(
        "{CTR} {PREPARE} again '' >/dev/null && {CTR} {commit} base again && {CTR} {PREPARE} vm base >/dev/null"
    ))?;
    // The old name may stay for as long as its lease.
    guest.ok("systemctl restart containerd-dev.service && systemctl start mvmhost.target")?;
    host::settles(guest, host::HEALS)?;
    host::data_is_intact(guest)
}

/// The power goes once more while containerd activates the disks of microVMs again after a boot.
fn an_interrupted_activation_is_finished(guest: &mut Guest) -> Result<()> {
    let pool = format!("{FILES}/flintlock-dev-thinpool.db");
    guest.ok(&format!(
        "{DOWN}; LC_ALL=C sed 's/\"state\":4,/\"state\":3,/g' {pool} >/root/begun.db
         ! cmp -s /root/begun.db {pool} && cat /root/begun.db >{pool} && sync"
    ))?;
    guest.power_cut()?;
    host::settles(guest, host::HEALS)?;
    host::last_entry(guest, "MVM-POOL-171")?;
    let codes = host::codes(&host::json(guest, "check")?);
    ensure!(!codes.contains(&"MVM-POOL-172".to_owned()), "{codes:?}");
    host::data_is_intact(guest)
}

/// The snapshot is made, and the two databases that are written after its device are as before.
fn interrupt(guest: &mut Guest, key: &str) -> Result<()> {
    guest.ok(&format!(
        "{DOWN}
         cp {META} /root/meta.db; cp {FILES}/metadata.db /root/metadata.db
         systemctl start containerd-dev.service
         {CTR} {PREPARE} {key} '' >/dev/null
         {DOWN}
         cat /root/meta.db >{META}; cat /root/metadata.db >{FILES}/metadata.db; sync"
    ))?;
    Ok(())
}

/// It is said, the next snapshot is made, and what stays taken in the pool is given back as printed.
fn put_away(guest: &mut Guest, key: &str) -> Result<()> {
    let entry = host::last_entry(guest, "MVM-POOL-142")?;
    guest.ok(&format!("{CTR} {PREPARE} {key} '' >/dev/null"))?;
    let remedy = entry["MVMHOST_REMEDY"].as_str().unwrap_or_default().to_owned();
    ensure!(remedy.contains("delete"), "{entry}");
    guest.ok(&remedy)?;
    guest.ok("ls /var/lib/mvmhost/flintlock-dev-thinpool.db.*")?;
    let codes = host::codes(&host::json(guest, "check")?);
    ensure!(!codes.iter().any(|code| code.starts_with("MVM-POOL-14")), "{codes:?}");
    Ok(())
}

/// A database from before: containerd is not started on it, and nothing changes until it is back.
///
/// # Errors
/// It is started, or does not heal.
pub fn an_older_database_is_refused(context: &mut Context) -> Result<()> {
    let guest = &mut context.guest;
    guest.ok(UNDISTURBED)?;
    guest.ok(&format!("{DOWN}; for one in metadata flintlock-dev-thinpool; do cp {FILES}/$one.db /root/old-$one.db; done
        systemctl start containerd-dev.service
        {CTR} {PREPARE} one '' >/dev/null; {CTR} {PREPARE} two '' >/dev/null"))?;
    for (file, code) in [("metadata", "MVM-POOL-143"), ("flintlock-dev-thinpool", "MVM-POOL-144")] {
        guest.ok(&format!(
            "{DOWN}; cp {FILES}/{file}.db /root/new.db; cat /root/old-{file}.db >{FILES}/{file}.db"
        ))?;
        let started = guest.run("systemctl start containerd-dev.service")?;
        ensure!(!started.success(), "{file}: containerd was started on an older file");
        host::last_entry(guest, code)?;
        ensure!(
            host::codes(&host::json(guest, "check")?).iter().any(|found| found == code),
            "{code}"
        );
        guest.ok(&format!(
            "cmp /root/old-{file}.db {FILES}/{file}.db && cat /root/new.db >{FILES}/{file}.db"
        ))?;
        guest.ok("systemctl reset-failed; systemctl start containerd-dev.service")?;
    }
    guest.ok("systemctl start mvmhost.target")?;
    host::settles(guest, host::HEALS)?;
    host::data_is_intact(guest)
}

/// A microVM outlives the removal of the package, a stop of flintlockd after it, and a stop after the
/// package is back.
///
/// # Errors
/// It does not.
pub fn removal_leaves_microvms_alone(context: &mut Context) -> Result<()> {
    let guest = &mut context.guest;
    let apt = "DEBIAN_FRONTEND=noninteractive apt-get";
    // A VMM as flintlockd leaves it: a process of its own in flintlockd's cgroup.
    let vmm = "(echo $BASHPID > /sys/fs/cgroup/system.slice/flintlockd.service/cgroup.procs
        exec setsid sleep 100000 < /dev/null > /dev/null 2>&1) & echo $! > /root/vmm; disown";
    let lives = "kill -0 $(cat /root/vmm)";
    let protects = "test $(systemctl show -P KillMode flintlockd.service) = process";
    guest.ok(&format!("bash -c '{vmm}'; {lives}"))?;
    guest.ok(&format!("{apt} remove -y mvmhost && {lives} && {protects}"))?;
    // Somebody starts it by hand, and stops it.
    guest.run("systemctl start flintlockd.service; systemctl stop flintlockd.service")?;
    guest.ok(&format!("systemctl daemon-reload && {lives} && {protects}"))?;
    guest.ok(&format!("{apt} install -y mvmhost && {protects}"))?;
    guest.ok(
        "grep -q KillMode=process /run/systemd/generator/flintlockd.service.d/50-mvmhost.conf",
    )?;
    guest.ok("! ls /run/systemd/system/flintlockd.service.d/40-mvmhost-kept.conf 2>/dev/null")?;
    guest.ok(&format!(
        "systemctl start mvmhost.target && systemctl stop flintlockd.service && {lives}"
    ))?;
    // A drop-in of somebody's that takes the protection away is said.
    guest.ok("mkdir -p /etc/systemd/system/flintlockd.service.d &&
        printf '[Service]\\nKillMode=control-group\\n' > /etc/systemd/system/flintlockd.service.d/90-mine.conf &&
        systemctl daemon-reload")?;
    for command in ["check", "status"] {
        let codes = host::codes(&host::json(guest, command)?);
        ensure!(codes.iter().any(|code| code == "MVM-FLK-025"), "{command}: {codes:?}");
    }
    guest.ok("rm -r /etc/systemd/system/flintlockd.service.d && systemctl daemon-reload")?;
    guest
        .ok(&format!("{apt} purge -y mvmhost && {lives} && {protects} && kill $(cat /root/vmm)"))?;
    Ok(())
}
