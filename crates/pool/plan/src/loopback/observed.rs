//! What of the machine bears on a pool on files; no judgement.

use serde::Serialize;

use crate::thinpool::{self, Control, FileFacts, FileId, FileSystem, Recorded, Superblock};

/// Everything that [`super::plan`] looks at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Observed {
    /// What bears on every pool.
    pub pool: thinpool::Observed,
    /// Whether loop devices can be made. Not looked at while a pool is live.
    pub loop_control: Control,
    /// Whether the directory of the files is there.
    pub directory: bool,
    /// The file system that holds the directory, or would.
    pub file_system: FileSystem,
    /// The file `metadata`; `None` where there is none.
    pub metadata: Option<FileFacts>,
    /// What the first block of the file `metadata` shows; `Blank` when there is no file.
    pub superblock: Superblock,
    /// The file `data`; `None` where there is none.
    pub data: Option<FileFacts>,
    /// The loop devices that are attached to either file. Not looked at while a pool is live.
    pub attachments: Vec<Attachment>,
    /// The pool's part of `/var/lib/mvmhost/receipt.json`.
    pub receipt: Recorded,
}

/// A loop device attached to one of the two files.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Attachment {
    /// The device's name, such as `loop0`.
    pub device: String,
    /// The file behind it: that of the metadata or of the data.
    pub file: FileId,
    /// It shows the whole file and takes writes: no offset, no limit, as long as the file is now,
    /// not read-only.
    pub whole: bool,
    /// It goes away by itself as soon as nobody has it open.
    pub autoclear: bool,
    /// Devices on top of it, such as `dm-3`.
    pub holders: Vec<String>,
}
