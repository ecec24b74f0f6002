//! A pool on LVM: it is activated where there is one, and never made. What makes one is
//! [`super::create()`], which an operator asks for.

use mvm_core::catalogue::{disk, pool};
use mvm_core::{Finding, Plan};

use super::{
    Desired, DesiredVolume, Group, LvmState, Observed, Recorded, Step, Volume, VolumeReceipt,
    aside, begun,
};
use crate::thinpool::{
    Device, LivePool, against_record, device_mapper, health, hold, mib, name_taken, on_record,
};

/// What the device-mapper UUID of LVM's devices begins with.
const LVM_UUID: &str = "LVM-";

/// Decides what is to be done about the pool.
pub fn plan(desired: &Desired, observed: &Observed) -> Plan<Step> {
    match decide(desired, observed) {
        Ok(plan) => plan,
        Err(findings) => Plan::new(Vec::new(), findings),
    }
}

fn decide(desired: &Desired, observed: &Observed) -> Result<Plan<Step>, Vec<Finding>> {
    if let Some(finding) = device_mapper(&desired.pool, &observed.pool) {
        return Err(vec![finding]);
    }
    let (lvm, group, volume) = found(desired, observed)?;
    let volume_desired = &desired.volume;
    let mut findings = against_receipt(desired, observed, lvm, group, volume);
    let mut steps = Vec::new();
    let profile = lvm.profile.as_ref().is_none_or(|text| *text != volume_desired.profile_text());
    steps.extend(profile.then(|| Step::WriteProfile {
        path: volume_desired.profile_path(),
        text: volume_desired.profile_text(),
    }));
    let name = || desired.pool.name.clone();
    let await_node = match &observed.pool.device {
        Device::Pool(pool) => {
            if !is_volume(pool, group, volume) {
                return Err(vec![name_taken(
                    &desired.pool.name,
                    "thin-pool",
                    &pool.state.table.to_string(),
                )]);
            }
            findings.extend(health::flaws(&desired.pool.name, &pool.state));
            findings.extend(growth(desired, group, volume));
            !observed.pool.node
        }
        Device::Other { target, table } => {
            return Err(vec![name_taken(&desired.pool.name, target, table)]);
        }
        Device::Empty { uuid, .. } if !uuid.starts_with(LVM_UUID) => {
            let finding = pool::empty_foreign(&desired.pool.name);
            return Err(vec![finding.evidence(format!("uuid {uuid:?}, no live table"))]);
        }
        Device::Absent | Device::Empty { .. } => {
            if observed.pool.thin_check.is_none() {
                findings.push(pool::thin_check_missing(&desired.pool.name));
            }
            steps.extend(take_down(volume_desired, lvm, &observed.pool.device));
            steps.push(Step::Activate { volume: volume_desired.path() });
            true
        }
    };
    steps.extend(record(desired, observed, lvm.receipt.volume(), (group, volume)));
    steps.extend(await_node.then(|| Step::AwaitNode { name: name() }));
    Ok(Plan::new(steps, findings))
}

/// The pool's volume and its group, and what else LVM says; otherwise why there is none.
pub fn found<'a>(
    desired: &Desired,
    observed: &'a Observed,
) -> Result<(&'a LvmState, &'a Group, &'a Volume), Vec<Finding>> {
    let lvm = usable(desired, observed)?;
    let volume_desired = &desired.volume;
    let Some((group, volume)) = there(volume_desired, lvm)? else {
        let (name, group, devices) =
            (&desired.pool.name, &desired.volume.group, volume_desired.devices.join(" "));
        return Err(vec![match lvm.receipt.volume() {
            Some(_) => disk::gone(name, group, devices),
            None => disk::no_pool(name, devices),
        }]);
    };
    Ok((lvm, group, volume))
}

/// What LVM says, unless that is nothing to go by.
pub(super) fn usable<'a>(
    desired: &Desired,
    observed: &'a Observed,
) -> Result<&'a LvmState, Vec<Finding>> {
    let Some(lvm) = &observed.lvm else {
        return Err(vec![disk::lvm_missing(&desired.pool.name)]);
    };
    if let Recorded::Unreadable(why) = &lvm.receipt {
        return Err(vec![disk::receipt_unreadable(&desired.pool.name, &desired.volume.group, why)]);
    }
    // Without a record of a volume, one of files is the only pool that there ever was.
    if lvm.receipt == Recorded::Absent
        && let Some(old) = observed.on_files.pool()
    {
        let other = pool::receipt_other(&desired.pool.name, "backend", &old.backend, "lvm");
        return Err(vec![other]);
    }
    Ok(lvm)
}

/// The pool's volume and its group, where there is one.
pub(super) fn there<'a>(
    volume_desired: &DesiredVolume,
    lvm: &'a LvmState,
) -> Result<Option<(&'a Group, &'a Volume)>, Vec<Finding>> {
    let group = match lvm.groups.as_slice() {
        [] => return Ok(None),
        [group] => group,
        groups => {
            let uuids: Vec<&str> = groups.iter().map(|group| group.vg_uuid.as_str()).collect();
            let twice = disk::group_twice(&volume_desired.group, uuids.join(" "));
            return Err(vec![twice]);
        }
    };
    if group.missing() > 0 {
        let missing = disk::group_partial(&volume_desired.group, group.missing());
        return Err(vec![missing]);
    }
    if begun::remains(volume_desired, lvm).is_some() {
        return Ok(None);
    }
    let Some(volume) = lvm.volumes.iter().find(|volume| volume.lv_name == volume_desired.volume)
    else {
        return Ok(None);
    };
    if volume.segtype != "thin-pool" {
        let other = disk::not_a_pool(volume_desired.path(), &volume.segtype);
        return Err(vec![other]);
    }
    Ok(Some((group, volume)))
}

/// A pool whose activation was killed: LVM activates none whose device has no table, or beside the
/// devices of its parts, which a killed `mvmhost pool check` leaves too.
fn take_down(volume_desired: &DesiredVolume, lvm: &LvmState, device: &Device) -> Vec<Step> {
    let mut volumes = Vec::new();
    if matches!(device, Device::Empty { .. }) {
        volumes.push(volume_desired.path());
    }
    for part in volume_desired.parts() {
        let name = format!("[{}]", part.rsplit('/').next().unwrap_or_default());
        if lvm.volumes.iter().any(|volume| volume.lv_name == name && volume.is_active()) {
            volumes.push(part);
        }
    }
    volumes.into_iter().map(|volume| Step::Deactivate { volume }).collect()
}

/// Whether the device under the pool's name is the volume that the configuration names.
pub fn is_live(desired: &Desired, observed: &Observed) -> bool {
    let (Some(lvm), Device::Pool(live)) = (&observed.lvm, &observed.pool.device) else {
        return false;
    };
    matches!(there(&desired.volume, lvm), Ok(Some((group, volume))) if is_volume(live, group, volume))
}

/// Whether the live pool is made longer by nobody, because its profile is not attached or dmeventd
/// does not watch it.
pub fn is_unattached(desired: &Desired, observed: &Observed) -> bool {
    let (Some(lvm), volume_desired) = (&observed.lvm, &desired.volume) else {
        return false;
    };
    is_live(desired, observed)
        && matches!(there(volume_desired, lvm), Ok(Some((_, volume))) if !volume.grows_by(&volume_desired.profile()))
}

fn is_volume(live: &LivePool, group: &Group, volume: &Volume) -> bool {
    let plain = |uuid: &str| uuid.replace('-', "");
    let own = format!("{}{}", plain(&group.vg_uuid), plain(&volume.lv_uuid));
    live.uuid.strip_prefix(LVM_UUID).is_some_and(|uuid| uuid.starts_with(&own))
}

/// What the receipt says against this volume: that it is another one, or that databases are gone.
pub fn against_receipt(
    desired: &Desired,
    observed: &Observed,
    lvm: &LvmState,
    group: &Group,
    volume: &Volume,
) -> Vec<Finding> {
    let Some(old) = lvm.receipt.volume() else {
        return Vec::new();
    };
    let pairs = [
        ("name", &old.name, &desired.pool.name),
        ("volume group", &old.group, &group.vg_uuid),
        ("logical volume", &old.volume, &volume.lv_uuid),
    ];
    let differ = pairs.into_iter().filter(|(_, was, is)| was != is);
    let mut findings: Vec<Finding> = differ
        .map(|(property, was, is)| disk::other_volume(&desired.pool.name, property, was, is))
        .collect();
    if findings.is_empty() {
        findings = against_record(
            &desired.pool,
            &observed.pool,
            &old.databases,
            &aside(desired, observed),
        );
    }
    findings
}

/// A warning when nobody makes the pool longer, or dmeventd has nothing to take a step from.
fn growth(desired: &Desired, group: &Group, volume: &Volume) -> Option<Finding> {
    let volume_desired = &desired.volume;
    if !volume.grows_by(&volume_desired.profile()) {
        let finding =
            disk::not_grown(&desired.pool.name, volume_desired.profile(), volume_desired.path());
        let evidence =
            format!("lv_profile {:?}, seg_monitor {:?}", volume.lv_profile, volume.seg_monitor);
        return Some(finding.evidence(evidence));
    }
    let free = group.free().saturating_mul(group.extent_size());
    let step = volume.size() / 100 * u64::from(volume_desired.grow_percent);
    (free < step)
        .then(|| disk::no_room(&desired.pool.name, &volume_desired.group, mib(free), mib(step)))
}

/// What there is to write into the receipt.
fn record(
    desired: &Desired,
    observed: &Observed,
    old: Option<&VolumeReceipt>,
    (group, volume): (&Group, &Volume),
) -> Option<Step> {
    let before = old.map_or(&[][..], |old| &old.databases);
    let now = VolumeReceipt {
        name: desired.pool.name.clone(),
        group: group.vg_uuid.clone(),
        volume: volume.lv_uuid.clone(),
        databases: on_record(&desired.pool, &observed.pool, before),
    };
    match old {
        Some(old) if hold(&old.databases, &now.databases) && *old == with(old, &now) => None,
        Some(old) if *old == with(old, &now) => Some(Step::RefreshReceipt { receipt: now }),
        _ => Some(Step::WriteReceipt { receipt: now }),
    }
}

/// `now` but for the databases.
fn with(old: &VolumeReceipt, now: &VolumeReceipt) -> VolumeReceipt {
    VolumeReceipt { databases: old.databases.clone(), ..now.clone() }
}
