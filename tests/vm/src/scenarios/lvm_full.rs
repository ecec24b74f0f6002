//! A pool on LVM that fills up under a writer: made longer by dmeventd while the group has room,
//! braked, and full.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};

use super::host;
use crate::guest::Guest;

/// dmeventd looks every ten seconds, mvm-guard every thirty; the rest is emulation.
const ACTS: Duration = Duration::from_secs(90);

/// Writes 64 MiB after 64 MiB to a thin volume with an id far from containerd's, so many or until a
/// write fails, and keeps how many were acknowledged as being on the disk.
const WRITER: &str = "dmsetup message flintlock-thinpool 0 'create_thin 7000'
    dmsetup create writer --table '0 8388608 thin /dev/mapper/flintlock-thinpool 7000' && udevadm settle
    head -c 64M /dev/urandom >/srv/source; echo 0 >/srv/written
    cat >/srv/write <<'X'
n=$(cat /srv/written)
while test $n -lt \"${1:-1000}\" &&
    dd if=/srv/source of=/dev/mapper/writer bs=4M seek=$((n * 16)) oflag=direct conv=notrunc,fsync status=none
do n=$((n + 1)); echo $n >/srv/written; done
X
    # What does not fit fails soon: nobody waits for this group to become larger.
    echo 3 >/sys/module/dm_thin_pool/parameters/no_space_timeout";

/// Everything that was acknowledged is there.
const KEPT: &str = "n=$(cat /srv/written); test $n -gt 0 && for i in $(seq 0 $((n - 1))); do
    dd if=/dev/mapper/writer bs=4M skip=$((i * 16)) count=16 iflag=direct status=none | cmp - /srv/source || exit 1
    done";

/// The pool's size and what is used of it, in blocks.
const FILL: &str = "dmsetup status flintlock-thinpool | cut -d' ' -f 6 | tr / ' '";

/// # Errors
/// An acknowledged write is lost, the pool is not made longer, or flintlockd is not held back until
/// there is room.
pub(super) fn a_pool_on_lvm_fills_up(guest: &mut Guest) -> Result<()> {
    guest.ok(WRITER)?;
    let (_, begin) = fill(guest)?;
    // 80 % is where dmeventd acts; a block is 512 KiB, a piece of the writer 128 of them.
    let pieces = begin * 8 / 10 / 128 + 1;
    guest.run_within(&format!("sh /srv/write {pieces}"), ACTS)?.required("the writer")?;
    guest
        .wait_for(&format!("set -- $({FILL}); test $2 -gt {begin}"), ACTS)
        .context("dmeventd does not make the pool longer")?;
    guest.ok("test ! -e /run/mvmhost/brake && systemctl is-active flintlockd.service")?;

    // Now past what the group can give, to the end.
    guest.run_within("sh /srv/write; exit 0", Duration::from_secs(300))?;
    let (used, total) = fill(guest)?;
    ensure!(used == total, "{used} of {total} blocks are used");
    held_back(guest)?;
    guest.run_within(KEPT, Duration::from_secs(300))?.required("what was acknowledged")?;

    guest.ok("blkdiscard -o $((8 * 67108864)) /dev/mapper/writer")?;
    guest.wait_for(
        "! test -e /run/mvmhost/brake && systemctl is-active --quiet flintlockd.service",
        ACTS,
    )?;
    guest.ok("echo 8 >/srv/written")?;
    guest.ok(KEPT)?;
    guest
        .ok("dmsetup remove writer && dmsetup message flintlock-thinpool 0 'delete 7000'")
        .map(drop)
}

fn held_back(guest: &mut Guest) -> Result<()> {
    guest.wait_for(
        "test -s /run/mvmhost/brake && ! systemctl is-active --quiet flintlockd.service",
        ACTS,
    )?;
    host::last_entry(guest, "MVM-POOL-105").map(drop)
}

fn fill(guest: &mut Guest) -> Result<(u64, u64)> {
    let text = guest.ok(FILL)?;
    let mut numbers = text.split_whitespace().map(str::parse);
    match (numbers.next(), numbers.next()) {
        (Some(Ok(used)), Some(Ok(total))) => Ok((used, total)),
        _ => anyhow::bail!("the pool's status has no fill: {text}"),
    }
}
