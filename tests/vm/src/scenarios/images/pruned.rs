//! Images that go, and images that have to wait.

use anyhow::{Result, ensure};

use super::super::host::{self, CTR};
use super::{KERNEL, ROOT, configure};
use crate::guest::Guest;

/// An image that the file no longer names stays while a disk is built upon it, and takes its
/// snapshots along when it goes; what `ctr` brought stays.
pub(super) fn what_nobody_names_goes(guest: &mut Guest) -> Result<()> {
    guest.ok(&format!("{CTR} images tag {KERNEL} 127.0.0.1:5000/test/own:1 >/dev/null"))?;
    guest.ok(&format!(
        "printf '[images]\\nroot = []\\nkernel = [\"{KERNEL}\"]\\n' >/etc/mvmhost.toml
        top=$({CTR} snapshots --snapshotter devmapper ls | awk '/Committed/ {{k[$1]; p[$2]}} END {{for (i in k) if (!(i in p)) print i}}' | grep sha256:)
        {CTR} snapshots --snapshotter devmapper prepare disk $top"
    ))?;
    ensure!(codes(guest, "images prune")? == ["MVM-IMG-022"], "a disk's image goes");
    guest.ok(&format!("{CTR} snapshots --snapshotter devmapper rm disk"))?;
    ensure!(codes(guest, "images prune --dry-run")? == ["MVM-IMG-021"], "not in the way");
    guest.ok(&format!("{CTR} images ls -q | grep -qx {ROOT}"))?;
    ensure!(codes(guest, "images prune")? == ["MVM-IMG-020"], "it stays");
    let images =
        guest.ok(&format!("{CTR} images ls -q; {CTR} snapshots --snapshotter devmapper ls"))?;
    ensure!(images.contains("test/own:1") && images.contains(KERNEL), "{images}");
    ensure!(!images.contains(ROOT) && !images.contains("Committed"), "{images}");
    ensure!(codes(guest, "images prune")?.is_empty(), "twice");
    guest.ok("mvmhost images verify").map(drop)
}

/// While the guard has its brake on, nothing goes into the pool; then it does, and a terminal sees
/// how far it is.
pub(super) fn a_pool_without_room_is_spared(guest: &mut Guest) -> Result<()> {
    configure(guest, "")?;
    guest.ok(host::UNDISTURBED)?;
    guest.ok("systemctl stop mvm-guard.service && echo full >/run/mvmhost/brake")?;
    let pulled = guest.run("mvmhost images pull")?;
    ensure!(pulled.code() == Some(1) && pulled.stderr.contains("MVM-IMG-019"), "{pulled:?}");
    let none = guest.ok(&format!("{CTR} snapshots --snapshotter devmapper ls"))?;
    ensure!(!none.contains("sha256:"), "{none}");
    guest.ok("rm /run/mvmhost/brake && systemctl start mvm-guard.service")?;
    let shown = guest.ok("TERM=linux script -qec 'mvmhost images pull' /dev/null")?;
    ensure!(shown.contains("\u{1b}[") && shown.contains("unpacking layer 3 of 3"), "{shown}");
    guest.ok("mvmhost images verify").map(drop)
}

fn codes(guest: &mut Guest, command: &str) -> Result<Vec<String>> {
    Ok(host::codes(&host::json(guest, command)?))
}
