//! Refusals about the thin pool.

use std::collections::BTreeSet;

use super::Refusals;
use crate::model::Backend;
use crate::quantities::Bytes;

/// A thin pool's superblock, space maps and a first transaction do not fit into less
/// (`pool_create` of thin-provisioning-tools, lvm2's minimum).
const LEAST_METADATA: Bytes = Bytes(2 << 20);

/// dm-thin uses no more (kernel `THIN_METADATA_MAX_SECTORS`, rounded up as the tools print it).
const MOST_METADATA: Bytes = Bytes(16 << 30);

pub(super) fn combinations(refusals: &mut Refusals<'_, '_, '_>) {
    loop_files(refusals);
    lvm(refusals);
    let guard = &refusals.config.thinpool.guard;
    if guard.warn_percent >= guard.brake_percent {
        refusals.refuse(
            &["thinpool.guard.warn-percent", "thinpool.guard.brake-percent"],
            format!("not below brake-percent = {}", guard.brake_percent),
            "write a smaller warn-percent or a larger brake-percent",
        );
    }
}

fn loop_files(refusals: &mut Refusals<'_, '_, '_>) {
    let files = &refusals.config.thinpool.loopback;
    if files.metadata_size < LEAST_METADATA || files.metadata_size > MOST_METADATA {
        refusals.refuse(
            &["thinpool.loop.metadata-size"],
            format!("thin-pool metadata is {LEAST_METADATA} to {MOST_METADATA}"),
            "write for example \"1GiB\"",
        );
    }
    if files.max_data_size < files.data_size {
        refusals.refuse(
            &["thinpool.loop.max-data-size", "thinpool.loop.data-size"],
            format!("smaller than data-size = \"{}\"", files.data_size),
            "write at least data-size",
        );
    }
}

fn lvm(refusals: &mut Refusals<'_, '_, '_>) {
    let pool = &refusals.config.thinpool;
    let mut devices = BTreeSet::new();
    for (index, device) in pool.lvm.devices.iter().enumerate() {
        if !devices.insert(device) {
            let paths = ["thinpool.lvm.devices"];
            refusals.refuse_entry(&paths, index, "", "the same disk twice", "write it once");
        }
    }
    if pool.backend != Backend::Lvm {
        return;
    }
    if pool.lvm.devices.is_empty() {
        refusals.refuse(
            &["thinpool.backend", "thinpool.lvm.devices"],
            "lvm without devices",
            "add devices = [\"/dev/disk/by-id/...\"] below [thinpool.lvm]",
        );
    }
    let prefix = pool.lvm.volume_group.dm_prefix();
    let volume = pool.name.as_str().strip_prefix(&prefix);
    // An LV's own hyphens are doubled in its device-mapper name.
    let doubled = |name: &str| !name.replace("--", "").contains('-');
    if !volume.is_some_and(|name| !name.is_empty() && doubled(name)) {
        refusals.refuse(
            &["thinpool.name", "thinpool.lvm.volume-group"],
            format!("no device-mapper name of a volume in the group {}", pool.lvm.volume_group),
            format!("write for example \"{prefix}thinpool\""),
        );
    }
}
