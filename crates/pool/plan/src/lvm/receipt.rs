//! The volume's part of `/var/lib/mvmhost/receipt.json`: by what mvmhost recognises a pool that is
//! a logical volume.

use serde::{Deserialize, Serialize};

use crate::thinpool::RecordedDatabase;

/// A pool on LVM as mvmhost left it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct VolumeReceipt {
    /// The device-mapper name.
    pub name: String,
    /// The volume group's identity.
    pub group: String,
    /// The logical volume's identity.
    pub volume: String,
    /// The databases in which containerd's devmapper snapshotter keeps what it put into the pool.
    pub databases: Vec<RecordedDatabase>,
}

/// What was found where the receipt should be.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Recorded {
    /// No receipt, or one without a volume.
    #[default]
    Absent,
    /// Something that is not a receipt, with what is wrong with it.
    Unreadable(String),
    /// A receipt with a volume in it.
    Volume(VolumeReceipt),
}

impl Recorded {
    /// The volume that is on record; `None` also where the receipt cannot be read.
    pub fn volume(&self) -> Option<&VolumeReceipt> {
        match self {
            Self::Volume(receipt) => Some(receipt),
            Self::Absent | Self::Unreadable(_) => None,
        }
    }
}
