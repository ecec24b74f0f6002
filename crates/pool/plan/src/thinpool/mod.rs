//! The thin pool: from what the file asks for and what the machine shows to the steps between.
//!
//! Belongs here: every decision about the pool, the text lines of the kernel's `thin-pool` target,
//! the superblock, the meaning of the receipt. Does not belong here: looking at files or devices,
//! which is `mvm-pool-kernel`.
//!
//! The order of trust is: a live pool, the receipt, the files. A live pool is never reloaded. What
//! the receipt knows is never made again. Files are made only where nothing ever was.

pub(crate) mod absent;
mod device;
mod files;
pub(crate) mod fill;
pub(crate) mod health;
pub(crate) mod live;
mod observed;
mod outcome;
pub mod place;
pub(crate) mod receipt;
pub mod recorded;
pub(crate) mod recording;
pub mod status;
mod step;
mod superblock;
mod table;
#[cfg(test)]
pub(crate) mod tests;

use std::path::PathBuf;

use mvm_config::Config;
use mvm_config::model::{Backend, Instance};
use mvm_containerd::Kept;

pub use device::{Backing, Control, Device, LivePool};
pub use files::{Attachment, FileFacts, FileId, FileSystem};
pub use fill::{quote, refusal, units};
pub use observed::Observed;
pub use outcome::done;
pub use receipt::{
    Receipt, Recorded, RecordedDatabase, RecordedFile, RecordedIdentity, RecordedSuperblock,
    VERSION,
};
pub use status::{Discards, LiveState, Mode, PoolState, ThinPoolStatus, Usage, WhenFull, Working};
pub use step::{Role, Step};
pub use superblock::{PoolSuperblock, Superblock, with_transaction};
pub use table::{DevNum, ParseError, SECTOR, Shape, ThinPoolTable};

use crate::lvm;

/// What the file asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Desired {
    /// Who makes the pool.
    pub backend: Backend,
    /// The device-mapper name.
    pub name: String,
    /// The directory of the files `data` and `metadata`.
    pub directory: PathBuf,
    /// Length of a new data file in bytes.
    pub data_size: u64,
    /// Length of a new metadata file in bytes.
    pub metadata_size: u64,
    /// Whose containerd uses the pool.
    pub instance: Instance,
    /// Where that containerd keeps its databases about the pool.
    pub kept: Kept,
    /// flintlockd's unit, for commands that are printed.
    pub flintlockd_unit: String,
    /// The pool on disks, for that backend.
    pub lvm: lvm::DesiredVolume,
}

impl Desired {
    /// The part of the configuration that is about the pool; `containerd` is that of the containerd
    /// that uses it, where mvmhost does not render one.
    pub fn new(config: &Config, containerd: Option<&str>) -> Self {
        let pool = &config.thinpool;
        Self {
            kept: Kept::new(config.containerd.instance, containerd),
            backend: pool.backend,
            name: pool.name.as_str().to_owned(),
            directory: pool.loopback.directory.as_path().to_owned(),
            data_size: pool.loopback.data_size.0,
            metadata_size: pool.loopback.metadata_size.0,
            instance: config.containerd.instance,
            flintlockd_unit: config.flintlockd.unit.as_str().to_owned(),
            lvm: lvm::DesiredVolume::new(config),
        }
    }

    /// The data file.
    pub fn data(&self) -> PathBuf {
        self.directory.join("data")
    }

    /// The metadata file.
    pub fn metadata(&self) -> PathBuf {
        self.directory.join("metadata")
    }

    /// containerd's database of the thin devices.
    pub fn device_database(&self) -> PathBuf {
        self.kept.devmapper.join(format!("{}.db", self.name))
    }

    /// The units that use the pool, in the order in which they are to be stopped.
    pub fn units(&self) -> String {
        fill::units(self)
    }

    /// The databases of containerd's devmapper snapshotter: what is in them and what is in the
    /// pool only make sense together.
    pub fn databases(&self) -> Vec<PathBuf> {
        vec![self.kept.devmapper.join("metadata.db"), self.device_database()]
    }

    /// The `meta.db` of a containerd that serves nobody but flintlockd: it lists the snapshots that
    /// are in the pool. The distribution's containerd serves others too, so its own is left out.
    pub fn containerd_metadata(&self) -> Option<PathBuf> {
        match self.instance {
            Instance::Dedicated => Some(self.kept.metadata.clone()),
            Instance::System => None,
        }
    }

    /// Our mark on the device, by which a later run knows that it may remove an unfinished one.
    /// device-mapper takes at most 128 bytes.
    pub fn uuid(&self) -> String {
        format!("{UUID_PREFIX}{}", self.name).chars().take(128).collect()
    }
}

/// What the device-mapper UUID of our devices begins with. Never `LVM-`, which lvm2 claims.
pub const UUID_PREFIX: &str = "MVM-";
