//! `mvmhost pool create`: looks, plans, does, and brings the pool up.

use std::fs::{self, File};

use mvm_core::catalogue::disk as catalogue;
use mvm_core::{Finding, Roots};
use mvm_pool_plan::lvm as plan;
use mvm_pool_plan::lvm::{CreateStep, Desired, Layout, Observed, Physical};

use super::apply::write_profile;
use super::{disk, lvm, observe, receipt};
use crate::Error;
use crate::thinpool::{System, lock, reconcile, with_kernel};

/// Another text of random digits at every read.
const RANDOM: &str = "/proc/sys/kernel/random/uuid";

/// Makes the pool on the configured disks and brings it up. `token` is the operator's leave to
/// lose what is on them. The answer is everything that there is to say.
pub fn create(roots: &Roots, desired: &Desired, token: Option<&str>) -> Vec<Finding> {
    let mut findings = Vec::new();
    let result = lock(roots).and_then(|_lock| {
        with_kernel(roots, |system| create_with(system, desired, token, &mut findings))
    });
    if let Err(error) = result {
        findings.push(error.finding(&desired.pool.name));
    }
    findings
}

pub(super) fn create_with(
    system: &System<'_>,
    desired: &Desired,
    token: Option<&str>,
    findings: &mut Vec<Finding>,
) -> Result<(), Error> {
    let observed = observe(system, desired)?;
    let mut disks = Vec::new();
    let mut locks = Vec::new();
    if plan::wants_disks(desired, &observed).is_ok_and(|needed| needed) {
        for device in &desired.volume.devices {
            let mut looked = disk::look(system.roots, system.programs, device)?;
            looked.disk.physical = begun(system, &observed, device)?;
            disks.push(looked.disk);
            locks.extend(looked.lock);
        }
    }
    let plan = plan::create(desired, &observed, &disks, token, &seed(system.roots)?);
    findings.extend(plan.findings.iter().cloned());
    if plan.is_refused() {
        return Ok(());
    }
    if plan.steps.is_empty() {
        findings.push(catalogue::exists(&desired.pool.name));
    }
    for step in &plan.steps {
        log::debug!("{step}");
        findings.extend(carry_out(system, desired, step, &mut locks)?);
    }
    findings.extend(reconcile(system, desired));
    Ok(())
}

/// The physical volume that an earlier run began on this disk, where that is there.
fn begun(
    system: &System<'_>,
    observed: &Observed,
    device: &str,
) -> Result<Option<Physical>, Error> {
    let intent = observed.lvm.as_ref().and_then(|lvm| lvm.begun.as_ref());
    let disk = intent.and_then(|intent| intent.disks.iter().find(|disk| disk.path == device));
    match disk {
        Some(disk) => lvm(system.roots, system.programs)?.physical(&disk.physical),
        None => Ok(None),
    }
}

/// Random digits.
fn seed(roots: &Roots) -> Result<String, Error> {
    let path = roots.at(RANDOM);
    fs::read_to_string(&path)
        .map(|text| text.trim().to_owned())
        .map_err(|source| Error::Look { path, source })
}

fn carry_out(
    system: &System<'_>,
    desired: &Desired,
    step: &CreateStep,
    locks: &mut Vec<File>,
) -> Result<Option<Finding>, Error> {
    let (roots, programs) = (system.roots, system.programs);
    match step {
        CreateStep::Wipe { device } => disk::wipe(roots, programs, device)?,
        CreateStep::Intend { intent } => receipt::write_begun(roots, intent)?,
        CreateStep::Label { device, uuid } => lvm(roots, programs)?.label(device, uuid)?,
        CreateStep::Mark { group, mark } => lvm(roots, programs)?.mark(group, mark)?,
        CreateStep::RemoveVolume { volume } => lvm(roots, programs)?.remove(volume)?,
        CreateStep::Attach { volume, profile } => lvm(roots, programs)?.attach(volume, profile)?,
        CreateStep::CreateGroup { group, mark, devices } => {
            lvm(roots, programs)?.create_group(group, mark, devices)?;
            // udev looks at the disks now, and LVM waits for it when it makes the pool.
            locks.clear();
        }
        CreateStep::WriteProfile { path, text } => write_profile(roots, path, text)?,
        CreateStep::CreatePool { group, volume, mark, profile, grow_percent } => {
            let lvm = lvm(roots, programs)?;
            let groups = lvm.groups(group)?;
            // Nothing is in it but, after an interrupted run, the spare, which LVM takes.
            let (free, extent) =
                groups.first().map_or((0, 0), |group| (group.extents(), group.extent_size()));
            let Ok(layout) = plan::layout(free, extent, *grow_percent) else {
                let small = catalogue::too_small(group, mib(free, extent));
                return Ok(Some(small));
            };
            lvm.create_pool(group, (volume, mark), profile, &layout, extent)?;
            return Ok(Some(created(desired, &layout, extent)));
        }
    }
    Ok(None)
}

fn created(desired: &Desired, layout: &Layout, extent: u64) -> Finding {
    catalogue::created(
        &desired.pool.name,
        mib(layout.data, extent),
        mib(layout.metadata, extent),
        mib(layout.room, extent),
    )
    .evidence(format!("{layout:?}"))
}

fn mib(extents: u64, size: u64) -> String {
    format!("{} MiB", extents.saturating_mul(size) >> 20)
}
