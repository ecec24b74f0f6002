//! The pool on a disk that provision.sh made, taken over with the distribution's containerd.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};

use super::host::{self, FILES, UNDISTURBED};
use super::lvm::{DIGEST, POOL};
use super::lvm_repaired::{BITMAPS, is_sound, repair, spoil};
use crate::guest::Guest;
use crate::setup::SCRATCH;

/// provision.sh's direct_lvm and the configuration that it writes for the distribution's containerd
/// (hack/scripts/provision.sh, commit 7112122).
const DIRECT_LVM: &str = "pvcreate -q $DISK && vgcreate -q flintlock $DISK &&
    lvcreate -q --wipesignatures y -n thinpool flintlock -l 95%VG &&
    lvcreate -q --wipesignatures y -n thinpoolmeta flintlock -l 1%VG &&
    lvconvert -q -y --zero n -c 512K --thinpool flintlock/thinpool --poolmetadata flintlock/thinpoolmeta &&
    printf 'activation {\nthin_pool_autoextend_threshold=80\nthin_pool_autoextend_percent=20\n}\n' \
        > /etc/lvm/profile/flintlock-thinpool.profile && lvchange --monitor y flintlock/thinpool
    root=/var/lib/containerd/snapshotter/devmapper; mkdir -p /etc/containerd $root
    printf 'version = 2\nroot = \"/var/lib/containerd\"\nstate = \"/run/containerd\"\n[grpc]\n  address = \"/run/containerd/containerd.sock\"\n[plugins]\n  [plugins.\"io.containerd.snapshotter.v1.devmapper\"]\n    pool_name = \"flintlock-thinpool\"\n    root_path = \"%s\"\n    base_image_size = \"10GB\"\n    discard_blocks = true\n' $root > /etc/containerd/config.toml
    systemctl enable -q containerd.service; systemctl restart containerd.service";
/// Where that containerd keeps its databases about the pool, as provision.sh has it.
const ROOT_PATH: &str = "/var/lib/containerd/snapshotter/devmapper";
/// The distribution's containerd, as flintlockd asks it.
const SYSTEM_CTR: &str = "ctr --address /run/containerd/containerd.sock --namespace flintlock";

/// The pool of a production host goes on with its data, and grows from now on as it was meant to.
///
/// # Errors
/// Something of it is changed, lost, or not there after a boot, or goes on without its database.
pub(super) fn direct_lvm_is_taken_over(guest: &mut Guest) -> Result<()> {
    guest.ok(&format!(
        "DISK=$(readlink -f {SCRATCH})
         {UNDISTURBED}; systemctl stop mvm-guard.service flintlockd.service containerd-dev.service
         mvmhost pool remove && vgremove -q -f -y flintlock && pvremove -q -y $DISK
         rm -r {FILES}/*.db /var/lib/containerd-dev/io.containerd.metadata.v1.bolt /var/lib/mvmhost/receipt.json
         : > /etc/mvmhost.toml
         {DIRECT_LVM}
         {SYSTEM_CTR} snapshots --snapshotter devmapper prepare kept ''
         dd if=/dev/urandom of=/dev/mapper/{POOL}-snap-1 bs=1M count=16 seek=2048 conv=fsync,nocreat status=none
         sync; {DIGEST} > /root/lvm-digest; sync"
    ))?;
    let table = guest.ok(&format!("dmsetup table {POOL}"))?;
    let document = host::json(guest, "adopt")?;
    let codes: Vec<&str> = document["findings"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|finding| finding["code"].as_str())
        .collect();
    ensure!(codes.contains(&"MVM-POOL-160") && codes.contains(&"MVM-DISK-020"), "{document}");
    ensure!(!codes.contains(&"MVM-DISK-015"), "the profile is not attached: {document}");
    ensure!(guest.ok(&format!("dmsetup table {POOL}"))? == table, "the table is another one");
    guest.ok("mvmhost apply")?;
    taken_over_is_up(guest)?;
    guest.reboot()?;
    taken_over_is_up(guest).context("taken over, after a reboot")?;
    a_database_is_not_left_behind(guest)?;
    it_is_repaired_by_its_database(guest)
}

fn taken_over_is_up(guest: &mut Guest) -> Result<()> {
    guest.wait_for("mvmhost plan", Duration::from_secs(90))?;
    guest.ok(&host::active(
        "containerd.service flintlockd.service mvm-thinpool.service mvm-guard.service",
    ))?;
    guest.ok("! systemctl is-active containerd-dev.service")?;
    guest.ok(&format!(
        "{SYSTEM_CTR} plugins ls | grep devmapper | grep -q 'ok *$'
         {SYSTEM_CTR} snapshots --snapshotter devmapper ls | grep -q kept
         lvs --noheadings -o lv_profile,seg_monitor flintlock/thinpool | grep -q 'mvmhost-flintlock *monitored'
         tr '\\0' ' ' < /proc/$(systemctl show -P MainPID flintlockd.service)/cmdline | grep -q /run/containerd/containerd.sock
         {DIGEST} | cmp - /root/lvm-digest"
    ))?;
    Ok(())
}

/// Everything that uses the pool is stopped, and the pool is down.
const DOWN: &str = "systemctl stop mvmhost-retry.timer mvmhost-retry.service mvm-images-retry.timer
    systemctl stop mvm-guard.service flintlockd.service containerd.service mvm-thinpool.service
    mvmhost pool remove";

/// containerd is told of another place: it would see nothing, and use the same blocks again. It is the
/// operator's and starts all the same, so that there is no pool for it; it looks once, at its start.
fn a_database_is_not_left_behind(guest: &mut Guest) -> Result<()> {
    guest.ok(&format!(
        "grep -q {ROOT_PATH}/metadata.db /var/lib/mvmhost/receipt.json || exit 1
         {DOWN} && sed -i s,{ROOT_PATH},/srv/other, /etc/containerd/config.toml"
    ))?;
    let refused = guest.run("systemctl start flintlockd.service")?;
    ensure!(!refused.success(), "the pool is there without its database");
    let entry = host::last_entry(guest, "MVM-POOL-141")?;
    ensure!(entry["MESSAGE"].to_string().contains("/srv/other/"), "{entry}");
    guest.ok(&format!(
        "! dmsetup info {POOL} && sed -i s,/srv/other,{ROOT_PATH}, /etc/containerd/config.toml
         systemctl start mvmhost.target; systemctl restart containerd.service"
    ))?;
    taken_over_is_up(guest).context("with its database again")
}

/// What the repaired metadata have is held against the database where this containerd keeps it.
fn it_is_repaired_by_its_database(guest: &mut Guest) -> Result<()> {
    guest.ok(DOWN)?;
    spoil(guest, BITMAPS)?;
    guest.ok(&format!("mv {ROOT_PATH}/{POOL}.db /root/"))?;
    let (code, document) = repair(guest, "")?;
    ensure!(code == Some(73) && host::codes(&document) == ["MVM-POOL-027"], "{code:?} {document}");
    guest.ok(&format!("mv /root/{POOL}.db {ROOT_PATH}/"))?;
    let (code, document) = repair(guest, "")?;
    ensure!(code == Some(0) && host::codes(&document) == ["MVM-POOL-150"], "{code:?} {document}");
    is_sound(guest)?;
    guest.ok("systemctl start mvmhost.target")?;
    taken_over_is_up(guest).context("repaired")
}
