//! `mvmhost pool repair` of a pool on LVM.

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

use super::host;
use super::lvm_checked::SUPERBLOCK;
use super::lvm_killed::WRAPPER;
use crate::guest::Guest;
use crate::setup::SCRATCH;

/// Where mvmhost is killed, and what a plain run finds then: what is left to repair, or nothing.
const KILLS: &[(&str, &str)] = &[
    ("lvcreate before", "MVM-POOL-150"),
    ("lvcreate after", "MVM-POOL-150"),
    ("lvconvert before", "MVM-POOL-150"),
    ("lvconvert after", "MVM-POOL-134"),
    ("lvremove before", "MVM-POOL-134"),
];

/// The block with the root of the bitmaps, which is at byte 208 of the superblock: nothing is lost
/// with it.
pub(super) const BITMAPS: &str =
    "$((at + $(dd if=$D bs=4096 skip=$at count=1 iflag=direct status=none |
        od -An -t u8 -j 208 -N 8)))";

/// Of a pool that is down and whole. Afterwards it is that again, with all that was in it.
///
/// # Errors
/// Metadata are replaced by some that have less in them without leave, or not replaced where nothing
/// is lost, or a killed repair leaves neither.
pub(super) fn what_is_down_can_be_repaired(guest: &mut Guest) -> Result<()> {
    spoil(guest, BITMAPS)?;
    let (code, document) = repair(guest, "--dry-run")?;
    ensure!(code == Some(0) && host::codes(&document) == ["MVM-POOL-151"], "{code:?} {document}");
    guest.ok("! dmsetup ls | grep flintlock && ! ls /var/lib/mvmhost | grep metadata")?;
    for (kill, found) in KILLS {
        guest.ok(&format!(
            "cat > /usr/local/sbin/lvm <<'X'\n{WRAPPER}\nX\nchmod +x /usr/local/sbin/lvm"
        ))?;
        let killed =
            guest.run(&format!("echo {kill} > /root/kill; mvmhost pool repair; exit $?"))?;
        ensure!(killed.status == 137, "{kill}: {killed:?}");
        guest.ok("rm /usr/local/sbin/lvm")?;
        let (code, document) = repair(guest, "")?;
        ensure!(
            code == Some(0) && host::codes(&document) == [*found],
            "{kill}: {code:?} {document}"
        );
        is_sound(guest).with_context(|| format!("after {kill}"))?;
        spoil(guest, BITMAPS)?;
    }
    let (code, document) = repair(guest, "")?;
    ensure!(code == Some(0) && host::codes(&document) == ["MVM-POOL-150"], "{code:?} {document}");
    is_sound(guest)?;
    // The superblock is lost: what the blocks were cannot be known, so that a person has to say yes.
    spoil(guest, "$at")?;
    let (code, document) = repair(guest, "")?;
    ensure!(code == Some(73) && host::codes(&document) == ["MVM-POOL-156"], "{code:?} {document}");
    let token = document["token"].as_str().unwrap_or_default().to_owned();
    let (code, document) = repair(guest, &format!("--accept {token}"))?;
    ensure!(code == Some(0) && host::codes(&document) == ["MVM-POOL-150"], "{code:?} {document}");
    is_sound(guest)
}

/// Spoils a block of the metadata on the disk.
pub(super) fn spoil(guest: &mut Guest, block: &str) -> Result<()> {
    guest.ok(&format!(
        "D={SCRATCH}; {SUPERBLOCK}; block={block}
         printf '\\377\\001\\277' | dd of=$D bs=1 seek=$((block * 4096 + 40)) conv=notrunc,fsync status=none
         udevadm settle; ! mvmhost pool check"
    ))?;
    Ok(())
}

/// Nothing of a repair is left but the damaged metadata in files.
pub(super) fn is_sound(guest: &mut Guest) -> Result<()> {
    guest.ok("mvmhost pool check && ! dmsetup ls | grep flintlock && ! ls /var/lib/mvmhost | grep repaired &&
         lvs --all --noheadings -o lv_name flintlock > /root/volumes &&
         ! grep -q repair /root/volumes")?;
    Ok(())
}

pub(super) fn repair(guest: &mut Guest, arguments: &str) -> Result<(Option<i32>, Value)> {
    let output = guest.run(&format!("mvmhost --json pool repair {arguments}"))?;
    let document = serde_json::from_str(&output.stdout).with_context(|| format!("{output:?}"))?;
    Ok((output.code(), document))
}
