//! A pool on a disk, from a bare host on.

use super::Says::Command;
use super::{State, UP, state};

pub(super) const STATES: &[State] = &[
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
