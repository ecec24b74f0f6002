//! Who uses a pool, and taking it down.

use std::fs;
use std::path::Path;

use mvm_config::Roots;
use mvm_host::processes;
use mvm_plan::teardown::{Holder, Seen, Step, Who, microvm};
use mvm_plan::thinpool::{Desired, DevNum, Device};

use crate::loops::LoopDevices;
use crate::mapper::DeviceMapper;
use crate::{Error, files, loops, mapper, thinpool};

/// Gathers who uses the pool. Changes nothing. Units are not looked at.
///
/// # Errors
/// When device-mapper or /sys cannot be read.
pub fn observe(roots: &Roots, desired: &Desired) -> Result<Seen, Error> {
    let observed = thinpool::observe(roots, desired)?;
    let mut seen = Seen::default();
    let (number, is_pool) = match &observed.device {
        Device::Absent => (None, false),
        Device::Pool(live) => (Some(live.number), true),
        // Ours that never got a table holds nothing.
        Device::Empty { number, .. } => (Some(*number), true),
        Device::Other { .. } => {
            seen.there = true;
            return Ok(seen);
        }
    };
    if let Some(number) = number {
        (seen.there, seen.pool) = (true, is_pool);
        on_top(roots, &desired.name, number, &mut seen);
    }
    seen.loops = loops(roots, &[&observed.metadata, &observed.data])?;
    Ok(seen)
}

/// The thin devices on the pool, and who uses them or the pool.
fn on_top(roots: &Roots, pool: &str, number: DevNum, seen: &mut Seen) {
    let sys = roots.at("/sys");
    let kernel_name = files::device_name(&sys, number);
    users(roots, pool, &kernel_name, number, seen);
    for holder in files::holders(&sys, &kernel_name) {
        let name = files::block_attribute(&sys, &holder, "dm/name");
        let number = files::block_attribute(&sys, &holder, "dev").parse();
        match number {
            Ok(number) if !name.is_empty() => {
                for above in files::holders(&sys, &holder) {
                    seen.holders.push(Holder { device: name.clone(), who: Who::Device(above) });
                }
                users(roots, &name, &holder, number, seen);
                seen.devices.push(name);
            }
            _ => seen.holders.push(Holder { device: pool.to_owned(), who: Who::Device(holder) }),
        }
    }
    seen.devices.sort();
}

/// Processes and mounts on one device.
fn users(roots: &Roots, name: &str, kernel_name: &str, number: DevNum, seen: &mut Seen) {
    let nodes = [Path::new("/dev").join(kernel_name), Path::new("/dev/mapper").join(name)];
    for pid in processes::with_open(roots, &nodes) {
        let line = processes::command_line(roots, pid).ok().flatten().unwrap_or_default();
        let comm = processes::name(roots, pid).unwrap_or_default();
        let who = Who::Process { pid, comm, microvm: microvm(&line) };
        seen.holders.push(Holder { device: name.to_owned(), who });
    }
    for place in mounts(roots, number) {
        seen.holders.push(Holder { device: name.to_owned(), who: Who::Mount(place) });
    }
}

/// Where a device is mounted, in this mount namespace (proc(5), mountinfo).
fn mounts(roots: &Roots, number: DevNum) -> Vec<String> {
    let table = fs::read_to_string(roots.at("/proc/self/mountinfo")).unwrap_or_default();
    let number = number.to_string();
    let of_device = table.lines().filter_map(|line| {
        let mut words = line.split(' ').skip(2);
        let same = words.next()? == number;
        words.nth(1).filter(|_| same).map(str::to_owned)
    });
    of_device.collect()
}

fn loops(
    roots: &Roots,
    pool: &[&Option<mvm_plan::thinpool::FileFacts>],
) -> Result<Vec<String>, Error> {
    let mut found = Vec::new();
    for attached in loops::Kernel::new(roots).attached()? {
        let ours = pool.iter().any(|file| file.as_ref().is_some_and(|f| f.id == attached.file));
        // What clears itself goes with the pool.
        if ours && !attached.autoclear {
            found.push(attached.device);
        }
    }
    Ok(found)
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
            Step::Detach { device } => loops::Kernel::new(roots).detach(device)?,
        }
    }
    Ok(())
}
