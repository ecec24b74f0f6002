//! Facts about the machine that bear on the pool; no judgement.

use std::path::PathBuf;

use serde::Serialize;

use super::receipt::{Recorded, RecordedIdentity};
use super::status::LiveState;
use super::superblock::Superblock;
use super::table::DevNum;
use crate::lvm;

/// Everything that [`super::plan`] looks at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Observed {
    /// Whether device-mapper can be spoken to.
    pub device_mapper: Control,
    /// Whether loop devices can be made. Not looked at while a pool is live.
    pub loop_control: Control,
    /// What device-mapper has under the pool's name.
    pub device: Device,
    /// Whether `/dev/mapper/NAME` opens as that device; containerd looks for the pool there.
    pub node: bool,
    /// Whether the directory of the files is there.
    pub directory: bool,
    /// The file system that holds the directory, or would.
    pub file_system: FileSystem,
    /// The file `metadata`.
    pub metadata: Option<FileFacts>,
    /// What the first block of the file `metadata` shows; `Blank` when there is no file.
    pub superblock: Superblock,
    /// The file `data`.
    pub data: Option<FileFacts>,
    /// The loop devices that are attached to either file. Not looked at while a pool is live.
    pub attachments: Vec<Attachment>,
    /// What the receipt says.
    pub receipt: Recorded,
    /// Which of [`super::Desired::databases`] exist.
    pub databases: Vec<PathBuf>,
    /// Which files these are.
    pub database_files: Vec<(PathBuf, RecordedIdentity)>,
    /// containerd's own `meta.db`, where it exists and is nobody else's.
    pub containerd_metadata: Option<PathBuf>,
    /// Where `thin_check` is.
    pub thin_check: Option<PathBuf>,
    /// What LVM shows, with that backend and where lvm2 is installed.
    pub lvm: Option<lvm::Seen>,
}

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

/// Which file it is, whatever its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct FileId {
    /// `st_dev`
    pub device: u64,
    /// `st_ino`
    pub inode: u64,
}

/// Facts about one of the two files.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FileFacts {
    /// Which file it is.
    pub id: FileId,
    /// Whether it is a regular file.
    pub regular: bool,
    /// When it was made, in nanoseconds since 1970, where the file system keeps that.
    pub born: Option<u64>,
    /// Its length in bytes.
    pub size: u64,
    /// What it takes up on the file system, in bytes.
    pub allocated: u64,
}

/// A loop device attached to one of the two files.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Attachment {
    /// The device's name, such as `loop0`.
    pub device: String,
    /// The file behind it.
    pub file: FileId,
    /// It shows the whole file and takes writes: no offset, no limit, as long as the file is now,
    /// not read-only.
    pub whole: bool,
    /// It goes away by itself as soon as nobody has it open.
    pub autoclear: bool,
    /// Devices on top of it, such as `dm-3`.
    pub holders: Vec<String>,
}

/// The file system of the pool's files.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FileSystem {
    /// `f_type` of statfs(2).
    pub magic: u64,
    /// Bytes that can still be written, without the part that is kept back for root.
    pub free: u64,
    /// Bytes that are written or can still be, without the part that is kept back for root.
    pub size: u64,
    /// Mounted read-only.
    pub read_only: bool,
}
