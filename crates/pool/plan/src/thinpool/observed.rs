//! What of the machine bears on the pool; no judgement.

use std::path::PathBuf;

use super::device::{Control, Device};
use super::files::{Attachment, FileFacts, FileSystem};
use super::receipt::{Recorded, RecordedIdentity};
use super::superblock::Superblock;
use crate::lvm;

/// Everything that [`crate::plan`] looks at.
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
