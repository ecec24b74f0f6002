//! The list of what the registry on this host gives out.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;

use mvm_core::{Roots, atomic, names};
use mvm_images_plan::manifest::Manifest;
use mvm_images_plan::served::{self, Served};
use mvm_images_plan::{Platform, RequestedImage};

use crate::containerd::{Containerd, Record};
use crate::verify::{self, State};
use crate::{Error, ImageResult};

/// The images of the file that are complete, each with all that it consists of.
pub(crate) async fn list(
    containerd: &Containerd,
    states: &[ImageResult<State>],
    platform: &Platform,
) -> Result<Served, Error> {
    let mut served = Served { version: 1, images: Vec::new() };
    for (requested, state) in states {
        if !matches!(state, Ok(State::Complete)) || has(&served, requested) {
            continue;
        }
        let record = containerd.record(requested.reference.as_str()).await?;
        let Some(record) = record else { continue };
        if let Ok((records, manifest)) = verify::documents(containerd, &record, platform).await? {
            served.images.push(image(requested, &record, records, &manifest));
        }
    }
    Ok(served)
}

/// An image may be a root disk's and a kernel's.
fn has(served: &Served, requested: &RequestedImage) -> bool {
    served.images.iter().any(|image| image.reference == requested.reference.as_str())
}

fn image(
    requested: &RequestedImage,
    record: &Record,
    records: Vec<Record>,
    manifest: &Manifest,
) -> served::Image {
    let manifests = records.into_iter().map(|one| {
        let (media_type, size) = (one.media_type, one.size);
        (one.digest.to_string(), served::Manifest { media_type, size })
    });
    let blobs = std::iter::once(&manifest.config).chain(&manifest.layers);
    served::Image {
        reference: requested.reference.to_string(),
        digest: record.digest.to_string(),
        manifests: manifests.collect(),
        blobs: blobs.map(|blob| (blob.digest.to_string(), blob.size)).collect(),
    }
}

/// Writes it where the registry's user, who is nobody else's, can read it.
///
/// # Errors
/// When the disk does not take it; the old one is then untouched.
pub(crate) fn write(roots: &Roots, served: &Served) -> Result<(), Error> {
    let path = roots.at(names::SERVED);
    let failed = |why: String| Error::OwnFile { path: path.clone(), why };
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).map_err(|error| failed(error.to_string()))?;
        let open = fs::set_permissions(folder, Permissions::from_mode(0o755));
        open.map_err(|error| failed(error.to_string()))?;
    }
    let text = serde_json::to_vec(served).unwrap_or_default();
    atomic::write(&path, &text, 0o644).map_err(|error| failed(mvm_core::chain(&error)))
}
