//! Images in files: what the two kinds of archive say about themselves.

use std::collections::BTreeMap;

use mvm_config::names::ImageRef;
use mvm_core::Digest;
use serde::{Deserialize, Serialize};

use super::limits;
use super::manifest::{Descriptor, Refusal};

/// A file with this name, together with [`INDEX`], makes an archive an OCI layout.
pub const LAYOUT: &str = "oci-layout";
/// What mvmhost writes into [`LAYOUT`]; when an archive is read, only the name counts.
pub const LAYOUT_TEXT: &str = r#"{"imageLayoutVersion":"1.0.0"}"#;
/// In an OCI layout: its images.
pub const INDEX: &str = "index.json";
/// In a docker-archive: its images.
pub const SAVED: &str = "manifest.json";

/// The media types that containerd gives to what `docker save` wrote.
const MANIFEST_TYPE: &str = "application/vnd.docker.distribution.manifest.v2+json";
const CONFIG_TYPE: &str = "application/vnd.docker.container.image.v1+json";
const LAYER_TYPE: &str = "application/vnd.docker.image.rootfs.diff.tar";
const INDEX_TYPE: &str = "application/vnd.oci.image.index.v1+json";
/// The whole name of an image, as containerd and Docker write it into a layout.
const NAME: &str = "io.containerd.image.name";
/// The specification's own: a tag with some programs, the whole name with others.
const REF_NAME: &str = "org.opencontainers.image.ref.name";

/// An image in an OCI layout.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// Its names; none where the layout gives only a tag or nothing.
    pub names: Vec<ImageRef>,
    /// Its index or manifest.
    pub root: Descriptor,
}

/// An image in a docker-archive; paths are members of the archive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Saved {
    /// `RepoTags`, in full; empty for an image without tags, and without those that are no name.
    pub names: Vec<ImageRef>,
    /// Path of the configuration.
    pub config: String,
    /// Paths of the layers, lowest first.
    pub layers: Vec<String>,
}

#[derive(Deserialize)]
struct RawIndex {
    manifests: Vec<RawListed>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawListed {
    media_type: String,
    digest: String,
    size: u64,
    #[serde(default)]
    annotations: Option<BTreeMap<String, String>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct RawSaved {
    config: String,
    repo_tags: Option<Vec<String>>,
    layers: Vec<String>,
}

/// Where an OCI layout keeps a blob.
pub fn blob_path(digest: &Digest) -> String {
    format!("blobs/sha256/{}", digest.as_str().trim_start_matches("sha256:"))
}

/// The name of a member of an archive without `./` in front; `None` for one that is absolute or
/// leads out of the archive, which no archive of images has.
pub fn member(path: &[u8]) -> Option<String> {
    let text = std::str::from_utf8(path).ok()?;
    if text.starts_with('/') || text.contains('\0') {
        return None;
    }
    let parts: Vec<&str> = text.split('/').filter(|part| !matches!(*part, "" | ".")).collect();
    (!parts.is_empty() && !parts.contains(&"..")).then(|| parts.join("/"))
}

/// The member that a link stands for; `from` is the link's own name. `docker save` has links where
/// two images have the same layer.
pub fn link(from: &str, target: &[u8]) -> Option<String> {
    let text = std::str::from_utf8(target).ok().filter(|text| !text.starts_with('/'))?;
    let mut parts: Vec<&str> = from.split('/').collect();
    parts.pop();
    for part in text.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()?),
            other => parts.push(other),
        }
    }
    member(parts.join("/").as_bytes())
}

/// Docker's short names in full: `busybox` is `docker.io/library/busybox:latest`.
pub fn full_name(text: &str) -> Option<ImageRef> {
    let tag = match text.rsplit('/').next().is_some_and(|last| last.contains([':', '@'])) {
        true => "",
        false => ":latest",
    };
    let whole = format!("{text}{tag}");
    let docker = if text.contains('/') { "docker.io" } else { "docker.io/library" };
    let familiar = format!("{docker}/{whole}");
    [whole, familiar].iter().find_map(|name| ImageRef::parse(name).ok())
}

/// Reads the `index.json` of an OCI layout.
///
/// # Errors
/// When it is none, or has more entries than an index can have.
pub fn listed(index: &[u8]) -> Result<Vec<Listed>, Refusal> {
    let raw: RawIndex = read("an OCI layout's index", index)?;
    bound("images in the archive", raw.manifests.len(), limits::ENTRIES)?;
    let mut all: Vec<Listed> = Vec::new();
    for one in raw.manifests {
        let digest =
            Digest::parse(&one.digest).filter(|_| (1..=limits::MANIFEST).contains(&one.size));
        let digest =
            digest.ok_or_else(|| Refusal::Descriptor("an image of the layout".to_owned()))?;
        let annotations = one.annotations.unwrap_or_default();
        let short = |text: &String| text.contains('/').then(|| full_name(text)).flatten();
        let name = annotations.get(NAME).and_then(|name| full_name(name));
        let name = name.or_else(|| annotations.get(REF_NAME).and_then(short));
        match all.iter_mut().find(|other| other.root.digest == digest) {
            Some(other) => other.names.extend(name),
            None => {
                let root = Descriptor::new(one.media_type, digest, one.size);
                all.push(Listed { names: name.into_iter().collect(), root });
            }
        }
    }
    Ok(all)
}

/// Reads the `manifest.json` of a docker-archive.
///
/// # Errors
/// When it is none, or names a member that leads out of the archive.
pub fn saved(manifest: &[u8]) -> Result<Vec<Saved>, Refusal> {
    let raw: Vec<RawSaved> = read("a docker-archive's manifest", manifest)?;
    bound("images in the archive", raw.len(), limits::ENTRIES)?;
    let inside = |path: &String| {
        member(path.as_bytes())
            .ok_or_else(|| Refusal::Descriptor("a path of the archive".to_owned()))
    };
    let one = |raw: RawSaved| {
        bound("layers", raw.layers.len(), limits::LAYERS)?;
        let names = raw.repo_tags.unwrap_or_default();
        Ok(Saved {
            names: names.iter().filter_map(|name| full_name(name)).collect(),
            config: inside(&raw.config)?,
            layers: raw.layers.iter().map(inside).collect::<Result<_, _>>()?,
        })
    };
    raw.into_iter().map(one).collect()
}

/// The manifest that a docker-archive does not have, to the letter as containerd writes it: so both
/// give an image the same digest. `gzip` says of each layer whether it is compressed.
pub fn manifest_of(
    config: (&Digest, u64),
    layers: &[(Digest, u64, bool)],
) -> (Descriptor, Vec<u8>) {
    let layers = layers.iter().map(|(digest, size, gzip)| {
        let media_type = if *gzip { format!("{LAYER_TYPE}.gzip") } else { LAYER_TYPE.to_owned() };
        RawBlob { media_type, digest: digest.to_string(), size: *size, annotations: None }
    });
    let config = RawBlob {
        media_type: CONFIG_TYPE.to_owned(),
        digest: config.0.to_string(),
        size: config.1,
        annotations: None,
    };
    let manifest = RawManifest {
        schema_version: 2,
        media_type: MANIFEST_TYPE,
        config,
        layers: layers.collect(),
    };
    let bytes = text(&manifest);
    let (media_type, digest) = (MANIFEST_TYPE.to_owned(), Digest::of(&bytes));
    (Descriptor::new(media_type, digest, bytes.len() as u64), bytes)
}

/// The `index.json` of a layout with these images.
pub fn index_of(images: &[(ImageRef, Descriptor)]) -> Vec<u8> {
    let one = |(name, root): &(ImageRef, Descriptor)| {
        let tag = name.tag().unwrap_or(name.as_str());
        let annotations = [(NAME, name.as_str()), (REF_NAME, tag)];
        let annotations = annotations.map(|(key, value)| (key.to_owned(), value.to_owned()));
        RawBlob {
            media_type: root.media_type.clone(),
            digest: root.digest.to_string(),
            size: root.size,
            annotations: Some(annotations.into()),
        }
    };
    let manifests = images.iter().map(one).collect();
    text(&RawLayout { schema_version: 2, media_type: INDEX_TYPE, manifests })
}

// Written in this order, which is that of containerd's and the digest's.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct RawManifest {
    schema_version: u32,
    media_type: &'static str,
    config: RawBlob,
    layers: Vec<RawBlob>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct RawLayout {
    schema_version: u32,
    media_type: &'static str,
    manifests: Vec<RawBlob>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct RawBlob {
    media_type: String,
    digest: String,
    size: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    annotations: Option<BTreeMap<String, String>>,
}

/// Maps with text keys and numbers are always JSON.
fn text(value: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(value).unwrap_or_default()
}

fn read<'b, T: Deserialize<'b>>(expected: &'static str, bytes: &'b [u8]) -> Result<T, Refusal> {
    serde_json::from_slice(bytes)
        .map_err(|why| Refusal::Unreadable { expected, why: why.to_string() })
}

fn bound(items: &'static str, count: usize, most: usize) -> Result<(), Refusal> {
    if count > most { Err(Refusal::TooMany { items, count, most }) } else { Ok(()) }
}

#[cfg(test)]
mod tests;
