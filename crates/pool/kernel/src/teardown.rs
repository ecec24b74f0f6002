//! Who uses a pool, and taking it down.

use std::path::Path;

use mvm_core::holder::{Holder, User};
use mvm_core::{Roots, exec, processes};
use mvm_pool_plan::Backend;
use mvm_pool_plan::teardown::{Observed, Step, microvm};
use mvm_pool_plan::thinpool::{DevNum, Device, FileFacts};

use crate::loops::{self, LoopDevices};
use crate::mapper::{self, DeviceMapper};
use crate::{Error, backend, files, lvm, thinpool};

/// Gathers who uses the pool. Changes nothing. Units are not looked at.
///
/// # Errors
/// When device-mapper or /sys cannot be read.
pub fn observe(roots: &Roots, backend: &Backend) -> Result<Observed, Error> {
    let (desired, observation) = (backend.pool(), backend::observe(roots, backend)?);
    let mut observed = Observed::default();
    let number = match observation.device() {
        Device::Absent => None,
        Device::Pool(live) if observation.is_ours() => {
            observed.volume = observation.volume();
            Some(live.number)
        }
        // Without a table it holds nothing.
        Device::Empty { number, uuid } if *uuid == desired.uuid() => Some(*number),
        // Another pool may have the name: what is on it is not ours to take down.
        Device::Pool(_) | Device::Empty { .. } | Device::Other { .. } => {
            observed.foreign = true;
            return Ok(observed);
        }
    };
    let mut pool = String::new();
    if let Some(number) = number {
        observed.there = true;
        pool = files::device_name(&roots.at("/sys"), number);
        on_top(roots, &desired.name, number, &mut observed);
    }
    loops(roots, &observation.files(), &pool, &mut observed)?;
    Ok(observed)
}

/// The thin devices on the pool, and who uses them or the pool.
fn on_top(roots: &Roots, pool: &str, number: DevNum, observed: &mut Observed) {
    let sys = roots.at("/sys");
    let kernel_name = files::device_name(&sys, number);
    users(roots, pool, &kernel_name, number, observed);
    for holder in files::holders(&sys, &kernel_name) {
        let name = files::block_attribute(&sys, &holder, "dm/name");
        let number = files::block_attribute(&sys, &holder, "dev").parse();
        match number {
            Ok(number) if !name.is_empty() => {
                for above in files::holders(&sys, &holder) {
                    observed
                        .holders
                        .push(Holder { device: name.clone(), who: User::Device(above) });
                }
                users(roots, &name, &holder, number, observed);
                observed.devices.push(name);
            }
            _ => {
                observed.holders.push(Holder { device: pool.to_owned(), who: User::Device(holder) })
            }
        }
    }
    observed.devices.sort();
}

/// Processes and mounts on one device.
fn users(roots: &Roots, name: &str, kernel_name: &str, number: DevNum, observed: &mut Observed) {
    let nodes = [Path::new("/dev").join(kernel_name), Path::new("/dev/mapper").join(name)];
    for pid in processes::with_open(roots, &nodes) {
        let line = processes::command_line(roots, pid).ok().flatten().unwrap_or_default();
        let comm = processes::name(roots, pid).unwrap_or_default();
        let who = User::Process { pid, comm, microvm: microvm(&line) };
        observed.holders.push(Holder { device: name.to_owned(), who });
    }
    for place in files::mounts(roots, number) {
        observed.holders.push(Holder { device: name.to_owned(), who: User::Mount(place) });
    }
}

/// The loop devices on the pool's files, and who else than the pool uses them.
fn loops(
    roots: &Roots,
    files: &[&FileFacts],
    pool: &str,
    observed: &mut Observed,
) -> Result<(), Error> {
    let sys = roots.at("/sys");
    for attached in loops::Kernel::new(roots).attached()? {
        if !files.iter().any(|file| file.id == attached.file) {
            continue;
        }
        let device = attached.device;
        for holder in files::holders(&sys, &device) {
            if holder != pool {
                observed.holders.push(Holder { device: device.clone(), who: User::Device(holder) });
            }
        }
        if let Ok(number) = files::block_attribute(&sys, &device, "dev").parse() {
            users(roots, &device, &device, number, observed);
        }
        // What clears itself goes with the pool.
        if !attached.autoclear {
            observed.loops.push(device);
        }
    }
    Ok(())
}

/// Does the steps, in order.
///
/// # Errors
/// The first step that failed.
pub fn apply(roots: &Roots, steps: &[Step]) -> Result<(), Error> {
    let _lock = thinpool::lock(roots)?;
    for step in steps {
        log::debug!("{step}");
        match step {
            Step::Remove { name } => mapper::Kernel::new(roots).remove(name)?,
            Step::Deactivate { volume } => lvm::lvm(roots, &exec::System)?.deactivate(volume)?,
            Step::Detach { device } => loops::Kernel::new(roots).detach(device)?,
        }
    }
    Ok(())
}
