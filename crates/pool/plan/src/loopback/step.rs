//! What can be done about a pool on files.

use std::fmt;
use std::path::PathBuf;

use serde::Serialize;

use crate::thinpool::{Role, Shape};

/// One thing to do. A path is the host's, not yet below a test's root.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Step {
    /// Makes a directory, and those above it.
    CreateDirectory {
        /// `thinpool.loopback.directory`.
        path: PathBuf,
    },
    /// Makes a sparse file; fails when there is one.
    CreateFile {
        /// The metadata or the data file.
        path: PathBuf,
        /// Its length in bytes.
        size: u64,
    },
    /// Makes a file longer that an interrupted run had only begun. Never shorter.
    ExtendFile {
        /// The metadata or the data file; none of its blocks is allocated.
        path: PathBuf,
        /// Its length in bytes.
        size: u64,
    },
    /// Removes a device that was created and never got a table.
    RemoveEmptyDevice {
        /// Its device-mapper name.
        name: String,
    },
    /// Runs thin_check over metadata that nobody uses at the moment.
    CheckMetadata {
        /// The metadata file.
        path: PathBuf,
        /// The path at which thin_check was found.
        thin_check: PathBuf,
    },
    /// Puts a file behind a free loop device.
    Attach {
        /// The metadata or the data file.
        path: PathBuf,
        /// For which half of the pool.
        role: Role,
    },
    /// Takes the loop device that is attached already.
    UseAttached {
        /// The metadata or the data file.
        path: PathBuf,
        /// For which half of the pool.
        role: Role,
        /// The loop device, such as `loop0`.
        device: String,
    },
    /// Creates the device, loads its table over the two loop devices, and resumes it.
    Activate {
        /// Its device-mapper name.
        name: String,
        /// Its device-mapper UUID.
        uuid: String,
        /// Its table without the numbers of the two loop devices.
        table: Shape,
    },
    /// Brings the metadata to stable storage and reads the superblock back.
    SyncMetadata {
        /// The metadata file.
        path: PathBuf,
        /// The block size that the superblock has to show, in sectors.
        block_sectors: u32,
    },
    /// Waits until udev has made `/dev/mapper/NAME`.
    AwaitNode {
        /// The device-mapper name.
        name: String,
    },
    /// Writes what is there now into the receipt. Without it the pool would not be known again, so
    /// it is taken down when this fails.
    WriteReceipt {
        /// The device-mapper name.
        name: String,
    },
    /// Adds what is new to the receipt of a pool that it identifies already. That this fails, on a
    /// full disk say, is told, and the host comes up all the same.
    RefreshReceipt {
        /// The device-mapper name.
        name: String,
    },
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::CreateDirectory { path } => write!(f, "create directory {}", path.display()),
            Self::CreateFile { path, size } => {
                write!(f, "create sparse file {} of {size} bytes", path.display())
            }
            Self::ExtendFile { path, size } => {
                write!(f, "extend unused file {} to {size} bytes", path.display())
            }
            Self::RemoveEmptyDevice { name } => {
                write!(f, "remove device {name}, which never got a table")
            }
            Self::CheckMetadata { path, thin_check } => {
                write!(f, "check {} with {}", path.display(), thin_check.display())
            }
            Self::Attach { path, role } => {
                write!(f, "attach {} to a free loop device as {role}", path.display())
            }
            Self::UseAttached { path, role, device } => {
                write!(f, "use {device}, attached to {} already, as {role}", path.display())
            }
            Self::Activate { name, uuid, table } => {
                write!(f, "activate {name} (uuid {uuid}): {table}")
            }
            Self::SyncMetadata { path, block_sectors } => write!(
                f,
                "sync {} and read its superblock back ({block_sectors} sectors a block)",
                path.display()
            ),
            Self::AwaitNode { name } => write!(f, "wait for /dev/mapper/{name}"),
            Self::WriteReceipt { name } => write!(f, "write {name} into the receipt"),
            Self::RefreshReceipt { name } => write!(f, "add to the receipt of {name}"),
        }
    }
}
