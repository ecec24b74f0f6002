//! The host under test: where things are, and what it must be like when it is up.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

use crate::guest::Guest;

/// `thinpool.name` by default.
pub const POOL: &str = "flintlock-dev-thinpool";
/// `thinpool.loopback.directory` by default, with `data` and `metadata`.
pub const FILES: &str = "/var/lib/containerd-dev/snapshotter/devmapper";
/// containerd-dev's command line tool in flintlock's namespace.
pub const CTR: &str = "ctr -a /run/containerd-dev/containerd.sock -n flintlock";
/// A link to the thin device of the snapshot that [`write_data`] makes; its number in the pool is in
/// /root/volume.id.
pub const VOLUME: &str = "/root/volume";
/// What failed before is not tried again in the middle of what follows.
pub const UNDISTURBED: &str =
    "systemctl stop mvmhost-retry.timer mvmhost-retry.service mvm-images-retry.timer";
/// Takes flintlockd's port from it, and is done when the port is taken.
pub const TAKES_THE_PORT: &str = "systemctl stop flintlockd.service
    systemd-run -q --unit=squatter systemd-socket-activate -l 127.0.0.1:9090 /bin/cat
    until ss -ltnH sport = :9090 | grep -q .; do sleep 0.2; done";
/// The whole chain, in order.
pub const UNITS: [&str; 8] = [
    "mvm-thinpool.service",
    "mvm-net.service",
    "mvm-dhcp.service",
    "mvm-net-watch.service",
    "mvm-hygiene.service",
    "mvm-guard.service",
    "containerd-dev.service",
    "flintlockd.service",
];
/// How long a mended host may take to heal by itself: the contract's minute, and what a guest
/// without hardware support takes longer for.
pub const HEALS: Duration = Duration::from_secs(90);

/// `systemctl is-active` of every unit of the chain.
///
/// # Errors
/// One is not active.
pub fn is_up(guest: &mut Guest) -> Result<()> {
    // One command: each has to be emulated.
    let states = guest.run(&format!("systemctl is-active {}", UNITS.join(" ")))?.stdout;
    ensure!(states.lines().eq(["active"; UNITS.len()]), "{UNITS:?} are {states:?}");
    let table = guest.ok(&format!("dmsetup table {POOL}"))?;
    ensure!(table.contains(" thin-pool "), "{table}");
    let plugins = guest.ok(&format!("{CTR} plugins ls"))?;
    let devmapper = plugins.lines().find(|line| line.contains("devmapper")).unwrap_or_default();
    ensure!(devmapper.split_whitespace().last() == Some("ok"), "{devmapper}");
    Ok(())
}

/// A shell line that succeeds when every one of `units` is active; systemctl's own status tells
/// whether one of them is.
#[must_use]
pub fn active(units: &str) -> String {
    format!("! systemctl is-active {units} | grep -vx active")
}

/// Waits until the host is up and has nothing left to do.
///
/// # Errors
/// It is not, within `limit`.
pub fn settles(guest: &mut Guest, limit: Duration) -> Result<()> {
    guest.wait_for("mvmhost plan", limit)?;
    is_up(guest)
}

/// Makes a thin device through containerd, writes 16 MiB of random data far into it and keeps the
/// checksum in the guest.
///
/// # Errors
/// A command fails.
pub fn write_data(guest: &mut Guest) -> Result<()> {
    guest.ok(&format!(
        "device=$({CTR} snapshots --snapshotter devmapper prepare --target /mnt kept '' | grep -o '/dev/mapper/[^ ]*') &&
         ln -s $device {VOLUME} && dmsetup table $device | grep -o '[0-9]*$' > /root/volume.id &&
         dd if=/dev/urandom of={VOLUME} bs=1M count=16 seek=2048 conv=fsync,nocreat status=none &&
         sync && {DIGEST} > /root/digest && sync"
    ))?;
    Ok(())
}

/// Of these data; it fails where they cannot be read.
pub const DIGEST: &str = "{ test -b /root/volume && dd if=/root/volume of=/run/volume bs=1M count=16 \
                          skip=2048 iflag=direct status=none && sha256sum </run/volume; }";

/// The data of [`write_data`] are still the same.
///
/// # Errors
/// They are not, or cannot be read.
pub fn data_is_intact(guest: &mut Guest) -> Result<()> {
    let digest = guest.ok(DIGEST)?;
    let written = guest.ok("cat /root/digest")?;
    ensure!(digest == written, "the thin volume changed: {written} became {digest}");
    Ok(())
}

/// The entries of one code in this boot's journal.
///
/// # Errors
/// journalctl fails or does not speak JSON.
pub fn journal(guest: &mut Guest, code: &str) -> Result<Vec<Value>> {
    let text = guest
        .ok(&format!("journalctl --sync; journalctl -b -o json MVMHOST_CODE={code} || true"))?;
    let entries = text.lines().map(serde_json::from_str).collect::<Result<Vec<Value>, _>>();
    entries.with_context(|| format!("journalctl said {text}"))
}

/// One code was said in this boot, under mvmhost's identifier, with every documented field.
///
/// # Errors
/// It was not.
pub fn last_entry(guest: &mut Guest, code: &str) -> Result<Value> {
    let entries = journal(guest, code)?;
    let Some(entry) = entries.last() else {
        let all = guest.ok("journalctl -b -r -n 8 -t mvmhost -o cat --no-pager")?;
        anyhow::bail!("{code} was not said in this boot; the last was\n{all}");
    };
    for field in ["MESSAGE_ID", "MVMHOST_SUBJECT", "DOCUMENTATION"] {
        ensure!(entry[field].is_string(), "{code} has no {field}: {entry}");
    }
    ensure!(entry["SYSLOG_IDENTIFIER"] == "mvmhost", "{entry}");
    Ok(entry.clone())
}

/// [`last_entry`], by a service that says it when it has done what it tells of: within `limit`.
///
/// # Errors
/// It was not.
pub fn wait_for_entry(guest: &mut Guest, code: &str, limit: Duration) -> Result<Value> {
    let journalctl = "journalctl --sync; journalctl -b -o cat";
    guest.wait_for(&format!("{journalctl} MVMHOST_CODE={code} | grep -q ."), limit)?;
    last_entry(guest, code)
}

/// `mvmhost ARGUMENTS --json`, whatever its exit code.
///
/// # Errors
/// What it prints is no JSON.
pub fn json(guest: &mut Guest, arguments: &str) -> Result<Value> {
    let output = guest.run(&format!("mvmhost --json {arguments}"))?;
    serde_json::from_str(&output.stdout)
        .with_context(|| format!("mvmhost --json {arguments}: {} {}", output.stdout, output.stderr))
}

/// The codes of a document's findings.
pub fn codes(document: &Value) -> Vec<String> {
    let findings = document["findings"].as_array().cloned().unwrap_or_default();
    findings.iter().filter_map(|f| f["code"].as_str().map(str::to_owned)).collect()
}

/// Nothing but ssh is promised: the pool is not there, flintlockd did not run in this boot, and
/// the machine answers.
///
/// # Errors
/// Something runs that must not.
pub fn is_held_back(guest: &mut Guest) -> Result<()> {
    let ran = guest
        .ok("journalctl --sync; journalctl -b -u flintlockd.service -o cat | grep -c 'standin: start' || true")?;
    ensure!(ran.trim() == "0", "flintlockd ran {} times", ran.trim());
    let state = guest.run("systemctl is-active flintlockd.service")?.stdout;
    ensure!(state.trim() != "active", "flintlockd is {}", state.trim());
    Ok(())
}
