//! The facts about the pool.

use std::path::{Path, PathBuf};

use mvm_config::model::Backend;
use mvm_core::exec;
use mvm_pool_plan::lvm::{Seen, Volume};
use mvm_pool_plan::thinpool::{
    Attachment, Backing, Control, Desired, DevNum, Device, FileFacts, FileSystem, LivePool,
    LiveState, Observed, PoolState, Recorded, RecordedIdentity, SECTOR, Superblock,
};

use super::System;
use crate::loops::Loop;
use crate::mapper::{DeviceMapper, Look};
use crate::{Error, files, lvm, receipt};

pub(super) fn observe(system: &System<'_>, desired: &Desired) -> Result<Observed, Error> {
    let mut observed = nothing();
    observed.device_mapper = system.mapper.control();
    if desired.backend == Backend::Lvm {
        return on_lvm(system, desired, observed);
    }
    live(system, desired, &mut observed)?;
    if desired.backend == Backend::External {
        return Ok(observed);
    }
    on_disk(system, desired, &mut observed)?;
    match &observed.device {
        Device::Pool(live) => observed.node = node(system, &desired.name, live.number),
        // Only what activates a pool has to know about free loop devices and thin_check.
        Device::Absent | Device::Empty { .. } | Device::Other { .. } => {
            observed.loop_control = system.loops.control();
            observed.attachments = attachments(system, &observed)?;
            observed.thin_check = exec::find(system.roots, "thin_check");
        }
    }
    Ok(observed)
}

fn live(system: &System<'_>, desired: &Desired, observed: &mut Observed) -> Result<(), Error> {
    if observed.device_mapper == Control::Usable {
        observed.device = device(system, &desired.name)?;
    }
    Ok(())
}

fn nothing() -> Observed {
    Observed {
        device_mapper: Control::Usable,
        loop_control: Control::Usable,
        device: Device::Absent,
        node: false,
        directory: false,
        file_system: FileSystem { magic: 0, free: 0, size: 0, read_only: false },
        metadata: None,
        superblock: Superblock::Blank,
        data: None,
        attachments: Vec::new(),
        receipt: Recorded::Absent,
        databases: Vec::new(),
        database_files: Vec::new(),
        containerd_metadata: None,
        thin_check: None,
        lvm: None,
    }
}

fn on_lvm(
    system: &System<'_>,
    desired: &Desired,
    mut observed: Observed,
) -> Result<Observed, Error> {
    observed.receipt = receipt::read(system.roots);
    databases(system, desired, &mut observed)?;
    let asked = || lvm::observe(system.roots, system.programs, &desired.lvm);
    // Asked first: LVM answers when udev's own activation of the group is over, and not before. Parts
    // of a pool that came alive in between would be taken for left over.
    observed.lvm = asked()?;
    live(system, desired, &mut observed)?;
    let active = |seen: &Seen| {
        let own = |volume: &&Volume| volume.lv_name == desired.lvm.volume;
        seen.volumes.iter().find(own).is_some_and(Volume::is_active)
    };
    let is_live = matches!(observed.device, Device::Pool(_));
    if is_live && !observed.lvm.as_ref().is_some_and(active) {
        observed.lvm = asked()?;
    }
    match &observed.device {
        Device::Pool(live) => observed.node = node(system, &desired.name, live.number),
        // Only what activates a pool has to know about thin_check.
        Device::Absent | Device::Empty { .. } | Device::Other { .. } => {
            observed.thin_check = exec::find(system.roots, "thin_check");
        }
    }
    Ok(observed)
}

fn on_disk(system: &System<'_>, desired: &Desired, observed: &mut Observed) -> Result<(), Error> {
    let roots = system.roots;
    observed.directory = files::exists(&roots.at(&desired.directory))?;
    observed.file_system = files::file_system(&roots.at(&desired.directory))?;
    observed.metadata = files::facts(&roots.at(desired.metadata()))?;
    observed.data = files::facts(&roots.at(desired.data()))?;
    if observed.metadata.as_ref().is_some_and(|file| file.regular) {
        observed.superblock = files::superblock(&roots.at(desired.metadata()))?;
    }
    observed.receipt = receipt::read(roots);
    databases(system, desired, observed)
}

/// containerd's databases about the pool.
fn databases(system: &System<'_>, desired: &Desired, observed: &mut Observed) -> Result<(), Error> {
    let roots = system.roots;
    observed.databases = existing(system, desired.databases())?;
    for path in &observed.databases {
        if let Some(file) = files::facts(&roots.at(path))? {
            observed.database_files.push((path.clone(), RecordedIdentity::of(&file)));
        }
    }
    observed.containerd_metadata = existing(system, desired.containerd_metadata())?.pop();
    Ok(())
}

fn existing(
    system: &System<'_>,
    paths: impl IntoIterator<Item = PathBuf>,
) -> Result<Vec<PathBuf>, Error> {
    let mut found = Vec::new();
    for path in paths {
        if files::exists(&system.roots.at(&path))? {
            found.push(path);
        }
    }
    Ok(found)
}

/// Whether `/dev/mapper/NAME` is there and is this device.
pub(super) fn node(system: &System<'_>, name: &str, number: DevNum) -> bool {
    files::opens_as(&system.roots.at(Path::new("/dev/mapper").join(name)), number)
}

/// What device-mapper has under the name.
pub(super) fn device(system: &System<'_>, name: &str) -> Result<Device, Error> {
    let Some(look) = system.mapper.look(name)? else {
        return Ok(Device::Absent);
    };
    let (number, uuid) = (look.number, look.uuid.clone());
    Ok(match state(look) {
        PoolState::Absent | PoolState::Empty => Device::Empty { number, uuid },
        PoolState::Other { target, table } => Device::Other { target, table },
        PoolState::Live(state) => Device::Pool(Box::new(LivePool {
            number,
            uuid,
            metadata: backing(system, state.table.metadata)?,
            data: backing(system, state.table.data)?,
            state,
        })),
    })
}

pub(super) fn pool_state(mapper: &dyn DeviceMapper, name: &str) -> Result<PoolState, Error> {
    Ok(mapper.look(name)?.map_or(PoolState::Absent, state))
}

fn state(look: Look) -> PoolState {
    let table = match look.table.as_slice() {
        [] => return PoolState::Empty,
        [only] => only.line.parse().ok().map(|table| (table, only.status.clone())),
        _ => None,
    };
    match (table, look.table.first()) {
        (Some((table, status)), _) => PoolState::Live(LiveState {
            table,
            status,
            suspended: look.suspended,
            second_table: look.second_table,
        }),
        (None, first) => PoolState::Other {
            target: first.map(|target| target.kind.clone()).unwrap_or_default(),
            table: look.table.iter().map(|t| t.line.as_str()).collect::<Vec<_>>().join("; "),
        },
    }
}

fn backing(system: &System<'_>, number: DevNum) -> Result<Backing, Error> {
    let sys = system.roots.at("/sys");
    let device = files::device_name(&sys, number);
    let attached = match device.starts_with("loop") {
        true => system.loops.status(&device)?,
        false => None,
    };
    Ok(Backing {
        file: attached.map(|attached| attached.file),
        path: files::block_attribute(&sys, &device, "loop/backing_file"),
        device,
    })
}

fn attachments(system: &System<'_>, observed: &Observed) -> Result<Vec<Attachment>, Error> {
    let both = [&observed.metadata, &observed.data];
    if both.iter().all(|file| file.is_none()) {
        return Ok(Vec::new());
    }
    let sys = system.roots.at("/sys");
    let mut found = Vec::new();
    for attached in system.loops.attached()? {
        let file = both.into_iter().flatten().find(|file| file.id == attached.file);
        if let Some(file) = file {
            found.push(Attachment {
                whole: is_whole(&sys, &attached, file),
                holders: files::holders(&sys, &attached.device),
                device: attached.device,
                file: attached.file,
                autoclear: attached.autoclear,
            });
        }
    }
    Ok(found)
}

/// A loop device does not follow a file that gets longer, so its own size counts too.
fn is_whole(sys: &Path, attached: &Loop, file: &FileFacts) -> bool {
    let sectors: Option<u64> = files::block_attribute(sys, &attached.device, "size").parse().ok();
    (attached.offset, attached.limit, attached.read_only) == (0, 0, false)
        && sectors == Some(file.size / SECTOR)
}
