//! A pool on a disk, from a bare host on.

use anyhow::Result;

use super::Says::Command;
use super::{State, UP, all, state};
use crate::scenario::Context;

const STATES: &[State] = &[
    state(
        "MVM-DISK-002",
        "printf '[thinpool]\\nbackend = \"lvm\"\\nlvm.devices = [\"/dev/disk/by-id/virtio-mvmscratch\"]\\n' >/etc/mvmhost.toml
         mvmhost pool create && rm $(command -v lvm)",
        Command("plan"),
        "",
        UP,
    ),
    state(
        "MVM-DISK-015",
        "lvchange -q --detachprofile flintlock/thinpool; lvchange -q --monitor n flintlock/thinpool",
        Command("check"),
        "",
        "lvs --noheadings -o lv_profile,seg_monitor flintlock/thinpool | grep 'mvmhost-flintlock *monitored' && mvmhost plan",
    ),
];

/// # Errors
/// A remedy does not help with a pool on a disk.
pub fn a_pool_on_a_disk_heals(context: &mut Context) -> Result<()> {
    all(&mut context.guest, STATES)
}
