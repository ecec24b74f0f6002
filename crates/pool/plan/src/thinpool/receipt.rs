//! The pool's part of `/var/lib/mvmhost/receipt.json`: by what mvmhost recognises its pool.
//!
//! The text is read and written by `mvm_pool_kernel::receipt`, which knows JSON; what it means is decided here.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::file::FileFacts;
use super::table::Shape;

/// The receipt's format that this version reads and writes.
pub const VERSION: u32 = 1;

/// What was found where the receipt should be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Recorded {
    /// No receipt, or one without a pool.
    Absent,
    /// Something that is not a receipt, with what is wrong with it.
    Unreadable(String),
    /// A receipt of another format, with its version.
    Version(u64),
    /// A receipt with a pool on files in it.
    Pool(Box<Receipt>),
}

impl Recorded {
    /// The pool that is on record; `None` also where the receipt cannot be read.
    pub fn pool(&self) -> Option<&Receipt> {
        match self {
            Self::Pool(receipt) => Some(receipt),
            _ => None,
        }
    }
}

/// A pool as mvmhost left it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Receipt {
    /// The device-mapper name.
    pub name: String,
    /// `loop`; a record with another one is refused.
    pub backend: String,
    /// The file with the metadata, which repair replaces by another one.
    pub metadata: RecordedFile,
    /// The file with the data.
    pub data: RecordedFile,
    /// The table without its device numbers, which change from boot to boot.
    pub table: Shape,
    /// What the metadata's superblock showed that never changes.
    pub superblock: RecordedSuperblock,
    /// Bytes to which the data is being grown: until that is done the file may have any length
    /// between that of the record and this one, and the metadata may name this one already.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub growing: Option<u64>,
    /// The metadata file that is about to take the place of [`Self::metadata`]: until that is done
    /// either may be there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub repairing: Option<RecordedIdentity>,
    /// The databases in which containerd's devmapper snapshotter keeps what it put into the pool.
    pub databases: Vec<RecordedDatabase>,
}

/// A file as mvmhost left it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct RecordedFile {
    /// The absolute path on the host.
    pub path: PathBuf,
    /// `st_ino`.
    pub inode: u64,
    /// When it was made, in nanoseconds since 1970, where the file system keeps that.
    pub born: Option<u64>,
    /// Its length in bytes.
    pub size: u64,
}

impl RecordedFile {
    /// Whether it is the same file, whatever its length. Inode numbers are used again after a
    /// file is deleted, times of birth are not.
    pub fn is_same(&self, file: &FileFacts) -> bool {
        self.identity().is_same(&RecordedIdentity::of(file))
    }

    /// Which file it is, whatever its length.
    pub fn identity(&self) -> RecordedIdentity {
        RecordedIdentity { inode: self.inode, born: self.born }
    }
}

/// What never changes in a pool's superblock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct RecordedSuperblock {
    /// Version of the metadata's format.
    pub version: u32,
    /// Size of one block of data, in sectors of 512 bytes.
    pub block_sectors: u32,
}

/// A database that belongs to the pool.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct RecordedDatabase {
    /// The absolute path on the host.
    pub path: PathBuf,
    /// Whether it was ever there: from then on the pool and it are one.
    pub seen: bool,
    /// Which file it was; receipts of earlier versions do not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<RecordedIdentity>,
}

/// Which file it is, whatever its name and length.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct RecordedIdentity {
    /// `st_ino`.
    pub inode: u64,
    /// When it was made, in nanoseconds since 1970, where the file system keeps that.
    pub born: Option<u64>,
}

impl RecordedIdentity {
    /// What is put on record of a file.
    pub fn of(file: &FileFacts) -> Self {
        Self { inode: file.id.inode, born: file.born }
    }

    /// Whether both may be the same file. Inode numbers are used again after a file is deleted,
    /// times of birth are not.
    pub fn is_same(&self, other: &Self) -> bool {
        let born_apart = matches!((self.born, other.born), (Some(was), Some(is)) if was != is);
        self.inode == other.inode && !born_apart
    }

    /// As an operator reads it; the time in a form that date(1) takes.
    pub(crate) fn describe(&self) -> String {
        let made = |ns| format!("@{}", ns / 1_000_000_000);
        let born = self.born.map_or_else(|| "unknown".to_owned(), made);
        format!("inode {}, made {born}", self.inode)
    }
}

impl Receipt {
    /// The same pool after it got longer: that, and nothing else that may have changed since.
    #[must_use]
    pub fn grown(&self, table: &Shape, file: u64) -> Self {
        let mut grown = self.clone();
        grown.table.clone_from(table);
        grown.data.size = file;
        grown.growing = self.growing.filter(|target| table.bytes() < *target);
        grown
    }

    /// Whether this receipt still says enough about a live pool that is like `now`.
    ///
    /// containerd makes one of its databases with its first snapshot, which may be days after its
    /// start: that is no reason to do anything as long as the other one is on record. The next
    /// activation records both.
    pub fn holds(&self, now: &Self) -> bool {
        self.is_same_pool(now) && hold(&self.databases, &now.databases)
    }

    /// Whether the metadata file is the one on record, or the one that takes its place.
    pub fn is_metadata(&self, file: &FileFacts) -> bool {
        let is = RecordedIdentity::of(file);
        self.metadata.is_same(file) || self.repairing.is_some_and(|new| new.is_same(&is))
    }

    /// The same pool with other metadata, which have the same length: before they take the place of
    /// the old ones, or (`swapped`) afterwards.
    #[must_use]
    pub fn repaired(&self, new: RecordedIdentity, swapped: bool) -> Self {
        let mut repaired = self.clone();
        repaired.repairing = (!swapped).then_some(new);
        if swapped {
            (repaired.metadata.inode, repaired.metadata.born) = (new.inode, new.born);
        }
        repaired
    }

    /// Whether it differs from `now` in the databases at most.
    pub fn is_same_pool(&self, now: &Self) -> bool {
        *self == Self { databases: self.databases.clone(), ..now.clone() }
    }
}

/// Whether what `old` says of the databases is still enough; see [`Receipt::holds`].
pub(crate) fn hold(old: &[RecordedDatabase], now: &[RecordedDatabase]) -> bool {
    let mut comparable = now.to_vec();
    let any = old.iter().any(|database| database.seen);
    for (database, old) in comparable.iter_mut().zip(old) {
        database.seen &= old.seen || !any;
        if old.file.is_none() {
            database.file = None;
        }
    }
    old == comparable
}
