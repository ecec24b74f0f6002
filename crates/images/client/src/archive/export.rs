//! Images from containerd into an OCI layout.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{self, Write};
use std::path::Path;

use mvm_config::names::ImageRef;
use mvm_core::Digest;
use mvm_images_plan::manifest::{self, Descriptor, Document};
use mvm_images_plan::{Platform, archive, limits};
use tar::Header;

use crate::Error;
use crate::containerd::Containerd;

/// A layout that is being written: under another name, until it is whole.
struct Layout<'l> {
    path: &'l Path,
    file: tempfile::NamedTempFile,
    blobs: BTreeSet<Digest>,
}

/// Writes images to a file that other hosts, `ctr` and Docker can import. An index becomes the one
/// manifest of `platform` in it: the blobs of other platforms were never fetched.
///
/// # Errors
/// When containerd lacks a blob, or the file cannot be written; no file is left then.
pub async fn export(
    containerd: &Containerd,
    images: &[ImageRef],
    platform: &Platform,
    path: &Path,
) -> Result<(), Error> {
    let mut layout = Layout::new(path)?;
    let mut roots = Vec::new();
    for name in images {
        let root = layout.image(containerd, name, platform).await?;
        roots.push((name.clone(), root));
    }
    layout.text(archive::INDEX, &archive::index_of(&roots))?;
    layout.close()
}

impl<'l> Layout<'l> {
    fn new(path: &'l Path) -> Result<Self, Error> {
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
        let file = tempfile::Builder::new()
            .prefix(".mvmhost-")
            .tempfile_in(folder.unwrap_or(Path::new(".")));
        let file = file.map_err(|source| failed(path, source))?;
        let mut this = Self { path, file, blobs: BTreeSet::new() };
        this.text(archive::LAYOUT, archive::LAYOUT_TEXT.as_bytes())?;
        Ok(this)
    }

    /// All blobs of an image; gives its manifest.
    async fn image(
        &mut self,
        containerd: &Containerd,
        name: &ImageRef,
        platform: &Platform,
    ) -> Result<Descriptor, Error> {
        let missing = |digest: &str| Error::Missing {
            place: "containerd".to_owned(),
            digest: digest.to_owned(),
        };
        let record = containerd.record(name.as_str()).await?;
        let record = record.ok_or_else(|| missing(name.as_str()))?;
        let mut root = Descriptor::new(record.media_type, record.digest, record.size);
        // An index leads to another or to a manifest, and a manifest to blobs.
        let mut depth = 0;
        loop {
            let bytes = containerd.read(&root.digest, limits::MANIFEST).await?;
            let bytes = bytes.ok_or_else(|| missing(root.digest.as_str()))?;
            match manifest::document(&root.media_type, &bytes).map_err(Error::Refused)? {
                Document::Index(entries) => {
                    manifest::deeper(depth).map_err(Error::Refused)?;
                    depth += 1;
                    let chosen = manifest::choose(&entries, platform).map_err(Error::Refused)?;
                    root = chosen.clone();
                }
                Document::Manifest(manifest) => {
                    root.size = bytes.len() as u64;
                    self.blob(containerd, &root).await?;
                    for blob in std::iter::once(&manifest.config).chain(&manifest.layers) {
                        self.blob(containerd, blob).await?;
                    }
                    return Ok(root);
                }
            }
        }
    }

    async fn blob(&mut self, containerd: &Containerd, blob: &Descriptor) -> Result<(), Error> {
        if !self.blobs.insert(blob.digest.clone()) {
            return Ok(());
        }
        self.header(&archive::blob_path(&blob.digest), blob.size)?;
        let (path, file) = (self.path, self.file.as_file_mut());
        let write = |bytes: &[u8]| file.write_all(bytes).map_err(|source| failed(path, source));
        containerd.copy(&blob.digest, blob.size, write).await?;
        self.pad(blob.size)
    }

    fn text(&mut self, name: &str, bytes: &[u8]) -> Result<(), Error> {
        self.header(name, bytes.len() as u64)?;
        self.file.write_all(bytes).map_err(|source| failed(self.path, source))?;
        self.pad(bytes.len() as u64)
    }

    fn header(&mut self, name: &str, size: u64) -> Result<(), Error> {
        let mut header = Header::new_gnu();
        let path_result = header.set_path(name);
        header.set_size(size);
        header.set_mode(0o644);
        header.set_cksum();
        let result = path_result.and_then(|()| self.file.write_all(header.as_bytes()));
        result.map_err(|source| failed(self.path, source))
    }

    /// Fills the last block.
    fn pad(&mut self, size: u64) -> Result<(), Error> {
        let count = size.next_multiple_of(BLOCK as u64) - size;
        let zeros = &[0; BLOCK][..usize::try_from(count).unwrap_or(0)];
        self.file.write_all(zeros).map_err(|source| failed(self.path, source))
    }

    /// Gives the file its name once its bytes are on the disk.
    fn close(mut self) -> Result<(), Error> {
        let result = self.file.write_all(&[0; 2 * BLOCK]);
        let result = result.and_then(|()| self.file.as_file().sync_all());
        result.map_err(|source| failed(self.path, source))?;
        let persisted: Result<File, _> = self.file.persist(self.path);
        persisted.map_err(|error| failed(self.path, error.error)).map(drop)
    }
}

/// Headers and padding come in blocks of so many bytes.
const BLOCK: usize = 512;

fn failed(path: &Path, source: io::Error) -> Error {
    Error::Export { path: path.to_owned(), source }
}
