//! A pool on a disk, from a bare host on.

use anyhow::Result;

use super::Says::Command;
use super::{State, UP, all, state};
use crate::scenario::Context;
use crate::scenarios::lvm::INSTALLS;

/// An initramfs is not what this guest boots from.
const LVM: &str = "mount --bind /bin/true /usr/sbin/update-initramfs
    DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends lvm2 dmeventd >/dev/null 2>&1
    printf '[thinpool]\\nbackend = \"lvm\"\\nlvm.devices = [\"/dev/disk/by-id/virtio-mvmscratch\"]\\n' >/etc/mvmhost.toml
    mvmhost pool create && mvmhost apply || test $? = 1";

const STATES: &[State] = &[
    state("MVM-DISK-002", "rm $(command -v lvm)", Command("plan"), "", UP),
    state(
        "MVM-DISK-015",
        "lvchange -q --detachprofile flintlock/thinpool; lvchange -q --monitor n flintlock/thinpool",
        Command("status"),
        "",
        "lvs --noheadings -o lv_profile,seg_monitor flintlock/thinpool | grep 'mvmhost-flintlock *monitored' && mvmhost plan",
    ),
];

/// # Errors
/// A remedy does not help with a pool on a disk.
pub fn a_pool_on_a_disk_heals(context: &mut Context) -> Result<()> {
    let guest = &mut context.guest;
    guest.run_within(LVM, INSTALLS)?.required(LVM)?;
    all(guest, STATES)
}
