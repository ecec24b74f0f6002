//! `mvmhost pool repair`: whether metadata may be repaired, and what of it the result has lost.
//!
//! thin_repair may end well and leave an empty pool, or devices without a block. What it wrote is
//! therefore held against what the damaged metadata still list and against containerd's database of
//! devices; where either says more than the result has, only a person decides.

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::fmt;

use mvm_config::model::Instance;
use mvm_core::Finding;
use mvm_core::catalogue::repair;
use mvm_pool_plan::thinpool::{Pool, PoolSuperblock, SECTOR, Superblock, quote};
use serde::{Deserialize, Serialize};

use crate::bolt;

pub use crate::listing::{Devices, Listing};
pub use crate::outline::Outline;
pub use crate::subject::{Subject, not_repairable};

/// The transaction that a result is to be given, where LVM expects one: thin_repair counts the one of
/// the damaged metadata up, from 0 to 1 where containerd alone used the pool (seen with 1.1.0). One that
/// was another before the damage already is left for [`misfit`].
pub fn transaction(outline: Option<&Outline>, damaged: &Superblock) -> Option<u64> {
    let expected = outline?.transaction?;
    match damaged {
        Superblock::Pool(pool) if pool.transaction != expected => None,
        _ => Some(expected),
    }
}

/// Why a result is no metadata of this pool; `None` when it is.
pub fn misfit(subject: &Subject<'_>, result: &PoolSuperblock) -> Option<String> {
    let (outline, data) = (subject.outline, subject.data);
    let (block, transaction) = (u64::from(result.data_block_sectors), result.transaction);
    if let Some(was) = outline.map(|outline| outline.block_sectors).filter(|was| *was != block) {
        return Some(format!("it has blocks of {block} sectors, the pool on record of {was}"));
    }
    if let Some(was) =
        outline.and_then(|outline| outline.transaction).filter(|was| *was != transaction)
    {
        return Some(format!("it is of transaction {transaction}, the pool on record of {was}"));
    }
    let bytes = |blocks: u64| blocks.saturating_mul(block).saturating_mul(SECTOR);
    let needs = bytes(result.data_blocks);
    (needs > data).then(|| format!("it is of {needs} bytes of data, and there are {data}"))
}

/// A thin device as containerd's database has it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct RecordedDevice {
    /// Its number in the pool.
    pub device_id: u32,
    /// Its device-mapper name.
    #[serde(default)]
    pub name: String,
    /// containerd's word for how far it is.
    #[serde(default)]
    state: i64,
}

impl RecordedDevice {
    /// Whether the device must be in the pool. One that is being made or removed may be there or not.
    fn is_needed(&self) -> bool {
        /// containerd's snapshots/devmapper/device_info.go: Unknown, Creating, Removing, Removed, Faulty.
        const MAYBE: [i64; 5] = [0, 1, 11, 12, 13];
        !MAYBE.contains(&self.state)
    }
}

/// The devices in containerd's database of them, which is `<pool>.db`.
///
/// # Errors
/// Why the database cannot be understood.
pub fn recorded_devices(database: &[u8]) -> Result<Vec<RecordedDevice>, String> {
    let devices = bolt::bucket(database, b"devices").map_err(|error| error.to_string())?;
    let devices = devices.unwrap_or_default();
    let read = |(_, value): &bolt::Pair<'_>| serde_json::from_slice(value);
    devices.iter().map(read).collect::<Result<_, _>>().map_err(|error| error.to_string())
}

/// [`recorded_devices`] of the database that is there, or not. The distribution's containerd may keep
/// it where one of its configuration's imports says, which nobody here reads, so that no database
/// says nothing.
///
/// # Errors
/// As [`recorded_devices`], and that it is not there.
pub fn recorded_devices_of(
    pool: &Pool,
    database: Option<&[u8]>,
) -> Result<Vec<RecordedDevice>, String> {
    match (database, pool.instance) {
        (Some(database), _) => recorded_devices(database),
        (None, Instance::Dedicated) => Ok(Vec::new()),
        (None, Instance::System) => {
            Err(format!("there is no {}", pool.device_database().display()))
        }
    }
}

/// Something that the repaired metadata may lack.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "kind")]
pub enum Loss {
    /// A device that containerd has is not there.
    Missing {
        /// The number of the thin device in the pool.
        device: u32,
        /// Its device-mapper name, from `<pool>.db`.
        name: String,
    },
    /// A device that the damaged metadata list is not there; containerd does not know it.
    Gone {
        /// The number of the thin device in the pool.
        device: u32,
        /// How many blocks it had.
        was: u64,
    },
    /// A device is there with fewer blocks.
    Fewer {
        /// The number of the thin device in the pool.
        device: u32,
        /// How many blocks it had.
        was: u64,
        /// How many it has.
        is: u64,
    },
    /// The damaged metadata list nothing any more, so that nobody knows how many blocks there were.
    Unlisted,
    /// containerd's database cannot be read.
    Unknown {
        /// In words, for people.
        why: String,
    },
}

impl fmt::Display for Loss {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing { device, name } => {
                write!(f, "device {device} ({name}) of containerd's is missing")
            }
            Self::Gone { device, was } => write!(f, "device {device} with {was} blocks is missing"),
            Self::Fewer { device, was, is } => {
                write!(f, "device {device} has {is} of its {was} blocks")
            }
            Self::Unlisted => write!(f, "how many blocks each device had is no longer known"),
            Self::Unknown { why } => write!(f, "containerd's devices are not known ({why})"),
        }
    }
}

/// What the result lacks of what is known about the pool.
pub fn losses(
    devices: Result<Vec<RecordedDevice>, String>,
    before: Option<&Devices>,
    after: &Devices,
) -> Vec<Loss> {
    let mut losses = Vec::new();
    let devices = devices.unwrap_or_else(|why| {
        losses.push(Loss::Unknown { why });
        Vec::new()
    });
    let mut missing = BTreeMap::new();
    for device in devices.into_iter().filter(RecordedDevice::is_needed) {
        if !after.contains_key(&device.device_id) {
            missing.insert(device.device_id, device.name);
        }
    }
    let lost_or_fewer =
        before.into_iter().flatten().filter_map(|(device, was)| match after.get(device) {
            Some(is) if is >= was => None,
            Some(is) => Some(Loss::Fewer { device: *device, was: *was, is: *is }),
            None if missing.contains_key(device) => None,
            None => Some(Loss::Gone { device: *device, was: *was }),
        });
    let lost_or_fewer: Vec<Loss> = lost_or_fewer.collect();
    losses.extend(missing.into_iter().map(|(device, name)| Loss::Missing { device, name }));
    losses.extend(lost_or_fewer);
    if before.is_none() {
        losses.push(Loss::Unlisted);
    }
    losses
}

/// The word by which a person accepts the losses of this result for these damaged metadata, and of
/// no other.
pub fn token(original: &[u8; 32], result: &[u8; 32]) -> String {
    mvm_core::token::token(&[*original, *result].concat())
}

/// So many losses are named one by one.
const NAMED: usize = 8;

/// The refusal of a result that lacks something; without a token nothing of it was kept.
pub fn lossy(
    subject: &Subject<'_>,
    losses: &[Loss],
    backup: &std::path::Path,
    token: Option<&str>,
) -> Finding {
    let mut lines: Vec<String> = losses.iter().take(NAMED).map(ToString::to_string).collect();
    if let Some(more) = losses.len().checked_sub(NAMED).filter(|more| *more > 0) {
        lines.push(format!("and {more} more"));
    }
    let accept = token.map_or_else(
        || "# this was a dry run; the word for it is printed by\nmvmhost pool repair".to_owned(),
        |token| format!("mvmhost pool repair --accept {token}"),
    );
    let (name, metadata) = (&subject.pool.name, &subject.metadata);
    repair::loses(name, lines.join("; "), metadata, quote(backup), accept)
}
