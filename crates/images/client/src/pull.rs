//! The pull: from a reference to snapshots, with everything labelled as `ctr` leaves it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use futures_util::{StreamExt, TryFutureExt, TryStreamExt, stream};
use mvm_config::names::ImageRef;
use mvm_core::state::{self, File};
use mvm_core::{Digest, Roots, brake, names};
use mvm_guard_plan::Standing;
use mvm_images_plan::labels::{self, Labels};
use mvm_images_plan::manifest::{self, Descriptor, ImageConfig, Manifest};
use mvm_images_plan::{Platform, RequestedImage, Role, fetch, limits};
use tokio::sync::{OnceCell, Semaphore, mpsc};
use tonic::Code;

use crate::containerd::{Containerd, Record};
use crate::registry::Registry;
use crate::verify::{self, State};
use crate::{Error, Progress, brought, unpack};

mod chosen;
mod head_start;
mod import;
mod unpack_again;

use chosen::Chosen;
use head_start::HeadStart;

/// Unpackers at a time: a pool on a loop device gets slower with more of them.
const UNPACKERS: usize = 2;

const STANDING: File<Standing> = File::of(&state::POOL);

/// What a pull needs, for as many images as there are.
pub struct Puller<'p> {
    /// Where images come from.
    pub registry: Registry,
    /// Where they go, under a lease.
    pub containerd: Containerd,
    /// `images.platform`, or that of this machine; it decides which entry of an index is taken.
    pub platform: Platform,
    /// Who is told about it.
    pub progress: &'p dyn Progress,
    /// Where the host's files are.
    pub(crate) roots: &'p Roots,
    /// What is downloaded at a time.
    slots: Semaphore,
    /// What is unpacked at a time.
    pub(crate) unpackers: Semaphore,
    /// Who labels.
    finishing: tokio::sync::Mutex<()>,
    /// One cell for each blob of this run: who comes second waits for the first.
    blobs: Mutex<HashMap<Digest, Arc<OnceCell<()>>>>,
}

/// What a pull came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// Everything was there; no registry was asked.
    Present,
    /// It is there now.
    Pulled,
}

/// An image as a registry or an archive described it.
struct Resolved {
    /// Whether a registry did: `ctr import` leaves no source on a blob.
    is_pulled: bool,
    record: Record,
    /// The indexes on the way, the record's first.
    indexes: Vec<(Digest, Vec<Descriptor>)>,
    manifest_digest: Digest,
    manifest: Manifest,
    config: ImageConfig,
}

impl<'p> Puller<'p> {
    /// A puller with `parallel` downloads at a time.
    pub fn new(
        roots: &'p Roots,
        registry: Registry,
        containerd: Containerd,
        platform: Platform,
        progress: &'p dyn Progress,
        parallel: u8,
    ) -> Self {
        Self {
            registry,
            containerd,
            platform,
            progress,
            roots,
            slots: Semaphore::new(usize::from(parallel.max(1))),
            unpackers: Semaphore::new(UNPACKERS),
            finishing: tokio::sync::Mutex::default(),
            blobs: Mutex::default(),
        }
    }

    /// Refuses what would go into a pool whose guard has braked, or that is full.
    pub(crate) fn has_room(&self, requested: &RequestedImage) -> Result<(), Error> {
        if requested.role != Role::Root {
            return Ok(());
        }
        match brake::reason(&self.roots.at(names::BRAKE)) {
            Some(why) => Err(Error::NoRoom { why }),
            None => self.full(requested),
        }
    }

    /// Refuses a layer that was unpacked into a pool which is full now. containerd takes what the
    /// kernel could not write for written: the kernel says so after the fact or to nobody, and what
    /// it lost stays lost when the pool grows.
    pub(crate) fn full(&self, requested: &RequestedImage) -> Result<(), Error> {
        let standing = STANDING.get(self.roots);
        match requested.role == Role::Root && standing.is_some_and(|pool| !pool.writable) {
            true => Err(Error::NoRoom { why: "no block of it is free".to_owned() }),
            false => Ok(()),
        }
    }

    /// Makes an image complete. With `again` the registry is asked even when it already is: a tag
    /// may stand for something newer.
    ///
    /// # Errors
    /// Of the registry, of containerd, or about the image.
    pub async fn image(&self, requested: &RequestedImage, again: bool) -> Result<Outcome, Error> {
        let name = requested.reference.as_str();
        let Some((fresh, lost)) = self.begin(requested, again).await? else {
            return Ok(Outcome::Present);
        };
        if let Some(lost) = lost.filter(|_| !again)
            && let Some(outcome) = unpack_again::unpack(self, requested, &lost).await
        {
            return Ok(outcome);
        }
        self.progress.step(name, "resolving");
        let resolved = self.resolve(requested).await?;
        if fresh {
            self.take_down(requested, &resolved.config).await?;
        }
        self.progress.step(name, "pulling");
        let layers = &resolved.manifest.layers;
        self.progress.expected(name, layers.iter().map(|layer| layer.size).sum());
        let (arrived, arrivals) = mpsc::channel(layers.len().max(1));
        let fetch = async {
            let starts = HeadStart::default();
            let blobs = stream::iter(layers.iter().zip(fetch::head_starts(layers)));
            let blobs = blobs.map(async |(layer, longest)| {
                starts.wait(longest).await;
                let result = self.blob(requested, "layer", layer).await;
                starts.arrived(layer);
                result
            });
            // In order, because they are unpacked in order.
            let mut blobs = blobs.buffered(layers.len().max(1));
            while let Some(()) = blobs.try_next().await? {
                // Nobody listens when unpacking failed, which ends both.
                let _ = arrived.send(()).await;
            }
            drop(blobs);
            Ok(())
        };
        let unpack = unpack::layers(self, requested, layers, &resolved.config.diff_ids, arrivals);
        futures_util::future::try_join(fetch, unpack).await?;
        // A label of a blob that images share is read and written again with more in it.
        let _alone = self.finishing.lock().await;
        self.finish(requested, &resolved).await?;
        self.proven(requested).await
    }

    /// Looks whether there is something to do, and `None` when there is not. Tells whether what is
    /// unpacked has to be unpacked again: an image that holds no kernel may have lost it here. That is
    /// only done when somebody asked for it, because most often the image itself has none.
    /// And what is lost of an image whose blobs are all there.
    async fn begin(
        &self,
        requested: &RequestedImage,
        again: bool,
    ) -> Result<Option<(bool, Option<State>)>, Error> {
        let (mut fresh, mut lost) = (false, None);
        match verify::state(&self.containerd, requested, &self.platform).await {
            Ok(State::Complete) if !again => return Ok(None),
            Ok(State::Blob(digest)) => self.containerd.discard(&digest).await?,
            Ok(state @ (State::NoKernel { .. } | State::NotUnpacked | State::Elsewhere(_))) => {
                fresh = again && matches!(state, State::NoKernel { .. });
                lost = Some(state);
            }
            // What is there may be no image for this machine; what comes may be one.
            Ok(_) | Err(Error::Refused(_)) => {}
            Err(error) => return Err(error),
        }
        self.has_room(requested)?;
        Ok(Some((fresh, lost)))
    }

    /// Removes an image's snapshots, from the uppermost down to the first that is in use: microVMs
    /// and other images keep what they are built upon.
    pub(crate) async fn take_down(
        &self,
        requested: &RequestedImage,
        config: &ImageConfig,
    ) -> Result<(), Error> {
        for name in manifest::chain_ids(&config.diff_ids).iter().rev() {
            match self.containerd.remove(requested.role.snapshotter(), name.as_str()).await {
                Err(Error::Containerd { source, .. })
                    if source.code() == Code::FailedPrecondition =>
                {
                    break;
                }
                removed => removed?,
            }
        }
        Ok(())
    }

    /// Looks again. containerd takes a blob that another namespace has as it is, also a damaged one.
    async fn proven(&self, requested: &RequestedImage) -> Result<Outcome, Error> {
        match verify::state(&self.containerd, requested, &self.platform).await? {
            State::Complete => Ok(Outcome::Pulled),
            State::Blob(digest) => Err(Error::Digest {
                object: "a blob that containerd also keeps for another namespace".to_owned(),
                expected: digest.to_string(),
            }),
            State::NoKernel { file, problem } => Err(Error::Kernel { file, problem }),
            _ => Err(Error::Missing {
                place: "containerd".to_owned(),
                digest: requested.reference.to_string(),
            }),
        }
    }

    /// From the reference to one image's manifest and configuration, which are stored on the way.
    async fn resolve(&self, requested: &RequestedImage) -> Result<Resolved, Error> {
        let reference = &requested.reference;
        let name = reference.digest().or(reference.tag()).unwrap_or("latest");
        let first = self.document(requested, name).await?;
        let fetch =
            async |entry: &Descriptor| self.document(requested, entry.digest.as_str()).await;
        let Chosen { record, indexes, document, manifest } = self.chosen(first, fetch).await?;
        self.store("manifest", &document).await?;
        self.blob(requested, "config", &manifest.config).await?;
        let mut config = self.containerd.read(&manifest.config.digest, limits::CONFIG).await?;
        if config.is_none() {
            // containerd knows it from an earlier run, and its file is gone or damaged.
            self.containerd.discard(&manifest.config.digest).await?;
            crate::transfer::blob(self, requested, "config", &manifest.config).await?;
            config = self.containerd.read(&manifest.config.digest, limits::CONFIG).await?;
        }
        let lost = || Error::Digest {
            object: "the configuration in containerd".to_owned(),
            expected: manifest.config.digest.to_string(),
        };
        let config =
            manifest::config(&config.ok_or_else(lost)?, &manifest).map_err(Error::Refused)?;
        let manifest_digest = document.digest;
        Ok(Resolved { is_pulled: true, record, indexes, manifest_digest, manifest, config })
    }

    async fn document(
        &self,
        requested: &RequestedImage,
        name: &str,
    ) -> Result<crate::registry::Document, Error> {
        let reference = &requested.reference;
        self.registry.document(reference.registry(), reference.repository(), name).await
    }

    /// Writes an index or a manifest to containerd.
    async fn store(&self, kind: &str, document: &crate::registry::Document) -> Result<(), Error> {
        use crate::containerd::Opened;
        let size = document.bytes.len() as u64;
        match self.containerd.ingest(kind, &document.digest, size).await? {
            Opened::Complete => Ok(()),
            Opened::Begun(mut ingest) => {
                let offset = usize::try_from(ingest.offset()).unwrap_or(usize::MAX);
                if let Some(rest) = document.bytes.get(offset..).filter(|rest| !rest.is_empty()) {
                    ingest.write(rest.to_vec()).await?;
                }
                ingest.commit(&self.containerd).await
            }
        }
    }

    /// Gets a blob into containerd, once for all images of this run.
    async fn blob(
        &self,
        requested: &RequestedImage,
        kind: &str,
        blob: &Descriptor,
    ) -> Result<(), Error> {
        let cell = match self.blobs.lock() {
            Ok(mut blobs) => blobs.entry(blob.digest.clone()).or_default().clone(),
            Err(_) => Arc::default(),
        };
        let fetch = async || {
            // Closed by nobody.
            let _slot = self.slots.acquire().await;
            crate::transfer::blob(self, requested, kind, blob).await
        };
        cell.get_or_try_init(fetch).await.copied()
    }

    /// Labels everything as `ctr` does, and writes the record.
    async fn finish(&self, requested: &RequestedImage, resolved: &Resolved) -> Result<(), Error> {
        let snapshotter = requested.role.snapshotter();
        let source = resolved.is_pulled.then_some(&requested.reference);
        let diff_ids = &resolved.config.diff_ids;
        let chain = manifest::chain_ids(diff_ids);
        // A configuration without layers is refused when it is read.
        if let Some(top) = chain.last() {
            let config = labels::of_config(snapshotter, top);
            self.label(source, &resolved.manifest.config.digest, config).await?;
        }
        for (layer, diff_id) in resolved.manifest.layers.iter().zip(diff_ids) {
            self.label(source, &layer.digest, labels::of_layer(diff_id)).await?;
        }
        let manifest = labels::of_manifest(&resolved.manifest);
        self.label(source, &resolved.manifest_digest, manifest).await?;
        for (digest, entries) in &resolved.indexes {
            self.label(source, digest, labels::of_index(entries)).await?;
        }
        let name = requested.reference.as_str();
        let before = self.containerd.record(name).await?.map(|record| record.digest);
        // First: a name that is not written down stays for good, one that is not there does no harm.
        brought::note(self.roots, name, &resolved.record.digest, before.as_ref());
        self.containerd.set_record(name, &resolved.record).map_ok(drop).await
    }

    /// Labels a blob, also with where it came from.
    pub(crate) async fn label(
        &self,
        source: Option<&ImageRef>,
        digest: &Digest,
        mut labels: Labels,
    ) -> Result<(), Error> {
        let Some(reference) = source else {
            return self.containerd.label(digest, labels).await;
        };
        let key = labels::source_key(reference.registry());
        let previous = self.containerd.blob(digest).await?.and_then(|blob| {
            blob.labels.into_iter().find(|(label, _)| *label == key).map(|(_, value)| value)
        });
        let path = mvm_images_plan::fetch::repository(reference.registry(), reference.repository());
        labels.extend(labels::source(reference.registry(), &path, previous.as_deref()));
        self.containerd.label(digest, labels).await
    }
}
