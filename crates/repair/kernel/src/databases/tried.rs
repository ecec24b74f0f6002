//! Devices that containerd could not activate and was given once more.

use std::collections::BTreeSet;
use std::fs;
use std::time::Duration;

use mvm_core::state::{self, File};
use mvm_core::{Error, Roots};
use serde::{Deserialize, Serialize};

const FILE: File<Tried> = File::of(&state::DEVICES_TRIED);
/// After this time a device is tried again.
const FORGOTTEN: Duration = Duration::from_secs(600);

#[derive(Debug, Default, Serialize, Deserialize)]
struct Tried {
    version: u32,
    devices: BTreeSet<String>,
}

/// The names of the devices that were tried some minutes ago, or later.
pub(super) fn read(roots: &Roots) -> BTreeSet<String> {
    let written = fs::metadata(FILE.path(roots)).and_then(|metadata| metadata.modified());
    // A time in the future is of a clock that was set back since.
    let recent = written.is_ok_and(|at| at.elapsed().is_ok_and(|age| age < FORGOTTEN));
    FILE.get(roots).filter(|_| recent).map(|tried| tried.devices).unwrap_or_default()
}

/// Puts down that these are tried now.
pub(super) fn add(roots: &Roots, names: impl Iterator<Item = String>) -> Result<(), Error> {
    let mut devices = read(roots);
    devices.extend(names);
    match devices.is_empty() {
        true => Ok(()),
        false => FILE.write(roots, &Tried { version: 1, devices }),
    }
}
