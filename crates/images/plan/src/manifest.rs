//! Indexes, manifests and configurations: read from a stranger, taken only whole and bounded.

use std::collections::BTreeMap;
use std::fmt;

use mvm_core::Digest;
use serde::Deserialize;
use serde::de::IgnoredAny;

use super::{Platform, limits};

/// What is asked for as a manifest.
pub const ACCEPT: &str = "application/vnd.oci.image.index.v1+json, \
                          application/vnd.oci.image.manifest.v1+json, \
                          application/vnd.docker.distribution.manifest.list.v2+json, \
                          application/vnd.docker.distribution.manifest.v2+json";

const INDEXES: [&str; 2] = [
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
];
const MANIFESTS: [&str; 2] = [
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.v2+json",
];
/// Also those that a registry need not have: containerd fetches and unpacks them as all others.
const LAYERS: [&str; 11] = [
    "application/vnd.oci.image.layer.v1.tar",
    "application/vnd.oci.image.layer.v1.tar+gzip",
    "application/vnd.oci.image.layer.v1.tar+zstd",
    "application/vnd.oci.image.layer.nondistributable.v1.tar",
    "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip",
    "application/vnd.oci.image.layer.nondistributable.v1.tar+zstd",
    "application/vnd.docker.image.rootfs.diff.tar",
    "application/vnd.docker.image.rootfs.diff.tar.gzip",
    "application/vnd.docker.image.rootfs.diff.tar.zstd",
    "application/vnd.docker.image.rootfs.foreign.diff.tar",
    "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip",
];
/// How the types of layers begin; what begins otherwise is something beside the layers.
const LAYER_PREFIXES: [&str; 2] =
    ["application/vnd.oci.image.layer.", "application/vnd.docker.image.rootfs."];

/// With this annotation buildx marks what is said about an image beside it.
const ATTESTS: &str = "vnd.docker.reference.type";

/// Why an image is not taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// The text is not what its type says.
    Unreadable {
        /// What it should have been.
        expected: &'static str,
        /// Where it stops being that.
        why: String,
    },
    /// A digest that is not sha256, or a size of nothing or beyond reason.
    Descriptor(String),
    /// Docker's schema 1, or a type that no image has.
    MediaType(String),
    /// A layer that is encrypted, or of a type that nobody knows.
    Layer(String),
    /// More layers or entries than anything builds.
    TooMany {
        /// `layers` or `entries in the index`.
        items: &'static str,
        /// As many as there are.
        count: usize,
        /// As many as are taken.
        most: usize,
    },
    /// No image for the platform; those that there are.
    Platform {
        /// This machine's, or the configured one.
        requested: String,
        /// At most eight of them; empty where the index names no image at all.
        offered: String,
    },
    /// The configuration names another number of layers than the manifest.
    Count {
        /// Number of `layers` in the manifest.
        layers: usize,
        /// Number of `rootfs.diff_ids` in the configuration.
        diff_ids: usize,
    },
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreadable { expected, why } => write!(f, "not {expected}: {why}"),
            Self::Descriptor(which) => write!(f, "{which} has no sha256 digest or a wrong size"),
            Self::MediaType(kind) => write!(f, "{kind:?} is no image of Docker or OCI"),
            Self::Layer(kind) => write!(f, "a layer of type {kind:?} cannot be unpacked"),
            Self::TooMany { items, count, most } => write!(f, "{count} {items}, more than {most}"),
            Self::Platform { requested, offered } if offered.is_empty() => {
                write!(f, "no image for {requested}; its index lists no image for any machine")
            }
            Self::Platform { requested, offered } => {
                write!(f, "no image for {requested}, only for {offered}")
            }
            Self::Count { layers: 0, .. } => write!(f, "it has no layers"),
            Self::Count { layers, diff_ids: 0 } => {
                write!(f, "{layers} layers, and an empty configuration that names none of them")
            }
            Self::Count { layers, diff_ids } => {
                write!(f, "{layers} layers, but {diff_ids} in the configuration")
            }
        }
    }
}

/// A blob by address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Descriptor {
    /// `mediaType`; empty where the document that names the blob has none.
    pub media_type: String,
    /// sha256 of the blob's bytes; registries and containerd have the blob under it.
    pub digest: Digest,
    /// Bytes, at least one.
    pub size: u64,
    /// For which platform, in an index that says so.
    pub platform: Option<Platform>,
    /// In an index: a signature, an attestation or another artifact beside the images.
    pub is_artifact: bool,
    /// Where else it may be fetched, for a layer that its registry need not have.
    pub urls: Vec<String>,
}

impl Descriptor {
    /// Of a blob about which no more is known.
    pub fn new(media_type: String, digest: Digest, size: u64) -> Self {
        Self { media_type, digest, size, platform: None, is_artifact: false, urls: Vec::new() }
    }
}

/// What one platform's image consists of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Manifest {
    /// The blob that [`ImageConfig`] is read from.
    pub config: Descriptor,
    /// Lowest first; at most [`limits::LAYERS`].
    pub layers: Vec<Descriptor>,
}

/// Either of the two things that a reference leads to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Document {
    /// Images for several platforms.
    Index(Vec<Descriptor>),
    /// An image for one platform, which its configuration names.
    Manifest(Manifest),
}

/// What mvmhost needs of an image's configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImageConfig {
    /// For what it was built.
    pub platform: Platform,
    /// Of the unpacked layers, lowest first.
    pub diff_ids: Vec<Digest>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawDescriptor {
    #[serde(default)]
    media_type: String,
    digest: String,
    size: u64,
    platform: Option<Platform>,
    artifact_type: Option<String>,
    #[serde(default)]
    annotations: Option<BTreeMap<String, IgnoredAny>>,
    #[serde(default)]
    urls: Option<Vec<String>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawDocument {
    schema_version: u64,
    media_type: Option<String>,
    manifests: Option<Vec<RawDescriptor>>,
    config: Option<RawDescriptor>,
    layers: Option<Vec<RawDescriptor>>,
}

#[derive(Deserialize)]
struct RawConfig {
    #[serde(flatten)]
    platform: Platform,
    #[serde(default)]
    rootfs: Option<RawRootfs>,
}

#[derive(Deserialize)]
struct RawRootfs {
    #[serde(default)]
    diff_ids: Option<Vec<String>>,
}

/// The media type of a document, from the answer's header and, where that says nothing of use, from
/// the text.
///
/// # Errors
/// When it is neither an index nor a manifest.
pub fn media_type(header: Option<&str>, body: &[u8]) -> Result<String, Refusal> {
    let raw = raw(body)?;
    let is_image = |kind: &&str| INDEXES.contains(kind) || MANIFESTS.contains(kind);
    let header = header.and_then(|header| header.split(';').next()).map(str::trim);
    let declared = raw.media_type.as_deref();
    let kind = declared.or(header).filter(is_image);
    kind.map(str::to_owned)
        .ok_or_else(|| Refusal::MediaType(shorten(declared.or(header).unwrap_or("no type at all"))))
}

/// Reads an index or a manifest of the given media type.
///
/// # Errors
/// When anything about it is not as an image's that can be unpacked here.
pub fn document(media_type: &str, body: &[u8]) -> Result<Document, Refusal> {
    let raw = raw(body)?;
    if INDEXES.contains(&media_type) {
        let entries = raw.manifests.unwrap_or_default();
        bound("entries in the index", entries.len(), limits::ENTRIES)?;
        let entries = entries.into_iter().map(|one| descriptor(one, "an entry", limits::MANIFEST));
        return Ok(Document::Index(entries.collect::<Result<_, _>>()?));
    }
    if !MANIFESTS.contains(&media_type) {
        return Err(Refusal::MediaType(shorten(media_type)));
    }
    let missing =
        || Refusal::Unreadable { expected: "a manifest", why: "no configuration".to_owned() };
    let config = descriptor(raw.config.ok_or_else(missing)?, "the configuration", limits::CONFIG)?;
    let mut layers = raw.layers.unwrap_or_default();
    bound("layers", layers.len(), limits::LAYERS)?;
    // As containerd's client: what is no layer at all stands beside them, and is not unpacked.
    if layers.iter().any(is_layer) {
        layers.retain(is_layer);
    }
    if let Some(strange) = layers.iter().find(|layer| !LAYERS.contains(&layer.media_type.as_str()))
    {
        return Err(Refusal::Layer(shorten(&strange.media_type)));
    }
    let layers = layers.into_iter().map(|one| descriptor(one, "a layer", limits::LAYER));
    Ok(Document::Manifest(Manifest { config, layers: layers.collect::<Result<_, _>>()? }))
}

fn is_layer(blob: &RawDescriptor) -> bool {
    LAYER_PREFIXES.iter().any(|prefix| blob.media_type.starts_with(prefix))
}

/// The entry for a platform: the best match, and among equals the first; an image before another
/// index. Entries without a platform come last; attestations, signatures and what else is no image
/// never.
///
/// # Errors
/// When there is none.
pub fn choose<'e>(
    entries: &'e [Descriptor],
    requested: &Platform,
) -> Result<&'e Descriptor, Refusal> {
    let is_index = |entry: &Descriptor| INDEXES.contains(&entry.media_type.as_str());
    let is_image = |entry: &Descriptor| MANIFESTS.contains(&entry.media_type.as_str());
    let images = || entries.iter().filter(|e| (is_image(e) || is_index(e)) && !e.is_artifact);
    let rank = |entry: &&Descriptor| {
        let distance = match &entry.platform {
            Some(platform) if !platform.os.is_empty() => requested.distance(platform)?,
            _ => u32::MAX,
        };
        Some((distance, is_index(entry)))
    };
    let best = images().filter(|entry| rank(entry).is_some()).min_by_key(rank);
    best.ok_or_else(|| {
        let platforms = images().filter_map(|entry| entry.platform.as_ref());
        let platforms = platforms.filter(|platform| platform.os != "unknown");
        let mut offered: Vec<String> = platforms.map(Platform::to_string).collect();
        offered.dedup();
        offered.truncate(8);
        Refusal::Platform {
            requested: requested.to_string(),
            offered: shorten(&offered.join(", ")),
        }
    })
}

/// Whether one more index may be followed after `depth` of them.
///
/// # Errors
/// When indexes lead to one another without end.
pub fn deeper(depth: usize) -> Result<(), Refusal> {
    bound("indexes inside of one another", depth + 1, limits::DEPTH)
}

/// Reads a configuration and holds it against its manifest.
///
/// # Errors
/// When it is none, or names another number of layers.
pub fn config(body: &[u8], manifest: &Manifest) -> Result<ImageConfig, Refusal> {
    let raw: RawConfig =
        serde_json::from_slice(body).map_err(|error| unreadable("a configuration", &error))?;
    let listed = raw.rootfs.and_then(|rootfs| rootfs.diff_ids).unwrap_or_default();
    let (layers, diff_ids) = (manifest.layers.len(), listed.len());
    if layers != diff_ids || layers == 0 {
        return Err(Refusal::Count { layers, diff_ids });
    }
    let parse = |text: &String| {
        Digest::parse(text).ok_or_else(|| Refusal::Descriptor("a diff ID".to_owned()))
    };
    let diff_ids = listed.iter().map(parse).collect::<Result<_, _>>()?;
    Ok(ImageConfig { platform: raw.platform, diff_ids })
}

fn raw(body: &[u8]) -> Result<RawDocument, Refusal> {
    let raw: RawDocument =
        serde_json::from_slice(body).map_err(|error| unreadable("a manifest", &error))?;
    match raw.schema_version {
        2 => Ok(raw),
        version => Err(Refusal::MediaType(format!("schema version {version}"))),
    }
}

/// The chain ID of each layer, lowest first, by which snapshots are named: the first is its diff ID,
/// each further one the hash of its parent's and its own (OCI image specification, "Layer ChainID").
pub fn chain_ids(diff_ids: &[Digest]) -> Vec<Digest> {
    let mut chain: Vec<Digest> = Vec::with_capacity(diff_ids.len());
    for diff in diff_ids {
        let id = match chain.last() {
            None => diff.clone(),
            Some(parent) => Digest::of(format!("{parent} {diff}").as_bytes()),
        };
        chain.push(id);
    }
    chain
}

/// serde quotes what it did not expect whole, which may be megabytes; the place is kept.
fn unreadable(expected: &'static str, error: &serde_json::Error) -> Refusal {
    let (text, place) =
        (error.to_string(), format!(" at line {} column {}", error.line(), error.column()));
    let why = text.strip_suffix(&place).unwrap_or(&text);
    Refusal::Unreadable { expected, why: shorten(why) + &place }
}

fn descriptor(raw: RawDescriptor, name: &str, most: u64) -> Result<Descriptor, Refusal> {
    let digest = Digest::parse(&raw.digest).filter(|_| (1..=most).contains(&raw.size));
    let digest = digest.ok_or_else(|| Refusal::Descriptor(name.to_owned()))?;
    let RawDescriptor { media_type, size, platform, artifact_type, annotations, urls, .. } = raw;
    let attests = annotations.is_some_and(|all| all.contains_key(ATTESTS));
    let is_artifact = attests || artifact_type.is_some_and(|kind| !kind.is_empty());
    let mut urls = urls.unwrap_or_default();
    urls.truncate(limits::URLS);
    Ok(Descriptor { media_type, digest, size, platform, is_artifact, urls })
}

fn bound(items: &'static str, count: usize, most: usize) -> Result<(), Refusal> {
    if count > most { Err(Refusal::TooMany { items, count, most }) } else { Ok(()) }
}

/// A stranger's text for a message: one line and not long.
pub(super) fn shorten(text: &str) -> String {
    text.chars().take(120).map(|c| if c.is_control() { ' ' } else { c }).collect()
}
