//! Making a pool on disks, which only `mvmhost pool create` does.

use std::fmt;

use mvm_core::catalogue::{disk, pool};
use mvm_core::{Finding, Plan};
use serde::Serialize;

use super::begun::{self, Intent, Standing};
use super::boot::{there, usable};
use super::disk::obstacles;
use super::{Desired, DesiredVolume, Disk, LvmState, Observed, Volume, aside, layout, refusals};
use crate::thinpool::{Device, device_mapper, mib, name_taken, refusal};

/// LVM's size of an extent, and what it keeps at the beginning of a disk, in bytes.
const EXTENT: u64 = 4 << 20;
const HEAD: u64 = 1 << 20;

/// One thing to do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum CreateStep {
    /// Wipes every signature from a disk, as the operator's token says.
    Wipe {
        /// The path in the configuration.
        device: String,
    },
    /// Puts on record what is begun, before the first change.
    Intend {
        /// The record, with the mark and the disks.
        intent: Intent,
    },
    /// Makes a disk a physical volume.
    Label {
        /// The path in the configuration.
        device: String,
        /// The identity that it gets.
        uuid: String,
    },
    /// Makes the volume group of the disks; it carries our tags from its first moment.
    CreateGroup {
        /// `thinpool.lvm.volume-group`.
        group: String,
        /// What no other group carries.
        mark: String,
        /// Paths below /dev/disk/by-id.
        devices: Vec<String>,
    },
    /// Gives an empty volume group of ours the tag of this run.
    Mark {
        /// `thinpool.lvm.volume-group`.
        group: String,
        /// [`Intent::mark`].
        mark: String,
    },
    /// Removes what an interrupted lvcreate left.
    RemoveVolume {
        /// `GROUP/VOLUME`
        volume: String,
    },
    /// Has dmeventd make a pool longer by a profile.
    Attach {
        /// `GROUP/VOLUME`
        volume: String,
        /// The profile's name.
        profile: String,
    },
    /// Writes the profile by which dmeventd makes the pool longer.
    WriteProfile {
        /// [`DesiredVolume::profile_path`].
        path: String,
        /// [`DesiredVolume::profile_text`].
        text: String,
    },
    /// Makes the pool of what the group has, with the profile attached.
    CreatePool {
        /// `thinpool.lvm.volume-group`.
        group: String,
        /// Its name there.
        volume: String,
        /// The tag of this run.
        mark: String,
        /// The profile's name.
        profile: String,
        /// One step of growth, in percent, for which room is left.
        grow_percent: u64,
    },
}

impl fmt::Display for CreateStep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Wipe { device } => write!(f, "wipe the signatures of {device}"),
            Self::Intend { intent } => write!(f, "record what is begun, as {}", intent.mark),
            Self::Label { device, .. } => write!(f, "make {device} a physical volume"),
            Self::CreateGroup { group, devices, .. } => {
                write!(f, "make volume group {group} of {}", devices.join(" "))
            }
            Self::Mark { group, mark } => write!(f, "tag volume group {group} with {mark}"),
            Self::RemoveVolume { volume } => write!(f, "remove the unfinished {volume}"),
            Self::Attach { volume, profile } => {
                write!(f, "have dmeventd watch {volume} by {profile}")
            }
            Self::WriteProfile { path, .. } => write!(f, "write {path}"),
            Self::CreatePool { group, volume, profile, grow_percent, .. } => write!(
                f,
                "make thin pool {group}/{volume} with profile {profile} and room for a step of \
                 {grow_percent} %"
            ),
        }
    }
}

/// Whether the disks have to be looked at: not where the group is there already.
///
/// # Errors
/// Why no pool is made here.
pub fn wants_disks(desired: &Desired, observed: &Observed) -> Result<bool, Vec<Finding>> {
    let (name, volume_desired) = (&desired.pool.name, &desired.volume);
    if let Some(finding) = device_mapper(&desired.pool, &observed.pool) {
        return Err(vec![finding]);
    }
    let lvm = usable(desired, observed)?;
    if there(volume_desired, lvm)?.is_some() {
        return Ok(false);
    }
    if lvm.receipt.volume().is_some() {
        let devices = volume_desired.devices.join(" ");
        return Err(vec![disk::gone(name, &volume_desired.group, devices)]);
    }
    if !begun::is_of_remains(volume_desired, lvm, &observed.pool.device) {
        match &observed.pool.device {
            Device::Absent => {}
            Device::Pool(live) => {
                return Err(vec![name_taken(name, "thin-pool", &live.state.table.to_string())]);
            }
            Device::Other { target, table } => return Err(vec![name_taken(name, target, table)]),
            Device::Empty { uuid, .. } => return Err(vec![name_taken(name, "no table", uuid)]),
        }
    }
    if observed.pool.thin_check.is_none() {
        return Err(vec![pool::thin_check_missing(name)]);
    }
    if !observed.pool.databases.is_empty() {
        let names: Vec<String> =
            observed.pool.databases.iter().map(|path| path.display().to_string()).collect();
        let finding = refusal(&disk::databases::ROW, name, &aside(desired, observed));
        return Err(vec![finding.with("databases", names.join(", "))]);
    }
    let Some(group) = lvm.groups.first() else {
        return Ok(true);
    };
    // What an interrupted run left, or at least our tag and nothing in it.
    let empty = group.has_tag(super::TAG) && lvm.volumes.is_empty();
    if empty || begun::remains(volume_desired, lvm).is_some() {
        return Ok(false);
    }
    let inside: Vec<&str> = lvm.volumes.iter().map(|volume| volume.lv_name.as_str()).collect();
    let foreign = disk::group_foreign(&volume_desired.group, name);
    Err(vec![foreign.evidence(format!("volumes {inside:?}, tags {:?}", group.vg_tags))])
}

/// Decides what is to be done. `disks` are what [`wants_disks`] asked for; `token` is the
/// operator's, and `seed` new random hexadecimal digits, from which identities are made.
pub fn create(
    desired: &Desired,
    observed: &Observed,
    disks: &[Disk],
    token: Option<&str>,
    seed: &str,
) -> Plan<CreateStep> {
    let needs_disks = match wants_disks(desired, observed) {
        Ok(needs_disks) => needs_disks,
        Err(findings) => return Plan::new(Vec::new(), findings),
    };
    let volume_desired = &desired.volume;
    let Some(lvm) = &observed.lvm else { return Plan::new(Vec::new(), Vec::new()) };
    if let Ok(Some((_, volume))) = there(volume_desired, lvm) {
        return Plan::new(finish(desired, observed, lvm, volume), Vec::new());
    }
    let standing = |disk: &Disk| {
        lvm.begun.as_ref().map_or(Standing::Foreign, |begun| begun.standing(disk, token))
    };
    let disks: Vec<(Disk, Standing)> =
        disks.iter().map(|disk| (disk.clone(), standing(disk))).collect();
    let intent = Intent::new(lvm.begun.as_ref(), &disks, token, seed);
    let mut steps = Vec::new();
    if lvm.begun.as_ref() != Some(&intent) {
        steps.push(CreateStep::Intend { intent: intent.clone() });
    }
    let mut findings = Vec::new();
    if needs_disks {
        findings = unfit(volume_desired, &disks, token);
        steps.extend(of_disks(volume_desired, &disks, &intent));
    } else {
        steps.extend(of_group(volume_desired, lvm, &intent));
    }
    // LVM takes no profile that it does not find.
    steps.push(CreateStep::WriteProfile {
        path: volume_desired.profile_path(),
        text: volume_desired.profile_text(),
    });
    steps.push(CreateStep::CreatePool {
        group: volume_desired.group.clone(),
        volume: volume_desired.volume.clone(),
        mark: intent.mark,
        profile: volume_desired.profile(),
        grow_percent: volume_desired.grow_percent.into(),
    });
    Plan::new(steps, findings)
}

/// What is left to do about a pool that is there: nothing, unless it was being made a moment ago
/// and dmeventd has not heard of it.
fn finish(
    desired: &Desired,
    observed: &Observed,
    lvm: &LvmState,
    volume: &Volume,
) -> Vec<CreateStep> {
    let volume_desired = &desired.volume;
    let live = matches!(observed.pool.device, Device::Pool(_));
    // Whoever activates it begins to watch it.
    let watched = volume.grows_by(&volume_desired.profile());
    if lvm.begun.is_none() || watched || !live {
        return Vec::new();
    }
    let (path, text) = (volume_desired.profile_path(), volume_desired.profile_text());
    vec![
        CreateStep::WriteProfile { path, text },
        CreateStep::Attach { volume: volume_desired.path(), profile: volume_desired.profile() },
    ]
}

fn unfit(
    volume_desired: &DesiredVolume,
    disks: &[(Disk, Standing)],
    token: Option<&str>,
) -> Vec<Finding> {
    let all: Vec<Disk> = disks.iter().map(|(disk, _)| disk.clone()).collect();
    let foreign = disks.iter().filter(|(_, standing)| *standing == Standing::Foreign);
    let foreign: Vec<Disk> = foreign.map(|(disk, _)| disk.clone()).collect();
    let mut findings = obstacles(&all);
    if findings.is_empty() {
        findings = refusals(&foreign, token);
    }
    findings.extend(too_small(volume_desired, &all));
    findings
}

/// The steps that make the volume group; a disk with anything on it is wiped first.
fn of_disks(
    volume_desired: &DesiredVolume,
    disks: &[(Disk, Standing)],
    intent: &Intent,
) -> Vec<CreateStep> {
    let mut steps = Vec::new();
    let others = || disks.iter().filter(|(_, standing)| *standing != Standing::OwnLabel);
    // A physical volume that is marked as one of a group that never came to be is made again.
    let wiped = others().filter(|(disk, _)| disk.is_occupied());
    steps.extend(wiped.map(|(disk, _)| CreateStep::Wipe { device: disk.path.clone() }));
    steps.extend(others().filter_map(|(disk, _)| {
        let uuid = intent.physical(disk)?.to_owned();
        Some(CreateStep::Label { device: disk.path.clone(), uuid })
    }));
    let (group, mark, devices) =
        (volume_desired.group.clone(), intent.mark.clone(), volume_desired.devices.clone());
    steps.push(CreateStep::CreateGroup { group, mark, devices });
    steps
}

/// The steps after which the group has the tag of this run and no volume in it.
fn of_group(volume_desired: &DesiredVolume, lvm: &LvmState, intent: &Intent) -> Vec<CreateStep> {
    let marked = lvm.groups.iter().any(|group| group.has_tag(&intent.mark));
    let mark =
        || CreateStep::Mark { group: volume_desired.group.clone(), mark: intent.mark.clone() };
    let remains = begun::remains(volume_desired, lvm).unwrap_or_default();
    let remove = remains.into_iter().map(|volume| CreateStep::RemoveVolume { volume });
    (!marked).then(mark).into_iter().chain(remove).collect()
}

fn too_small(volume_desired: &DesiredVolume, disks: &[Disk]) -> Option<Finding> {
    let extents = disks.iter().map(|disk| disk.size.saturating_sub(HEAD) / EXTENT).sum();
    let size: u64 = disks.iter().fold(0, |sum, disk| sum.saturating_add(disk.size));
    layout(extents, EXTENT, volume_desired.grow_percent.into())
        .is_err()
        .then(|| disk::too_small(volume_desired.devices.join(" "), mib(size)))
}
