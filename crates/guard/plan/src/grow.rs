//! The steps by which a pool on files gets longer, each of which may be the last one for now.
//!
//! The intention stands in the receipt before the file gets longer, so that the next boot knows a
//! longer file from a foreign one; and it stays there until the kernel has the new length, because
//! the pool's metadata may know it already while the receipt does not.

use std::fmt;
use std::path::PathBuf;

use serde::Serialize;

/// How long a pool on files is in each layer, from the data file to the live table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Growing {
    /// The data file.
    pub path: PathBuf,
    /// Its length in bytes.
    pub file: u64,
    /// The loop device on it, such as `loop1`.
    pub device: String,
    /// The length that the loop device shows, in bytes.
    pub device_size: u64,
    /// The length in the pool's live table, in bytes.
    pub live: u64,
    /// The length that the receipt intends, in bytes.
    pub intended: Option<u64>,
}

/// One thing to do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum GrowStep {
    /// Writes the intention into the receipt.
    Intend {
        /// The new length of the pool's data, in bytes.
        size: u64,
    },
    /// Makes the file longer, with its space taken from the file system at once.
    Allocate {
        /// The data file.
        path: PathBuf,
        /// Where the new part begins, in bytes.
        from: u64,
        /// The length of the whole file afterwards, in bytes.
        size: u64,
    },
    /// Lets the loop device show the whole file.
    Show {
        /// Such as `loop1`.
        device: String,
    },
    /// Loads a table of that length and resumes the pool with it.
    Resize {
        /// The new length of the pool's data, in bytes.
        size: u64,
    },
    /// Writes the pool as it is now into the receipt.
    Record,
}

impl fmt::Display for GrowStep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Intend { size } => write!(f, "record that the pool grows to {size} bytes"),
            Self::Allocate { path, size, .. } => {
                write!(f, "extend {} to {size} bytes", path.display())
            }
            Self::Show { device } => write!(f, "let {device} show its whole file"),
            Self::Resize { size } => write!(f, "resize the live pool to {size} bytes"),
            Self::Record => f.write_str("record the new size"),
        }
    }
}

/// The steps that are left until the pool has `size` bytes.
pub fn plan(now: &Growing, size: u64) -> Vec<GrowStep> {
    let mut steps = Vec::new();
    if now.live >= size {
        return now.intended.map(|_| GrowStep::Record).into_iter().collect();
    }
    if now.intended != Some(size) {
        steps.push(GrowStep::Intend { size });
    }
    // Also when the file has its length: a power cut may have come before its space.
    steps.push(GrowStep::Allocate { path: now.path.clone(), from: now.live, size });
    if now.device_size < size {
        steps.push(GrowStep::Show { device: now.device.clone() });
    }
    steps.push(GrowStep::Resize { size });
    steps.push(GrowStep::Record);
    steps
}
