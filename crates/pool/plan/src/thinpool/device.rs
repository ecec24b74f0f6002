//! What device-mapper shows.

use std::fmt;

use serde::Serialize;

use super::file::FileId;
use super::status::LiveState;
use super::table::DevNum;

/// A control node of the kernel.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub enum Control {
    /// The node opens.
    Usable,
    /// There is no such node.
    Absent,
    /// The node is there and does not open, with the error's text: a static node without driver.
    Dead(String),
}

impl Control {
    /// What is wrong with it; nothing when it opens.
    pub(crate) fn flaw(&self) -> Option<String> {
        match self {
            Self::Usable => None,
            Self::Absent => Some("is not there".to_owned()),
            Self::Dead(error) => Some(format!("does not open ({error})")),
        }
    }
}

/// A device under the pool's name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Device {
    /// device-mapper has no device of that name.
    Absent,
    /// One without a live table: somebody died between creating and resuming it.
    Empty {
        /// The device's `major:minor`.
        number: DevNum,
        /// Its device-mapper UUID; may be empty.
        uuid: String,
    },
    /// A live device whose table is one of a thin pool.
    Pool(Box<LivePool>),
    /// A live device of another kind.
    Other {
        /// The first target's name, such as `linear`.
        target: String,
        /// The live table, one line for each target.
        table: String,
    },
}

/// A live thin pool, and what it stands on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LivePool {
    /// The device's `major:minor`.
    pub number: DevNum,
    /// Its device-mapper UUID; may be empty.
    pub uuid: String,
    /// Its table and status.
    pub state: LiveState,
    /// What the table's metadata device is.
    pub metadata: Backing,
    /// What the table's data device is.
    pub data: Backing,
}

/// What a pool stands on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Backing {
    /// The block device, such as `loop0`.
    pub device: String,
    /// The file behind it, for a loop device.
    pub file: Option<FileId>,
    /// The file's name as the kernel shows it, with ` (deleted)` when it is.
    pub path: String,
}

/// Which half of a pool a device is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// Where the pool has its maps of blocks.
    Metadata,
    /// Where the pool has the blocks.
    Data,
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Metadata => "metadata",
            Self::Data => "data",
        })
    }
}
