//! What the file asks for of a pool on files.

use std::path::PathBuf;

use mvm_config::Config;

use crate::thinpool::Pool;

/// A pool on the files `data` and `metadata` of a directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Desired {
    /// What every pool has.
    pub pool: Pool,
    /// The directory of the two files.
    pub directory: PathBuf,
    /// Length of a new data file in bytes.
    pub data_size: u64,
    /// Length of a new metadata file in bytes.
    pub metadata_size: u64,
}

impl Desired {
    /// From the configuration; `containerd` is that of the containerd that uses the pool, where
    /// mvmhost does not render one.
    pub fn new(config: &Config, containerd: Option<&str>) -> Self {
        let files = &config.thinpool.loopback;
        Self {
            pool: Pool::new(config, containerd),
            directory: files.directory.as_path().to_owned(),
            data_size: files.data_size.0,
            metadata_size: files.metadata_size.0,
        }
    }

    /// `data` in the directory.
    pub fn data_path(&self) -> PathBuf {
        self.directory.join("data")
    }

    /// `metadata` in the directory.
    pub fn metadata_path(&self) -> PathBuf {
        self.directory.join("metadata")
    }
}
