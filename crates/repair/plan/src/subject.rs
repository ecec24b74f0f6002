//! The pool whose metadata are repaired, whatever it is on. A backend fills it in.

use std::path::PathBuf;

use mvm_core::Finding;
use mvm_core::catalogue::repair;
use mvm_pool_plan::thinpool::{Aside, Pool, refusal};

use crate::outline::Outline;

/// What a repair has to know of a pool.
#[derive(Debug, Clone)]
pub struct Subject<'a> {
    /// What every pool has.
    pub pool: &'a Pool,
    /// The folder of the file that thin_repair writes and of the copy of the damaged metadata:
    /// beside the metadata where these are a file.
    pub folder: PathBuf,
    /// What a person calls the place of the metadata.
    pub metadata: String,
    /// What the receipt, or LVM, knows of the pool.
    pub outline: Option<Outline>,
    /// How many bytes of data there are.
    pub data: u64,
    /// `GROUP/VOLUME` of a pool that is a logical volume.
    pub volume: Option<String>,
    /// What can be set aside of the pool.
    pub aside: Aside<'a>,
}

impl Subject<'_> {
    /// The file that thin_repair writes.
    pub fn result(&self) -> PathBuf {
        self.folder.join("metadata.repaired")
    }

    /// The file that keeps the damaged metadata whose digest is `original`.
    pub fn backup_path(&self, original: &[u8; 32]) -> PathBuf {
        let digits: String = original.iter().take(4).map(|byte| format!("{byte:02x}")).collect();
        self.folder.join(format!("metadata.damaged-{digits}"))
    }

    /// Nothing came of a repair.
    pub fn failed(&self, why: &str) -> Finding {
        let finding = |entry| {
            refusal(entry, &self.pool.name, &self.aside)
                .with("why", why)
                .with("metadata", &self.metadata)
        };
        match &self.volume {
            Some(volume) => finding(&repair::volume_failed::ROW).with("volume", volume),
            None => finding(&repair::failed::ROW),
        }
    }
}

/// The metadata are not mvmhost's to repair.
pub fn not_repairable(pool: &Pool, why: &str) -> Finding {
    repair::not_repairable(&pool.name, why)
}
