//! `mvmhost pool check` of a pool on LVM.

use anyhow::{Result, ensure};

use super::host;
use crate::guest::Guest;
use crate::setup::SCRATCH;

/// Where on the disk the metadata's superblock is, in blocks of 4 KiB: LVM's first extent of 4 MiB
/// begins after the first MiB.
pub(super) const SUPERBLOCK: &str =
    "M=$(lvs --all --noheadings -o devices flintlock/thinpool_tmeta | sed 's/.*(//; s/).*//')
    at=$((256 + M * 1024))";

/// Read as it is, and refused when it is damaged; neither leaves a device. A live one is not read.
///
/// # Errors
/// It is not, or a damaged pool is activated.
pub(super) fn what_is_down_can_be_checked(guest: &mut Guest) -> Result<()> {
    let live = host::json(guest, "pool check")?;
    ensure!(host::codes(&live).contains(&"MVM-POOL-135".to_owned()), "{live}");
    guest.ok("mvmhost pool remove && mvmhost pool check && ! dmsetup ls | grep flintlock")?;
    guest.ok(&format!(
        "{SUPERBLOCK}; dd if={SCRATCH} of=/root/super bs=4096 count=1 skip=$at iflag=direct status=none
         dd if=/dev/urandom of={SCRATCH} bs=4096 count=1 seek=$at oflag=direct status=none; udevadm settle"
    ))?;
    let damaged = host::json(guest, "pool check")?;
    ensure!(host::codes(&damaged).contains(&"MVM-DISK-021".to_owned()), "{damaged}");
    let boot = guest.run("/usr/libexec/mvmhost/mvm-thinpool")?;
    ensure!(!boot.success(), "a damaged pool is activated: {boot:?}");
    guest.ok("! dmsetup ls | grep flintlock")?;
    guest.ok(&format!(
        "{SUPERBLOCK}; dd if=/root/super of={SCRATCH} bs=4096 count=1 seek=$at oflag=direct status=none
         udevadm settle; mvmhost pool check"
    ))?;
    Ok(())
}
