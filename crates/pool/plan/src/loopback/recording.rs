//! The receipt of a pool on files as it is now.

use std::path::PathBuf;

use super::{Desired, Observed};
use crate::thinpool::{
    FileFacts, Receipt, RecordedFile, RecordedSuperblock, Shape, Superblock, on_record,
};

impl Receipt {
    /// Whether it is about this pool on these two files.
    pub fn is_about(&self, desired: &Desired, observed: &Observed) -> bool {
        let same = |was: &RecordedFile, is: &Option<FileFacts>| {
            is.as_ref().is_some_and(|is| was.is_same(is))
        };
        self.name == desired.pool.name
            && self.data.path == desired.data_path()
            && same(&self.data, &observed.data)
            && same(&self.metadata, &observed.metadata)
    }

    /// The receipt of the pool as it is now, with this table; `None` while a file or a valid
    /// superblock is missing.
    pub fn of(desired: &Desired, observed: &Observed, table: &Shape) -> Option<Self> {
        let Superblock::Pool(superblock) = observed.superblock else {
            return None;
        };
        let record = |path: PathBuf, file: &FileFacts| RecordedFile {
            path,
            inode: file.id.inode,
            born: file.born,
            size: file.size,
        };
        let before = observed.receipt.pool().map_or(&[][..], |old| &old.databases);
        Some(Self {
            name: desired.pool.name.clone(),
            backend: "loop".to_owned(),
            metadata: record(desired.metadata_path(), observed.metadata.as_ref()?),
            data: record(desired.data_path(), observed.data.as_ref()?),
            table: table.clone(),
            growing: observed
                .receipt
                .pool()
                .and_then(|old| old.growing)
                .filter(|target| table.bytes() < *target),
            repairing: None,
            superblock: RecordedSuperblock {
                version: superblock.version,
                block_sectors: superblock.data_block_sectors,
            },
            databases: on_record(&desired.pool, &observed.pool, before),
        })
    }
}
