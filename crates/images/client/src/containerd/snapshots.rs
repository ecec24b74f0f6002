//! Unpacked layers.

use std::hash::{BuildHasher, RandomState};
use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use containerd_client::services::v1::ApplyRequest;
use containerd_client::services::v1::snapshots::{
    CommitSnapshotRequest, Kind, ListSnapshotsRequest, PrepareSnapshotRequest,
    RemoveSnapshotRequest, StatSnapshotRequest, ViewSnapshotRequest,
};
use containerd_client::types::{Descriptor, Mount};
use mvm_core::Digest;
use mvm_images_plan::labels::SNAPSHOT_REF;
use mvm_images_plan::{manifest, prune};
use tonic::Code;

use super::{Containerd, unless};
use crate::Error;

/// A snapshot that can be written, or only read.
#[derive(Debug, Clone)]
pub struct Prepared {
    /// `extract-UNIQUE NAME`, NAME the chain ID to be; `extract-UNIQUE view` for a read-only one.
    pub key: String,
    /// As containerd answers; [`Containerd::apply`] gives them back to it.
    pub mounts: Vec<Mount>,
}

impl Containerd {
    /// Whether there is a snapshot of this name.
    ///
    /// # Errors
    /// When containerd refuses, as it does when the snapshotter failed to load.
    pub async fn has_snapshot(&self, snapshotter: &str, name: &Digest) -> Result<bool, Error> {
        let request = self.request(StatSnapshotRequest {
            snapshotter: snapshotter.to_owned(),
            key: name.to_string(),
        });
        let answer = self.client.snapshots().stat(request).await;
        Ok(unless(Code::NotFound, answer, "Snapshots.Stat", name.as_str())?.is_some())
    }

    /// A snapshot to unpack into, above `parent`; `None` when somebody else has one of that key.
    ///
    /// # Errors
    /// When containerd refuses.
    pub async fn prepare(
        &self,
        snapshotter: &str,
        parent: Option<&Digest>,
        name: &Digest,
    ) -> Result<Option<Prepared>, Error> {
        let key = format!("extract-{} {name}", unique());
        // Not under a deadline: the first layer of an image makes a filesystem.
        let request = self.patient(PrepareSnapshotRequest {
            snapshotter: snapshotter.to_owned(),
            key: key.clone(),
            parent: parent.map(Digest::to_string).unwrap_or_default(),
            labels: [(SNAPSHOT_REF.to_owned(), name.to_string())].into(),
        });
        let answer = self.client.snapshots().prepare(request).await;
        let answer = unless(Code::AlreadyExists, answer, "Snapshots.Prepare", name.as_str())?;
        Ok(answer.map(|answer| Prepared { key, mounts: answer.mounts }))
    }

    /// Unpacks a layer; gives the digest of what it held.
    ///
    /// # Errors
    /// When containerd refuses, as it does when the pool is full.
    pub async fn apply(
        &self,
        layer: &manifest::Descriptor,
        mounts: Vec<Mount>,
    ) -> Result<String, Error> {
        let diff = Descriptor {
            media_type: layer.media_type.clone(),
            digest: layer.digest.to_string(),
            size: i64::try_from(layer.size).unwrap_or(i64::MAX),
            ..Descriptor::default()
        };
        // Versions that know it tell of what the kernel could not write.
        let sync_fs = true;
        let request = ApplyRequest { diff: Some(diff), mounts, sync_fs, ..ApplyRequest::default() };
        let answer = self.client.diff().apply(self.patient(request)).await;
        let refused = |status| Error::refused("Diff.Apply", layer.digest.as_str(), status);
        Ok(answer.map_err(refused)?.into_inner().applied.unwrap_or_default().digest)
    }

    /// Gives an unpacked snapshot its name; `false` when somebody else was faster.
    ///
    /// # Errors
    /// When containerd refuses.
    pub async fn commit(&self, snapshotter: &str, key: &str, name: &Digest) -> Result<bool, Error> {
        let request = self.patient(CommitSnapshotRequest {
            snapshotter: snapshotter.to_owned(),
            name: name.to_string(),
            key: key.to_owned(),
            ..CommitSnapshotRequest::default()
        });
        let answer = self.client.snapshots().commit(request).await;
        Ok(unless(Code::AlreadyExists, answer, "Snapshots.Commit", name.as_str())?.is_some())
    }

    /// Removes a snapshot, if it is there.
    ///
    /// # Errors
    /// When containerd refuses.
    pub async fn remove(&self, snapshotter: &str, key: &str) -> Result<(), Error> {
        let request = self.request(RemoveSnapshotRequest {
            snapshotter: snapshotter.to_owned(),
            key: key.to_owned(),
        });
        let answer = self.client.snapshots().remove(request).await;
        unless(Code::NotFound, answer, "Snapshots.Remove", key).map(drop)
    }

    /// Every snapshot of a snapshotter.
    ///
    /// # Errors
    /// When containerd refuses.
    pub async fn list_snapshots(&self, snapshotter: &str) -> Result<Vec<prune::Snapshot>, Error> {
        let refused = |status| Error::refused("Snapshots.List", snapshotter, status);
        let request = self.request(ListSnapshotsRequest {
            snapshotter: snapshotter.to_owned(),
            ..ListSnapshotsRequest::default()
        });
        let answer = self.client.snapshots().list(request).await.map_err(refused)?;
        let (mut stream, mut all) = (answer.into_inner(), Vec::new());
        while let Some(message) = stream.message().await.map_err(refused)? {
            all.extend(message.info.into_iter().map(|one| prune::Snapshot {
                snapshotter: snapshotter.to_owned(),
                is_layer: one.kind() == Kind::Committed,
                name: one.name,
                parent: one.parent,
            }));
        }
        Ok(all)
    }

    /// A look at an image, to be ended by [`Self::end_view`].
    ///
    /// # Errors
    /// When containerd refuses.
    pub async fn view(&self, snapshotter: &str, top: &Digest) -> Result<Prepared, Error> {
        let key = format!("extract-{} view", unique());
        let lease = self.look_lease(&look(&key)).await?;
        let mut request = self.request(ViewSnapshotRequest {
            snapshotter: snapshotter.to_owned(),
            key: key.clone(),
            parent: top.to_string(),
            ..ViewSnapshotRequest::default()
        });
        if let Some(lease) = lease {
            request.metadata_mut().insert("containerd-lease", lease);
        }
        let refused = |status| Error::refused("Snapshots.View", top.as_str(), status);
        let answer = self.client.snapshots().view(request).await.map_err(refused)?;
        Ok(Prepared { key, mounts: answer.into_inner().mounts })
    }

    /// Ends a look.
    ///
    /// # Errors
    /// When containerd refuses.
    pub async fn end_view(&self, snapshotter: &str, key: &str) -> Result<(), Error> {
        self.remove(snapshotter, key).await?;
        self.end_look(&look(key)).await
    }
}

/// The name of a look's lease: identifiers have no spaces.
fn look(key: &str) -> String {
    key.replace("extract-", "mvm-look-").replace(' ', "-")
}

/// As containerd's own client has it: nanoseconds, and three bytes of chance.
fn unique() -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let chance = RandomState::new().hash_one(now).to_le_bytes();
    format!("{}-{}", now.subsec_nanos(), URL_SAFE_NO_PAD.encode(&chance[..3]))
}
