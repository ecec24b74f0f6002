//! What device-mapper shows.

use serde::Serialize;

use super::files::FileId;
use super::status::LiveState;
use super::table::DevNum;

/// A control node of the kernel.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub enum Control {
    /// It opens.
    Usable,
    /// There is no such node.
    Absent,
    /// The node is there and does not open, with the error's text: a static node without driver.
    Dead(String),
}

/// A device under the pool's name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Device {
    /// None.
    Absent,
    /// One without a live table: somebody died between creating and resuming it.
    Empty {
        /// Its number.
        number: DevNum,
        /// Its device-mapper UUID; may be empty.
        uuid: String,
    },
    /// A live thin pool.
    Pool(Box<LivePool>),
    /// A live device of another kind.
    Other {
        /// The first target's name, such as `linear`.
        target: String,
        /// The live table, one line for each target.
        table: String,
    },
}

/// A live thin pool.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LivePool {
    /// Its number.
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
