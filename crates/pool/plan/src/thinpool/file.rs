//! A file that a pool stands on, or that belongs to one, and the file system that holds it.

use serde::Serialize;

/// Which file it is, whatever its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct FileId {
    /// `st_dev`
    pub device: u64,
    /// `st_ino`
    pub inode: u64,
}

/// What statx(2) says of a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FileFacts {
    /// Device and inode number, by which the file is known again.
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

/// What statfs(2) says of a mounted file system.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FileSystem {
    /// `f_type` of statfs(2).
    pub magic: u64,
    /// Bytes that can still be written, without the part that is kept back for root.
    pub free: u64,
    /// Bytes that are written or can still be, without the part that is kept back for root.
    pub size: u64,
    /// Whether it is mounted read-only.
    pub read_only: bool,
}
