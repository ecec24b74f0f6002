//! The list of what is given out, and the files.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use mvm_core::{Digest, atomic};
use mvm_images_plan::served::{Found, Served};

/// Bytes of the list.
const LONGEST: u64 = 16 << 20;

/// What tells one list from another: its inode, size and time.
type Stamp = (u64, u64, i64, i64);

/// Where everything is read from.
#[derive(Debug)]
pub struct Store {
    list: PathBuf,
    blobs: PathBuf,
    cached: Mutex<(Stamp, Arc<Served>)>,
}

impl Store {
    /// With `content`, containerd's content store, and `served`, the folder of the list, in `files`.
    pub fn new(files: &Path) -> Self {
        Self {
            list: files.join("served/list.json"),
            blobs: files.join("content/blobs/sha256"),
            cached: Mutex::default(),
        }
    }

    /// The list as it is now. One that is not there or cannot be read lists nothing.
    pub(crate) fn served(&self) -> Arc<Served> {
        let stamp = fs::metadata(&self.list).map_or(Stamp::default(), |file| {
            (file.ino(), file.len(), file.mtime(), file.mtime_nsec())
        });
        let Ok(mut cached) = self.cached.lock() else { return Arc::default() };
        if cached.0 != stamp {
            let read = atomic::read_bounded(&self.list, LONGEST).unwrap_or_default();
            let served = serde_json::from_slice(&read).unwrap_or_else(|error| {
                if !read.is_empty() {
                    log::warn!("{}: {error}", self.list.display());
                }
                Served::default()
            });
            *cached = (stamp, Arc::new(served));
        }
        Arc::clone(&cached.1)
    }

    /// The file of something that was found in the list.
    ///
    /// # Errors
    /// When it is not there, or not as long as the list says.
    pub(crate) fn open(&self, found: &Found) -> io::Result<File> {
        let file = File::open(self.path(&found.digest))?;
        let about = file.metadata()?;
        if !about.is_file() || about.len() != found.size {
            let message = format!("{} bytes in place of {}", about.len(), found.size);
            return Err(io::Error::new(io::ErrorKind::InvalidData, message));
        }
        Ok(file)
    }

    /// A digest is `sha256:` and 64 digits, and so is the file's name.
    fn path(&self, digest: &Digest) -> PathBuf {
        self.blobs.join(digest.as_str().trim_start_matches("sha256:"))
    }
}
