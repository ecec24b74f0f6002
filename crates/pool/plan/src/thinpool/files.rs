//! The pool's files, and what is attached to them.

use serde::Serialize;

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
