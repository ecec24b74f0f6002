//! Making a pool on disks, which only `mvmhost pool create` does.

use std::fmt;

use mvm_config::model::Backend;
use mvm_diagnostics::Finding;
use mvm_diagnostics::catalogue::{disk, pool};
use serde::Serialize;

use super::boot::{about, taken, there, usable};
use super::{Disk, Wish, layout, refusals};
use crate::Plan;
use crate::thinpool::{Desired, Device, Observed, fill, place};

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
    /// Makes the volume group of the disks; it carries our tag from its first moment.
    CreateGroup {
        /// Its name.
        group: String,
        /// Paths below /dev/disk/by-id.
        devices: Vec<String>,
    },
    /// Writes the profile by which dmeventd makes the pool longer.
    WriteProfile {
        /// Where.
        path: String,
        /// What.
        text: String,
    },
    /// Makes the pool of what the group has, with the profile attached.
    CreatePool {
        /// Its group.
        group: String,
        /// Its name there.
        volume: String,
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
            Self::CreateGroup { group, devices } => {
                write!(f, "make volume group {group} of {}", devices.join(" "))
            }
            Self::WriteProfile { path, .. } => write!(f, "write {path}"),
            Self::CreatePool { group, volume, profile, grow_percent } => write!(
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
    let wish = &desired.lvm;
    if desired.backend != Backend::Lvm {
        return Err(vec![Finding::new(&disk::NOT_LVM, &desired.name)]);
    }
    if let Some(finding) = place::device_mapper(desired, observed) {
        return Err(vec![finding]);
    }
    let seen = usable(desired, observed)?;
    if there(wish, seen)?.is_some() {
        return Ok(false);
    }
    if seen.receipt.volume().is_some() {
        return Err(vec![about(&disk::GONE, desired).with("devices", wish.devices.join(" "))]);
    }
    match &observed.device {
        Device::Absent => {}
        Device::Pool(live) => {
            return Err(vec![taken(desired, "thin-pool", &live.state.table.to_string())]);
        }
        Device::Other { target, table } => return Err(vec![taken(desired, target, table)]),
        Device::Empty { uuid, .. } => return Err(vec![taken(desired, "no table", uuid)]),
    }
    if observed.thin_check.is_none() {
        return Err(vec![Finding::new(&pool::THIN_CHECK_MISSING, &desired.name)]);
    }
    if !observed.databases.is_empty() {
        let names: Vec<String> =
            observed.databases.iter().map(|path| path.display().to_string()).collect();
        let finding = fill::refusal(&disk::DATABASES, &desired.name, desired, observed);
        return Err(vec![finding.with("databases", names.join(", "))]);
    }
    let Some(group) = seen.groups.first() else {
        return Ok(true);
    };
    // What an interrupted run left: our tag, and nothing in it.
    if group.has_tag(super::TAG) && seen.volumes.is_empty() {
        return Ok(false);
    }
    let inside: Vec<&str> = seen.volumes.iter().map(|volume| volume.lv_name.as_str()).collect();
    let foreign = Finding::new(&disk::GROUP_FOREIGN, &wish.group).with("name", &desired.name);
    Err(vec![foreign.evidence(format!("volumes {inside:?}, tags {:?}", group.vg_tags))])
}

/// Decides what is to be done. `disks` are what [`wants_disks`] asked for; `token` is the
/// operator's.
pub fn create(
    desired: &Desired,
    observed: &Observed,
    disks: &[Disk],
    token: Option<&str>,
) -> Plan<CreateStep> {
    let wanted = match wants_disks(desired, observed) {
        Ok(wanted) => wanted,
        Err(findings) => return Plan::new(Vec::new(), findings),
    };
    let wish = &desired.lvm;
    let seen = observed.lvm.as_ref();
    if seen.is_some_and(|seen| there(wish, seen).is_ok_and(|found| found.is_some())) {
        return Plan::new(Vec::new(), Vec::new());
    }
    let mut findings = Vec::new();
    let mut steps = Vec::new();
    if wanted {
        findings.extend(refusals(disks, token));
        findings.extend(too_small(wish, disks));
        let occupied = disks.iter().filter(|disk| disk.is_occupied());
        steps.extend(occupied.map(|disk| CreateStep::Wipe { device: disk.path.clone() }));
        let (group, devices) = (wish.group.clone(), wish.devices.clone());
        steps.push(CreateStep::CreateGroup { group, devices });
    }
    // LVM takes no profile that it does not find.
    steps.push(CreateStep::WriteProfile { path: wish.profile_path(), text: wish.profile_text() });
    steps.push(CreateStep::CreatePool {
        group: wish.group.clone(),
        volume: wish.volume.clone(),
        profile: wish.profile(),
        grow_percent: wish.grow_percent.into(),
    });
    Plan::new(steps, findings)
}

fn too_small(wish: &Wish, disks: &[Disk]) -> Option<Finding> {
    let extents = disks.iter().map(|disk| disk.size.saturating_sub(HEAD) / EXTENT).sum();
    let size: u64 = disks.iter().fold(0, |sum, disk| sum.saturating_add(disk.size));
    layout(extents, EXTENT, wish.grow_percent.into()).is_err().then(|| {
        Finding::new(&disk::TOO_SMALL, wish.devices.join(" ")).with("size", place::mib(size))
    })
}
