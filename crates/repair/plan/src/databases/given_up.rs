//! Snapshots that are whole, and whose devices containerd does not activate.
//!
//! No device outlives a boot. At its start containerd activates again what `<pool>.db` calls Activated,
//! one device after the other: it writes Activating, makes the device, and writes Activated
//! (snapshots/devmapper/pool_device.go, ensureDeviceStates and transition). What interrupts this, or a
//! device that cannot be made, leaves Activating. The next start takes that for a Prepare that was
//! interrupted and marks the device as faulty, for good: the microVM has lost its disk.
//!
//! A Prepare ends before `metadata.db` and the namespace know its snapshot. So a device that is Activating or
//! Faulty though both know its snapshot was finished once, and its state is set back to Activated.

use std::collections::BTreeSet;

use super::{Contents, FAULTY, Files, read};

/// The state Activating (snapshots/devmapper/device_info.go).
const ACTIVATING: i64 = 3;

/// A snapshot that a namespace knows, with a device that containerd does not activate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GivenUp {
    /// The snapshotter's name of the snapshot, such as `flintlock/12/KEY`.
    pub snapshot: String,
    /// The device's name.
    pub name: String,
    /// Its number in the pool.
    pub device: u32,
    /// Something interrupted its activation; false where containerd reported that it failed, or has
    /// marked the device as faulty.
    pub interrupted: bool,
    /// containerd has marked it as faulty.
    pub faulty: bool,
    /// What makes containerd activate it; `None` where the entry is not as containerd writes it.
    pub edit: Option<Edit>,
}

impl GivenUp {
    /// Whether containerd is to activate it: the pool has it (`there`), and containerd has not failed at it
    /// a short time ago (`tried`). While one device fails, no other snapshot can be made.
    pub fn is_given_back(&self, there: &BTreeSet<u32>, tried: &BTreeSet<String>) -> bool {
        let again = self.interrupted || !tried.contains(&self.name);
        again && self.edit.is_some() && there.contains(&self.device)
    }
}

/// A change of two bytes in `<pool>.db`, where an entry's state ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Edit {
    /// Where, in bytes.
    pub at: u64,
    /// What is there afterwards; JSON takes a space before a number.
    pub is: [u8; 2],
}

/// The snapshots of pool `name` that containerd has given up, or is about to.
pub fn given_up(name: &str, files: &Files) -> Vec<GivenUp> {
    read(name, files).map(|contents| contents.given_up()).unwrap_or_default()
}

impl Contents {
    fn given_up(&self) -> Vec<GivenUp> {
        let in_use = self
            .snapshots
            .iter()
            .filter(|(name, snapshot)| !snapshot.committed && self.meta.names.contains(*name));
        let devices = in_use.filter_map(|(name, snapshot)| {
            let device = self.devices.iter().find(|device| device.name == snapshot.device)?;
            let faulty = device.state == FAULTY;
            let edit = device.digit.and_then(|(at, _)| {
                let is = if faulty { *b" 4" } else { *b":4" };
                Some(Edit { at: at.checked_sub(1)?, is })
            });
            (faulty || device.state == ACTIVATING).then(|| GivenUp {
                snapshot: name.clone(),
                name: device.name.clone(),
                device: device.device_id,
                interrupted: !faulty && device.error.as_str().is_none_or(str::is_empty),
                faulty,
                edit,
            })
        });
        devices.collect()
    }
}
