//! Images in a file: an OCI layout or a docker-archive, as one tar archive that is not compressed.
//!
//! Nothing of it is unpacked to the disk: members are found once, and read where they stand.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use mvm_config::names::ImageRef;
use mvm_core::Digest;
use mvm_core::digest::Hasher;
use mvm_images_plan::archive::{self, Saved};
use mvm_images_plan::limits;
use mvm_images_plan::manifest::{Descriptor, Refusal};

use crate::Error;

mod export;
mod tape;

pub use export::export;
pub use tape::Span;

/// Bytes of a text about the whole archive.
const TEXT: u64 = 4 << 20;
/// Links from one member to the next.
const LINKS: usize = 8;

/// An image in an archive; a docker-archive has no manifests, so `root` is made for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Image {
    /// Its names; none where the archive gives it none.
    pub names: Vec<ImageRef>,
    /// Its index or manifest.
    pub root: Descriptor,
}

/// An archive that was looked through.
#[derive(Debug)]
pub struct Archive {
    path: PathBuf,
    file: File,
    blobs: BTreeMap<Digest, Blob>,
    images: Vec<Image>,
}

#[derive(Debug)]
enum Blob {
    /// At this place of the archive.
    Member(Span),
    /// Made for a docker-archive, which has no manifests.
    Generated(Vec<u8>),
}

/// A blob that is read piece by piece.
#[derive(Debug)]
pub struct Reader<'a> {
    archive: &'a Archive,
    blob: &'a Blob,
    offset: u64,
}

/// The first archive that has an image of this name, and the image in it.
pub fn find<'a>(archives: &'a [Archive], name: &ImageRef) -> Option<(&'a Archive, &'a Image)> {
    archives.iter().find_map(|archive| {
        let image = archive.images.iter().find(|image| image.names.contains(name))?;
        Some((archive, image))
    })
}

impl Archive {
    /// Every name in it.
    pub fn names(&self) -> impl Iterator<Item = &ImageRef> {
        self.images.iter().flat_map(|image| &image.names)
    }

    /// Looks an archive through. The layers of a docker-archive are read once for their digests.
    ///
    /// # Errors
    /// When the file cannot be read, is compressed, or is no archive of images.
    pub fn open(path: &Path) -> Result<Self, Error> {
        let unreadable = |source| Error::Archive { path: path.to_owned(), source };
        let file = File::open(path).map_err(unreadable)?;
        let members = tape::members(&file).map_err(unreadable)?;
        let mut this =
            Self { path: path.to_owned(), file, blobs: BTreeMap::new(), images: Vec::new() };
        if members.contains_key(archive::LAYOUT) && members.contains_key(archive::INDEX) {
            this.take_layout(&members)?;
        } else if members.contains_key(archive::SAVED) {
            this.take_saved(&members)?;
        } else {
            let problem = "neither an OCI layout nor a docker-archive";
            return Err(unreadable(io::Error::new(io::ErrorKind::InvalidData, problem)));
        }
        Ok(this)
    }

    /// The images in the order of `index.json` or `manifest.json`.
    pub fn images(&self) -> &[Image] {
        &self.images
    }

    /// Bytes of a blob; `None` when the archive has no such blob.
    pub fn size(&self, digest: &Digest) -> Option<u64> {
        self.blobs.get(digest).map(|blob| match blob {
            Blob::Member(span) => span.size,
            Blob::Generated(bytes) => bytes.len() as u64,
        })
    }

    /// The whole of a small blob; `None` when there is none of this digest, or it is longer than
    /// `most`, or damaged.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn read(&self, digest: &Digest, most: u64) -> Result<Option<Vec<u8>>, Error> {
        let bytes = match self.blobs.get(digest) {
            Some(Blob::Generated(bytes)) => bytes.clone(),
            Some(Blob::Member(span)) if span.size <= most => self.text(span)?,
            _ => return Ok(None),
        };
        Ok((Digest::of(&bytes) == *digest).then_some(bytes))
    }

    /// A blob from `offset` on; `None` when the archive has no such blob.
    pub fn reader(&self, digest: &Digest, offset: u64) -> Option<Reader<'_>> {
        let (blob, size) = (self.blobs.get(digest)?, self.size(digest)?);
        Some(Reader { archive: self, blob, offset: offset.min(size) })
    }

    /// The error about a blob that the archive should have.
    pub(crate) fn missing(&self, digest: &Digest) -> Error {
        Error::Missing { place: self.path.display().to_string(), digest: digest.to_string() }
    }

    /// The error about the file.
    pub(crate) fn unreadable(&self, source: io::Error) -> Error {
        Error::Archive { path: self.path.clone(), source }
    }

    fn take_layout(&mut self, members: &BTreeMap<String, tape::Member>) -> Result<(), Error> {
        let index = self.bounded_text(members, archive::INDEX, TEXT)?;
        for listed in archive::listed(&index).map_err(Error::Refused)? {
            self.images.push(Image { names: listed.names, root: listed.root });
        }
        for (name, member) in members {
            let hex = name.strip_prefix("blobs/sha256/");
            let digest = hex.and_then(|hex| Digest::parse(&format!("sha256:{hex}")));
            if let (Some(digest), tape::Member::File(span)) = (digest, member) {
                self.blobs.insert(digest, Blob::Member(span.clone()));
            }
        }
        Ok(())
    }

    fn take_saved(&mut self, members: &BTreeMap<String, tape::Member>) -> Result<(), Error> {
        let text = self.bounded_text(members, archive::SAVED, TEXT)?;
        // Images of one archive share layers, and those are long.
        let mut hashed: BTreeMap<u64, (Digest, bool)> = BTreeMap::new();
        for Saved { names, config, layers } in archive::saved(&text).map_err(Error::Refused)? {
            let config = self.found(members, &config)?;
            if config.size > limits::CONFIG {
                return Err(Error::Refused(Refusal::Descriptor("the configuration".to_owned())));
            }
            let (config_digest, _) = self.hash(&config)?;
            let mut described = Vec::with_capacity(layers.len());
            for layer in &layers {
                let span = self.found(members, layer)?;
                let (digest, gzip) = match hashed.get(&span.offset) {
                    Some(hash) => hash.clone(),
                    None => self.hash(&span)?,
                };
                hashed.insert(span.offset, (digest.clone(), gzip));
                described.push((digest.clone(), span.size, gzip));
                self.blobs.insert(digest, Blob::Member(span));
            }
            let (root, bytes) = archive::manifest_of((&config_digest, config.size), &described);
            self.blobs.insert(config_digest, Blob::Member(config));
            self.blobs.insert(root.digest.clone(), Blob::Generated(bytes));
            self.images.push(Image { names, root });
        }
        Ok(())
    }

    /// Follows links to a member that has bytes.
    fn found(&self, members: &BTreeMap<String, tape::Member>, name: &str) -> Result<Span, Error> {
        let mut name = name.to_owned();
        for _ in 0..LINKS {
            match members.get(&name) {
                Some(tape::Member::File(span)) => return Ok(span.clone()),
                Some(tape::Member::Link(target)) => name.clone_from(target),
                None => break,
            }
        }
        let problem = format!("{name} is not in it");
        Err(self.unreadable(io::Error::new(io::ErrorKind::InvalidData, problem)))
    }

    fn bounded_text(
        &self,
        members: &BTreeMap<String, tape::Member>,
        name: &'static str,
        most: u64,
    ) -> Result<Vec<u8>, Error> {
        let span = self.found(members, name)?;
        if span.size > most {
            return Err(Error::Refused(Refusal::Descriptor(name.to_owned())));
        }
        self.text(&span)
    }

    fn text(&self, span: &Span) -> Result<Vec<u8>, Error> {
        let mut bytes = vec![0; usize::try_from(span.size).unwrap_or(usize::MAX)];
        let read = self.file.read_exact_at(&mut bytes, span.offset);
        read.map_err(|source| self.unreadable(source))?;
        Ok(bytes)
    }

    /// The digest of a member, and whether it is compressed with gzip.
    fn hash(&self, span: &Span) -> Result<(Digest, bool), Error> {
        let mut reader = Reader { archive: self, blob: &Blob::Member(span.clone()), offset: 0 };
        let (mut hasher, mut buffer) = (Hasher::default(), vec![0; limits::CHUNK]);
        let mut gzip = None;
        loop {
            let count = reader.read(&mut buffer).map_err(|source| self.unreadable(source))?;
            if count == 0 {
                break;
            }
            gzip.get_or_insert_with(|| buffer[..count].starts_with(tape::GZIP));
            hasher.update(&buffer[..count]);
        }
        Ok((hasher.finish(), gzip.unwrap_or(false)))
    }
}

impl Read for Reader<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = match self.blob {
            Blob::Generated(bytes) => {
                let start = usize::try_from(self.offset).unwrap_or(usize::MAX);
                let mut rest = bytes.get(start..).unwrap_or_default();
                rest.read(buffer)?
            }
            Blob::Member(span) => {
                let remaining = span.size.saturating_sub(self.offset);
                let most = usize::try_from(remaining).unwrap_or(usize::MAX).min(buffer.len());
                let count =
                    self.archive.file.read_at(&mut buffer[..most], span.offset + self.offset)?;
                if count == 0 && most > 0 {
                    return Err(io::ErrorKind::UnexpectedEof.into());
                }
                count
            }
        };
        self.offset += count as u64;
        Ok(count)
    }
}

#[cfg(test)]
mod tests;
