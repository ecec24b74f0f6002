//! The facts about every pool.

use std::path::{Path, PathBuf};

use mvm_core::exec;
use mvm_pool_plan::thinpool::{
    Backing, Control, DevNum, Device, LivePool, LiveState, Observed, Pool, PoolState,
    RecordedIdentity,
};

use super::System;
use crate::mapper::{DeviceMapper, Look};
use crate::{Error, files};

/// Whether device-mapper can be spoken to, and nothing else yet.
pub(crate) fn control(system: &System<'_>) -> Observed {
    Observed::new(system.mapper.control())
}

/// What device-mapper has under the pool's name, where it can be asked.
pub(crate) fn live(system: &System<'_>, pool: &Pool, observed: &mut Observed) -> Result<(), Error> {
    if observed.device_mapper == Control::Usable {
        observed.device = device(system, &pool.name)?;
    }
    Ok(())
}

/// Of a live pool, its node; only what activates a pool has to know about thin_check.
pub(crate) fn node_or_check(system: &System<'_>, pool: &Pool, observed: &mut Observed) {
    match &observed.device {
        Device::Pool(live) => observed.node = node(system, &pool.name, live.number),
        Device::Absent | Device::Empty { .. } | Device::Other { .. } => {
            observed.thin_check = exec::find(system.roots, "thin_check");
        }
    }
}

/// containerd's databases about the pool.
pub(crate) fn databases(
    system: &System<'_>,
    pool: &Pool,
    observed: &mut Observed,
) -> Result<(), Error> {
    let roots = system.roots;
    observed.databases = existing(system, pool.databases())?;
    for path in &observed.databases {
        if let Some(file) = files::facts(&roots.at(path))? {
            observed.database_files.push((path.clone(), RecordedIdentity::of(&file)));
        }
    }
    observed.containerd_metadata = existing(system, pool.containerd_metadata())?.pop();
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
pub(crate) fn node(system: &System<'_>, name: &str, number: DevNum) -> bool {
    files::opens_as(&system.roots.at(Path::new("/dev/mapper").join(name)), number)
}

/// What device-mapper has under the name.
pub(crate) fn device(system: &System<'_>, name: &str) -> Result<Device, Error> {
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

pub(crate) fn pool_state(mapper: &dyn DeviceMapper, name: &str) -> Result<PoolState, Error> {
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
