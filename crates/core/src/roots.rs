//! Where mvmhost's files are. Nothing below `main` spells an absolute path by itself: it asks a
//! [`Roots`], so that a test is a folder.

use std::path::{Path, PathBuf};

/// The root directory under which every file of the host is looked up; `/` outside tests.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Roots {
    root: PathBuf,
}

impl Roots {
    /// All paths are taken below `root`.
    pub fn new(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into() }
    }

    /// An absolute path of the host, below the root: `/etc/fstab` becomes `ROOT/etc/fstab`.
    pub fn at(&self, absolute: impl AsRef<Path>) -> PathBuf {
        let path = absolute.as_ref();
        if self.root == Path::new("/") {
            return path.to_owned();
        }
        self.root.join(path.strip_prefix("/").unwrap_or(path))
    }

    /// The operator's file.
    pub fn config(&self) -> PathBuf {
        self.at("/etc/mvmhost.toml")
    }

    /// The folder of fragments that are merged over the operator's file in name order.
    pub fn config_fragments(&self) -> PathBuf {
        self.at("/etc/mvmhost.toml.d")
    }

    /// The last good configuration. Under /etc because generators run before /var is mounted.
    pub fn applied(&self) -> PathBuf {
        self.at("/etc/mvmhost/applied.toml")
    }

    /// What mvmhost made on this machine, and how to recognise it.
    pub fn receipt(&self) -> PathBuf {
        self.at("/var/lib/mvmhost/receipt.json")
    }

    /// Files that live until the next boot.
    pub fn runtime(&self) -> PathBuf {
        self.at("/run/mvmhost")
    }
}
