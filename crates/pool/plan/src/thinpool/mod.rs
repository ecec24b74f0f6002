//! The thin pool: what every pool has, whatever it is on.
//!
//! Belongs here: its name and units, what device-mapper shows of it, the text lines of the kernel's
//! `thin-pool` target, the superblock, the receipt, containerd's databases about it. Does not belong
//! here: what one backend alone knows. The backends stand on these modules, and none of these knows one.

mod databases;
mod device;
mod file;
pub(crate) mod health;
mod observed;
mod receipt;
mod refusal;
pub mod status;
mod superblock;
mod table;
#[cfg(test)]
pub(crate) mod tests;
mod words;

use std::path::PathBuf;

use mvm_config::Config;
use mvm_config::model::Instance;
use mvm_containerd::DatabasePaths;

pub(crate) use databases::{against_record, on_record};
pub use device::{Backing, Control, Device, LivePool, Role};
pub use file::{FileFacts, FileId, FileSystem};
pub(crate) use health::name_taken;
pub use health::{device_mapper, ready_finding};
pub use observed::Observed;
pub(crate) use receipt::hold;
pub use receipt::{
    Receipt, Recorded, RecordedDatabase, RecordedFile, RecordedIdentity, RecordedSuperblock,
    VERSION,
};
pub use refusal::{Aside, refusal};
pub use status::{Discards, LiveState, Mode, PoolState, ThinPoolStatus, Usage, WhenFull, Working};
pub use superblock::{PoolSuperblock, Superblock, with_transaction};
pub use table::{DevNum, ParseError, SECTOR, Shape, ThinPoolTable};
pub(crate) use words::gib;
pub use words::{mib, quote};

/// What the file asks for of every pool.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pool {
    /// The device-mapper name.
    pub name: String,
    /// Whose containerd uses the pool.
    pub instance: Instance,
    /// Where that containerd keeps its databases about the pool.
    pub database_paths: DatabasePaths,
    /// flintlockd's unit, for commands that are printed.
    pub flintlockd_unit: String,
    /// What is set aside of an old pool goes into the folder `old` of this directory: that of
    /// `[thinpool.loop]`, whatever the pool is on.
    pub aside: PathBuf,
}

impl Pool {
    /// The part of the configuration that is about every pool; `containerd` is the configuration of
    /// the containerd that uses it, where mvmhost does not render one.
    pub fn new(config: &Config, containerd: Option<&str>) -> Self {
        let pool = &config.thinpool;
        Self {
            name: pool.name.as_str().to_owned(),
            instance: config.containerd.instance,
            database_paths: DatabasePaths::new(config.containerd.instance, containerd),
            flintlockd_unit: config.flintlockd.unit.as_str().to_owned(),
            aside: pool.loopback.directory.as_path().to_owned(),
        }
    }

    /// containerd's database of the thin devices.
    pub fn device_database(&self) -> PathBuf {
        self.database_paths.devmapper.join(format!("{}.db", self.name))
    }

    /// The units that use the pool, in the order in which they are to be stopped.
    pub fn units(&self) -> String {
        let containerd = mvm_config::places::containerd_unit(self.instance);
        format!("{} {containerd}", self.flintlockd_unit)
    }

    /// The databases of containerd's devmapper snapshotter: what is in them and what is in the
    /// pool only make sense together.
    pub fn databases(&self) -> Vec<PathBuf> {
        vec![self.database_paths.devmapper.join("metadata.db"), self.device_database()]
    }

    /// The `meta.db` of a containerd that serves nobody but flintlockd: it lists the snapshots that
    /// are in the pool. The distribution's containerd serves others too, so its own is left out.
    pub fn containerd_metadata(&self) -> Option<PathBuf> {
        match self.instance {
            Instance::Dedicated => Some(self.database_paths.metadata.clone()),
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
