//! The pull from an archive instead of a registry.

use std::io::Read;

use mvm_images_plan::manifest::{self, Descriptor};
use mvm_images_plan::{RequestedImage, limits};
use tokio::sync::mpsc;

use super::chosen::Chosen;
use super::{Outcome, Puller, Resolved};
use crate::archive::{Archive, Image};
use crate::containerd::Opened;
use crate::{Error, registry, unpack};

impl Puller<'_> {
    /// Makes an image complete from an archive; no registry is asked. With `again` it is taken from
    /// there even when containerd has a complete one of that name.
    ///
    /// # Errors
    /// Of the archive, of containerd, or about the image.
    pub async fn import(
        &self,
        requested: &RequestedImage,
        archive: &Archive,
        image: &Image,
        again: bool,
    ) -> Result<Outcome, Error> {
        let Some((fresh, lost)) = self.begin(requested, again).await? else {
            return Ok(Outcome::Present);
        };
        if let Some(lost) = lost.filter(|_| !again)
            && let Some(outcome) = super::unpack_again::unpack(self, requested, &lost).await
        {
            return Ok(outcome);
        }
        self.progress.step(requested.reference.as_str(), "importing");
        let resolved = self.described(archive, image).await?;
        if fresh {
            self.take_down(requested, &resolved.config).await?;
        }
        let layers = &resolved.manifest.layers;
        let bytes = layers.iter().map(|layer| layer.size).sum();
        self.progress.expected(requested.reference.as_str(), bytes);
        let (arrived, arrivals) = mpsc::channel(layers.len().max(1));
        let copy = async {
            for layer in layers {
                self.copy(requested, archive, "layer", layer).await?;
                // Nobody listens when unpacking failed, which ends both.
                let _ = arrived.send(()).await;
            }
            Ok(())
        };
        let unpack = unpack::layers(self, requested, layers, &resolved.config.diff_ids, arrivals);
        futures_util::future::try_join(copy, unpack).await?;
        // As after a pull: labels of shared blobs are read and written again.
        let _alone = self.finishing.lock().await;
        self.finish(requested, &resolved).await?;
        self.proven(requested).await
    }

    /// The image's documents, which are stored on the way.
    async fn described(&self, archive: &Archive, image: &Image) -> Result<Resolved, Error> {
        let first = document(archive, &image.root)?;
        let fetch = async |entry: &Descriptor| document(archive, entry);
        let chosen = self.chosen(first, fetch).await?;
        let Chosen { record, indexes, document: second, manifest } = chosen;
        let config = archive.read(&manifest.config.digest, limits::CONFIG)?;
        let config = config.ok_or_else(|| archive.missing(&manifest.config.digest))?;
        let digest = manifest.config.digest.clone();
        let stored = registry::Document { media_type: String::new(), digest, bytes: config };
        let config = manifest::config(&stored.bytes, &manifest).map_err(Error::Refused)?;
        self.store("config", &stored).await?;
        self.store("manifest", &second).await?;
        let manifest_digest = second.digest;
        Ok(Resolved { is_pulled: false, record, indexes, manifest_digest, manifest, config })
    }

    /// Copies a layer to containerd, which hashes it. What an earlier run left of it is gone on
    /// with, and thrown away once when it turns out to be something else.
    async fn copy(
        &self,
        requested: &RequestedImage,
        archive: &Archive,
        kind: &str,
        blob: &Descriptor,
    ) -> Result<(), Error> {
        if archive.size(&blob.digest) != Some(blob.size) {
            return match self.containerd.ingest(kind, &blob.digest, blob.size).await? {
                // containerd has it from another image.
                Opened::Complete => Ok(()),
                Opened::Begun(_) => Err(archive.missing(&blob.digest)),
            };
        }
        let mut is_first = true;
        loop {
            let Opened::Begun(mut ingest) =
                self.containerd.ingest(kind, &blob.digest, blob.size).await?
            else {
                return Ok(());
            };
            let resumed = ingest.offset() > 0;
            let reader = archive.reader(&blob.digest, ingest.offset());
            let mut reader = reader.ok_or_else(|| archive.missing(&blob.digest))?;
            loop {
                let mut piece = vec![0; limits::CHUNK];
                let count = reader.read(&mut piece).map_err(|source| archive.unreadable(source))?;
                if count == 0 {
                    break;
                }
                piece.truncate(count);
                self.progress.bytes(requested.reference.as_str(), count as u64);
                ingest.write(piece).await?;
            }
            match ingest.commit(&self.containerd).await {
                Err(Error::Digest { .. }) if is_first && resumed => is_first = false,
                result => return result,
            }
        }
    }
}

fn document(archive: &Archive, requested: &Descriptor) -> Result<registry::Document, Error> {
    let bytes = archive.read(&requested.digest, limits::MANIFEST)?;
    let bytes = bytes.ok_or_else(|| archive.missing(&requested.digest))?;
    let media_type = match requested.media_type.is_empty() {
        true => manifest::media_type(None, &bytes).map_err(Error::Refused)?,
        false => requested.media_type.clone(),
    };
    Ok(registry::Document { media_type, digest: requested.digest.clone(), bytes })
}
