//! From layers to snapshots, one above the other, while later layers still arrive.

use std::fs::File;
use std::path::PathBuf;

use containerd_client::types::Mount;
use mvm_core::Digest;
use mvm_images_plan::RequestedImage;
use mvm_images_plan::manifest::Descriptor;
use mvm_images_plan::manifest::chain_ids;
use tokio::sync::mpsc;
use tonic::Code;

use crate::containerd::{Containerd, Prepared};
use crate::{Error, Puller};

/// How often somebody else may have a snapshot of the same key without finishing it.
const RIVALS: u32 = 3;

/// Unpacks each layer once `arrivals` says that it is there.
pub(crate) async fn layers(
    puller: &Puller<'_>,
    requested: &RequestedImage,
    layers: &[Descriptor],
    diff_ids: &[Digest],
    mut arrivals: mpsc::Receiver<()>,
) -> Result<(), Error> {
    let snapshotter = requested.role.snapshotter();
    let chain = chain_ids(diff_ids);
    let parents = std::iter::once(None).chain(chain.iter().map(Some));
    for (number, (layer, parent)) in layers.iter().zip(parents).enumerate() {
        if arrivals.recv().await.is_none() {
            // Fetching failed, and its error ends both.
            return Ok(());
        }
        let (name, diff_id) = (&chain[number], &diff_ids[number]);
        if puller.containerd.has_snapshot(snapshotter, name).await? {
            continue;
        }
        // Closed by nobody.
        let _unpacker = puller.unpackers.acquire().await;
        puller.has_room(requested)?;
        let step = format!("unpacking layer {} of {}", number + 1, layers.len());
        puller.progress.step(requested.reference.as_str(), &step);
        let layer = Layer { layer, parent, name, diff_id };
        layer.unpack(puller, requested).await.map_err(|error| match error {
            // What a full pool makes of it has many words: of mkfs, mount or tar.
            Error::Containerd { .. } => puller.has_room(requested).err().unwrap_or(error),
            error => error,
        })?;
    }
    Ok(())
}

/// Where on the host's own file systems a layer is unpacked to. A block device is a file system of its
/// own, which containerd unmounts after the layer, and that writes it back.
fn folder(mount: &Mount) -> Option<PathBuf> {
    let folder = PathBuf::from(&mount.source);
    folder.is_dir().then_some(folder)
}

/// Waits until what was unpacked is on the disk: before that no snapshot is called complete, or a power
/// cut leaves one with empty files. The file system is synced and nothing else.
async fn to_disk(folders: Vec<PathBuf>) -> Result<(), Error> {
    for folder in folders {
        let path = folder.clone();
        let sync = move || File::open(&folder).and_then(|file| Ok(rustix::fs::syncfs(file)?));
        let synced = tokio::task::spawn_blocking(sync).await.map_err(std::io::Error::other);
        synced.and_then(|done| done).map_err(|source| Error::Sync { path, source })?;
    }
    Ok(())
}

/// A layer to unpack: `name` is the chain ID of its snapshot, `parent` that of the one below.
struct Layer<'l> {
    layer: &'l Descriptor,
    parent: Option<&'l Digest>,
    name: &'l Digest,
    diff_id: &'l Digest,
}

impl Layer<'_> {
    /// Unpacks, unless somebody else does so first.
    async fn unpack(&self, puller: &Puller<'_>, requested: &RequestedImage) -> Result<(), Error> {
        let (containerd, snapshotter) = (&puller.containerd, requested.role.snapshotter());
        for _ in 0..RIVALS {
            if let Some(prepared) = containerd.prepare(snapshotter, self.parent, self.name).await? {
                return self.fill(puller, requested, prepared).await;
            }
            if containerd.has_snapshot(snapshotter, self.name).await? {
                return Ok(());
            }
        }
        let status = tonic::Status::new(Code::AlreadyExists, "by another client, unfinished");
        Err(Error::refused("Snapshots.Prepare", self.name.as_str(), status))
    }

    /// Fills a prepared snapshot and names it; nothing stays of it after a failure.
    async fn fill(
        &self,
        puller: &Puller<'_>,
        requested: &RequestedImage,
        prepared: Prepared,
    ) -> Result<(), Error> {
        let (containerd, snapshotter) = (&puller.containerd, requested.role.snapshotter());
        let Prepared { key, mounts } = prepared;
        let committed = async {
            let folders: Vec<PathBuf> = mounts.iter().filter_map(folder).collect();
            let applied = containerd.apply(self.layer, mounts).await?;
            if applied != self.diff_id.as_str() {
                let object = format!("unpacked layer {}", self.layer.digest);
                return Err(Error::Digest { object, expected: self.diff_id.to_string() });
            }
            puller.full(requested)?;
            to_disk(folders).await?;
            containerd.commit(snapshotter, &key, self.name).await
        };
        match committed.await {
            Ok(true) => Ok(()),
            Ok(false) => containerd.remove(snapshotter, &key).await,
            Err(error) => {
                if let Err(failure) = containerd.remove(snapshotter, &key).await {
                    log::debug!("{failure}: left to containerd's garbage collection");
                }
                Err(self.judged(containerd, error).await)
            }
        }
    }

    /// A layer that cannot be unpacked, or holds something else, may be damaged on the disk or gone
    /// from there: then it is thrown away, and has to be fetched again.
    async fn judged(&self, containerd: &Containerd, error: Error) -> Error {
        let Layer { layer, .. } = self;
        let Err(Error::Missing { .. }) =
            containerd.copy(&layer.digest, layer.size, |_| Ok(())).await
        else {
            return error;
        };
        if let Err(failure) = containerd.discard(&layer.digest).await {
            log::debug!("{failure}: {} stays damaged", layer.digest);
        }
        Error::Damaged { layer: layer.digest.to_string() }
    }
}
