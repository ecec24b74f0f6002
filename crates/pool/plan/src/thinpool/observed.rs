//! What of the machine bears on every pool; no judgement.

use std::path::PathBuf;

use super::device::{Control, Device};
use super::receipt::RecordedIdentity;

/// What each backend looks at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Observed {
    /// Whether device-mapper can be spoken to.
    pub device_mapper: Control,
    /// What device-mapper has under the pool's name.
    pub device: Device,
    /// Whether `/dev/mapper/NAME` opens as that device; containerd looks for the pool there.
    pub node: bool,
    /// Which of [`super::Pool::databases`] exist.
    pub databases: Vec<PathBuf>,
    /// Path and identity of each of [`Self::databases`].
    pub database_files: Vec<(PathBuf, RecordedIdentity)>,
    /// containerd's own `meta.db`, where it exists and is nobody else's.
    pub containerd_metadata: Option<PathBuf>,
    /// Where `thin_check` is. Not looked at while a pool is live.
    pub thin_check: Option<PathBuf>,
}

impl Observed {
    /// Where nothing is known but whether device-mapper can be spoken to.
    pub const fn new(device_mapper: Control) -> Self {
        Self {
            device_mapper,
            device: Device::Absent,
            node: false,
            databases: Vec::new(),
            database_files: Vec::new(),
            containerd_metadata: None,
            thin_check: None,
        }
    }
}
