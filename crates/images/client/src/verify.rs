//! Whether an image is complete, asked of containerd alone.

use mvm_core::Digest;
use mvm_images_plan::manifest::{self, Document, Manifest};
use mvm_images_plan::{Platform, RequestedImage, limits};

use crate::containerd::{Containerd, Record};
use crate::{Error, kernel};

pub use mvm_images_plan::State;

/// Where other clients may have unpacked an image: containerd's own default, and flintlock's two.
const SNAPSHOTTERS: [&str; 3] = ["overlayfs", "native", "devmapper"];

/// What an image lacks. Small blobs are read and hashed, of layers only the size is compared, and a
/// kernel is looked at in its snapshot.
///
/// # Errors
/// When containerd refuses, or the image is none that can be used here.
pub async fn state(
    containerd: &Containerd,
    requested: &RequestedImage,
    platform: &Platform,
) -> Result<State, Error> {
    let Some(record) = containerd.record(requested.reference.as_str()).await? else {
        return Ok(State::Unknown);
    };
    if requested.reference.digest().is_some_and(|digest| digest != record.digest.as_str()) {
        return Ok(State::Unknown);
    }
    let (manifest, config) = match described(containerd, &record, platform).await? {
        Ok(described) => described,
        Err(lost) => return Ok(State::Blob(lost)),
    };
    for layer in &manifest.layers {
        let there = containerd.blob(&layer.digest).await?;
        if there.is_none_or(|blob| blob.size != layer.size) {
            return Ok(State::Blob(layer.digest.clone()));
        }
    }
    let config = manifest::config(&config, &manifest).map_err(Error::Refused)?;
    let chain = manifest::chain_ids(&config.diff_ids);
    let Some(top) = chain.last() else {
        return Ok(State::NotUnpacked);
    };
    if !containerd.has_snapshot(requested.role.snapshotter(), top).await? {
        return Ok(elsewhere(containerd, top).await);
    }
    match kernel::check(containerd, requested, top, platform).await {
        Err(Error::Kernel { file, problem }) => Ok(State::NoKernel { file, problem }),
        checked => checked.map(|()| State::Complete),
    }
}

/// Whether another snapshotter has it; one that did not load has nothing.
async fn elsewhere(containerd: &Containerd, top: &Digest) -> State {
    for other in SNAPSHOTTERS {
        if matches!(containerd.has_snapshot(other, top).await, Ok(true)) {
            return State::Elsewhere(other.to_owned());
        }
    }
    State::NotUnpacked
}

/// The uppermost snapshot of an image; `None` when its blobs do not say.
///
/// # Errors
/// When containerd refuses.
pub(crate) async fn top(
    containerd: &Containerd,
    record: &Record,
    platform: &Platform,
) -> Result<Option<Digest>, Error> {
    let described = match described(containerd, record, platform).await {
        Ok(described) => described,
        Err(Error::Refused(_)) => return Ok(None),
        Err(error) => return Err(error),
    };
    let config =
        described.ok().and_then(|(manifest, config)| manifest::config(&config, &manifest).ok());
    Ok(config.and_then(|config| manifest::chain_ids(&config.diff_ids).pop()))
}

/// The manifest for this machine and the text of its configuration; or else the blob that is
/// missing or damaged.
pub(crate) async fn described(
    containerd: &Containerd,
    record: &Record,
    platform: &Platform,
) -> Result<Result<(Manifest, Vec<u8>), Digest>, Error> {
    let manifest = match documents(containerd, record, platform).await? {
        Ok((_, manifest)) => manifest,
        Err(lost) => return Ok(Err(lost)),
    };
    let Some(bytes) = containerd.read(&manifest.config.digest, limits::CONFIG).await? else {
        return Ok(Err(manifest.config.digest));
    };
    Ok(Ok((manifest, bytes)))
}

/// What leads from a record to the manifest for this machine, that included, and the manifest; or
/// else the blob that is missing or damaged.
pub(crate) async fn documents(
    containerd: &Containerd,
    record: &Record,
    platform: &Platform,
) -> Result<Result<(Vec<Record>, Manifest), Digest>, Error> {
    let refused = Error::Refused;
    let (mut at, mut records) = (record.clone(), Vec::new());
    loop {
        let Some(bytes) = containerd.read(&at.digest, limits::MANIFEST).await? else {
            return Ok(Err(at.digest));
        };
        let document = manifest::document(&at.media_type, &bytes).map_err(refused)?;
        records.push(Record { size: bytes.len() as u64, ..at });
        match document {
            Document::Manifest(manifest) => return Ok(Ok((records, manifest))),
            Document::Index(entries) => {
                manifest::deeper(records.len() - 1).map_err(refused)?;
                let chosen = manifest::choose(&entries, platform).map_err(refused)?;
                let (digest, media_type) = (chosen.digest.clone(), chosen.media_type.clone());
                at = Record { digest, media_type, size: chosen.size };
            }
        }
    }
}
