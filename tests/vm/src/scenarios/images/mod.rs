//! Images from Debian's docker-registry, with the containerd of the suite.

use std::time::Duration;

use anyhow::{Result, ensure};
use serde_json::json;

use super::host::{self, CTR};
use crate::REGISTRY;
use crate::guest::Guest;
use crate::image::Suite;
use crate::scenario::Context;

pub mod alone;
mod broken;
mod pruned;
mod wrong;

/// In containerd's words.
const ROOT: &str = "127.0.0.1:5000/test/root:1";
const KERNEL: &str = "127.0.0.1:5000/test/kernel:1";
/// Requests that the registry has answered in this boot.
const REQUESTS: &str = "journalctl --sync; journalctl -b -u registry.service -o cat | grep -c -e '\"GET /v2' -e '\"HEAD /v2' || true";
/// For a pull of four megabytes into a pool in a file, emulated.
const PULLED: Duration = Duration::from_secs(90);
/// Ends when the oneshot has ended, whoever started it.
const RUN: &str = "systemctl start --wait mvm-images.service";
/// Neither runs nor is about to: a oneshot that runs is "activating", and so not active either.
pub(super) const ENDED: &str =
    "systemctl show -P ActiveState mvm-images.service | grep -qxE 'inactive|failed'";

/// # Errors
/// Something of an image is missing, elsewhere, labelled otherwise than by `ctr`, or collected; or
/// the registry is asked for what is there.
pub fn images_are_where_flintlock_looks(context: &mut Context) -> Result<()> {
    let all = context.suite() == Suite::Bookworm;
    let guest = &mut context.guest;
    guest.ok("ln -s /dev/null /etc/systemd/system/docker-registry.service
        DEBIAN_FRONTEND=noninteractive apt-get install -y docker-registry >/dev/null 2>&1")?;
    guest.ok(&format!("{REGISTRY}{}", include_str!("registry.sh")))?;
    guest.ok(&serve("registry", "5000"))?;
    if !all {
        broken::a_pull_breaks_off(guest)?;
    }
    killed_and_started_again(guest)?;
    complete(guest)?;
    nothing_is_asked_twice(guest)?;
    as_ctr_leaves_them(guest)?;
    if all {
        damage_is_mended(guest)?;
        from_an_archive(guest)?;
        guest.reboot()?;
        without_the_registry(guest)?;
        pruned::what_nobody_names_goes(guest)?;
        pruned::a_pool_without_room_is_spared(guest)?;
    } else {
        wrong::of_no_use_to_flintlock(guest)?;
        broken::behind_tls_with_a_login(guest)?;
    }
    Ok(())
}

/// Starts a registry as a unit, from the file in /srv of the same name.
pub(super) fn serve(unit: &str, port: &str) -> String {
    format!(
        "systemd-run -q --unit={unit} docker-registry serve /srv/{unit}.yml &&
        for i in $(seq 100); do ss -ltnH sport = :{port} | grep -q . && exit 0; sleep 0.2; done; exit 1"
    )
}

/// Starts a pull and does something `then`, while its first layer is unpacked into the pool.
/// containerd has the layer mounted for that long, and gets two fifths of a processor for it; the shell
/// looks without a fork, which an emulated machine needs a tenth of a second for: three layers can
/// come and go in it.
fn while_unpacking(start: &str, then: &str) -> String {
    let quota = "systemctl set-property --runtime containerd-dev.service CPUQuota=";
    format!(
        "{quota}40%
        {start}
        unpacks() {{
            while read -r mount; do
                case $mount in /dev/mapper/*containerd-mount*) return 0 ;; esac
            done </proc/mounts
            return 1
        }}
        SECONDS=0; until unpacks; do test $SECONDS -lt 90; done
        {then}
        {quota}"
    )
}

pub(super) fn configure(guest: &mut Guest, more: &str) -> Result<()> {
    guest.ok(&format!(
        "cat >/etc/mvmhost.toml <<'X'
[images]
root = [\"{ROOT}\"]
kernel = [\"{KERNEL}\"]
insecure-registries = [\"127.0.0.1:5000\"]
{more}
X"
    ))?;
    Ok(())
}

/// The first run is killed in the middle; the next one completes and leaves nothing behind.
fn killed_and_started_again(guest: &mut Guest) -> Result<()> {
    configure(guest, "")?;
    guest.ok(&while_unpacking(
        "mvmhost apply --no-wait | grep -q 'start mvm-images.service'",
        "kill -9 $(systemctl show -P MainPID mvm-images.service)",
    ))?;
    let verified = guest.run("mvmhost images verify")?;
    ensure!(verified.code() == Some(1) && verified.stderr.contains("MVM-IMG-012"), "{verified:?}");
    guest.ok("mvmhost apply")?;
    guest.wait_for("mvmhost images verify", PULLED)?;
    guest.wait_for(ENDED, PULLED)?;
    let content = guest.ok(&format!(
        "{CTR} leases ls -q; {CTR} content active | {{ grep -v ^REF || true; }}
        for s in devmapper native; do {CTR} snapshots --snapshotter $s ls; done | {{ grep extract- || true; }}"
    ))?;
    ensure!(content.is_empty(), "left behind: {content}");
    guest.ok("mvmhost plan")?;
    Ok(())
}

/// As containerd sees it, and where flintlock looks.
fn complete(guest: &mut Guest) -> Result<()> {
    let check = guest.ok(&format!("{CTR} images check"))?;
    ensure!(check.matches("complete (").count() == 2 && !check.contains("incomplete"), "{check}");
    let count = |snapshotter: &str| {
        format!(
            "{CTR} snapshots --snapshotter {snapshotter} ls | grep -c sha256:.*Committed || true"
        )
    };
    for (snapshotter, layers) in [("devmapper", "3"), ("native", "1"), ("overlayfs", "0")] {
        let found = guest.ok(&count(snapshotter))?;
        ensure!(found.trim() == layers, "{} snapshots in {snapshotter}", found.trim());
    }
    // What the layers hold, with what the last one took away.
    guest.ok(&format!(
        "top=$({CTR} snapshots --snapshotter devmapper ls | awk '/Committed/ {{k[$1]; p[$2]}} END {{for (i in k) if (!(i in p)) print i}}' | grep sha256:)
        {CTR} snapshots --snapshotter devmapper prepare look $top && mkdir -p /mnt/look
        eval \"$({CTR} snapshots --snapshotter devmapper mounts /mnt/look look | sed 's/ -o *$//')\"
        grep -q mvm /mnt/look/etc/hostname; test -s /mnt/look/srv/data -a ! -e /mnt/look/srv/gone
        umount /mnt/look; {CTR} snapshots --snapshotter devmapper rm look"
    ))?;
    let status = host::json(guest, "status")?;
    ensure!(status["images"] == json!({"wanted": 2, "incomplete": []}), "{status}");
    let list = host::json(guest, "images list")?;
    let rows = list["images"].as_array().cloned().unwrap_or_default();
    ensure!(rows.len() == 2 && rows.iter().all(|row| row["complete"] == true), "{list}");
    Ok(())
}

fn nothing_is_asked_twice(guest: &mut Guest) -> Result<()> {
    let before = guest.ok(REQUESTS)?;
    ensure!(before.trim() != "0", "the registry logs no requests");
    guest.ok(RUN)?;
    let after = guest.ok(REQUESTS)?;
    ensure!(before == after, "{} requests, then {}", before.trim(), after.trim());
    Ok(())
}

/// `ctr` adds nothing to them, leaves the same labels in a namespace of its own, and the garbage
/// collection takes nothing.
fn as_ctr_leaves_them(guest: &mut Guest) -> Result<()> {
    guest.ok(include_str!("as_ctr.sh"))?;
    guest.ok("sh /root/state flintlock >/root/ours")?;
    guest.ok("sh /root/pull flintlock && sh /root/state flintlock | diff /root/ours -")?;
    guest.ok("sh /root/pull other && sh /root/state other | diff /root/ours -")?;
    let other = CTR.replace("flintlock", "other");
    guest.ok(&format!("{other} images rm --sync {ROOT} {KERNEL}"))?;
    guest.ok(&format!("{CTR} leases create --id now && {CTR} leases rm --sync now"))?;
    guest.ok("sh /root/state flintlock | diff /root/ours - && mvmhost images verify")?;
    Ok(())
}

/// A blob that is gone from the disk comes again.
fn damage_is_mended(guest: &mut Guest) -> Result<()> {
    guest.ok(&format!(
        "d=$({CTR} content ls | awk '/gc.ref.content.config/ {{sub(\"sha256:\", \"\", $1); print $1; exit}}')
        : >/var/lib/containerd-dev/io.containerd.content.v1.content/blobs/sha256/$d"
    ))?;
    ensure!(!guest.run("mvmhost images verify")?.success(), "an empty manifest is complete");
    guest.ok("mvmhost apply")?;
    guest.wait_for("mvmhost images verify", PULLED)?;
    guest.wait_for(ENDED, PULLED)?;
    guest.ok(&format!("{CTR} images check | grep -c 'complete (' | grep -q 2"))?;
    Ok(())
}

/// What one host writes another one reads, without a registry; here both are this one.
fn from_an_archive(guest: &mut Guest) -> Result<()> {
    guest
        .ok("mvmhost images export /root/images.tar && ! mvmhost images export /root/images.tar")?;
    guest.ok(&format!("{CTR} images import --no-unpack /root/images.tar >/dev/null"))?;
    guest.ok(&format!("systemctl stop registry && {CTR} images rm --sync {ROOT} {KERNEL}"))?;
    let content = guest.ok(&format!("{CTR} content ls -q"))?;
    ensure!(content.is_empty(), "the archive brought no images, they were there: {content}");
    configure(guest, "archives = [\"/root/images.tar\"]")?;
    guest.ok("mvmhost apply")?;
    guest.wait_for("mvmhost images verify", PULLED)?;
    guest.wait_for(ENDED, PULLED)?;
    complete(guest)
}

/// A boot without the registry is one like any other when the images are complete; a missing one
/// holds flintlockd back where the file says so, until it is there.
fn without_the_registry(guest: &mut Guest) -> Result<()> {
    host::settles(guest, host::HEALS)?;
    guest.wait_for(
        "systemctl show -P ExecMainStartTimestamp mvm-images.service | grep -q .",
        PULLED,
    )?;
    guest.ok("mvmhost images verify")?;
    let result = guest.ok("systemctl show -P Result mvm-images.service")?;
    ensure!(result.trim() == "success", "{result}");
    let count = guest
        .ok("journalctl --sync; journalctl -b -t mvmhost -o json | grep -c MVM-IMG-0 || true")?;
    ensure!(count.trim() == "0", "{}", guest.ok("journalctl -b -u mvm-images.service -o cat")?);

    // What a power cut leaves of a kernel that was never written back: its layer is still there.
    guest.ok(&format!(
        "for kernel in /var/lib/containerd-dev/io.containerd.snapshotter.v1.native/snapshots/*/boot/vmlinux*; do : >$kernel; done
         ! mvmhost images verify && {RUN} && mvmhost images verify"
    ))?;
    guest.ok(&format!("{CTR} images rm {KERNEL}"))?;
    configure(guest, "on-failure = \"block\"")?;
    let applied = guest.run("mvmhost apply; systemctl restart flintlockd.service")?;
    ensure!(!applied.success(), "flintlockd was started without a kernel");
    host::last_entry(guest, "MVM-IMG-002")?;
    host::last_entry(guest, "MVM-IMG-011")?;
    guest.ok(&serve("registry", "5000"))?;
    guest.wait_for("systemctl is-active flintlockd.service", host::HEALS)?;
    host::settles(guest, host::HEALS)?;
    guest.ok("mvmhost images verify").map(drop)
}
