//! From the first document of an image, through indexes, to the manifest for this machine.

use mvm_core::Digest;
use mvm_images_plan::manifest::{self, Descriptor, Document, Manifest};

use super::Puller;
use crate::containerd::Record;
use crate::{Error, registry};

/// What the way led to.
pub(super) struct Chosen {
    /// What the image's name stands for.
    pub(super) record: Record,
    /// The indexes, which are stored, with their entries.
    pub(super) indexes: Vec<(Digest, Vec<Descriptor>)>,
    /// The manifest as it came, which is not stored yet.
    pub(super) document: registry::Document,
    /// `document`, parsed.
    pub(super) manifest: Manifest,
}

impl Puller<'_> {
    /// `fetch` brings the document of an index's entry.
    pub(super) async fn chosen(
        &self,
        first: registry::Document,
        fetch: impl AsyncFn(&Descriptor) -> Result<registry::Document, Error>,
    ) -> Result<Chosen, Error> {
        let record = Record {
            media_type: first.media_type.clone(),
            digest: first.digest.clone(),
            size: first.bytes.len() as u64,
        };
        let (mut document, mut indexes) = (first, Vec::new());
        loop {
            let (kind, bytes) = (&document.media_type, &document.bytes);
            match manifest::document(kind, bytes).map_err(Error::Refused)? {
                Document::Manifest(manifest) => {
                    return Ok(Chosen { record, indexes, document, manifest });
                }
                Document::Index(entries) => {
                    manifest::deeper(indexes.len()).map_err(Error::Refused)?;
                    let entry =
                        manifest::choose(&entries, &self.platform).map_err(Error::Refused)?;
                    let next = fetch(entry).await?;
                    self.store("index", &document).await?;
                    indexes.push((document.digest, entries));
                    document = next;
                }
            }
        }
    }
}
