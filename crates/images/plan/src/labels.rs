//! The labels that `ctr` leaves: containerd's garbage collection follows them, and flintlock with it.

use std::collections::BTreeMap;

use mvm_core::Digest;

use super::manifest::{Descriptor, Manifest};

/// Labels of one blob in containerd's content store, key to value.
pub type Labels = BTreeMap<String, String>;

/// On a layer: its diff ID.
pub const UNCOMPRESSED: &str = "containerd.io/uncompressed";
/// On a snapshot in the making: the chain ID that it will get.
pub const SNAPSHOT_REF: &str = "containerd.io/snapshot.ref";
/// On a lease: when containerd may drop it.
pub const EXPIRE: &str = "containerd.io/gc.expire";
/// Bytes of one label, key and value together, that containerd takes.
const LONGEST: usize = 4096;

/// Where a blob came from: `registry` without its port, and `previous`, the value that stands
/// there, with `repository` added. `None` when the label would be too long for containerd.
pub fn source(
    registry: &str,
    repository: &str,
    previous: Option<&str>,
) -> Option<(String, String)> {
    let host = match registry.rsplit_once(':') {
        Some((host, port)) if !port.contains(']') => host,
        _ => registry,
    };
    let key = format!("containerd.io/distribution.source.{host}");
    let mut all: Vec<&str> =
        previous.unwrap_or("").split(',').filter(|one| !one.is_empty()).collect();
    all.push(repository);
    all.sort_unstable();
    all.dedup();
    let value = all.join(",");
    (key.len() + value.len() <= LONGEST).then_some((key, value))
}

/// The key of [`source`] alone: `containerd.io/distribution.source.` and the host without a port.
pub fn source_key(registry: &str) -> String {
    source(registry, "", None).map(|(key, _)| key).unwrap_or_default()
}

/// Of an index: all its manifests, also those that are not fetched.
pub fn of_index(entries: &[Descriptor]) -> Labels {
    let one = |(number, entry): (usize, &Descriptor)| {
        (format!("containerd.io/gc.ref.content.m.{number}"), entry.digest.to_string())
    };
    entries.iter().enumerate().map(one).collect()
}

/// Of a manifest: its configuration and its layers.
pub fn of_manifest(manifest: &Manifest) -> Labels {
    let one = |(number, layer): (usize, &Descriptor)| {
        (format!("containerd.io/gc.ref.content.l.{number}"), layer.digest.to_string())
    };
    let mut labels: Labels = manifest.layers.iter().enumerate().map(one).collect();
    let config = manifest.config.digest.to_string();
    labels.insert("containerd.io/gc.ref.content.config".to_owned(), config);
    labels
}

/// Of a configuration: the uppermost snapshot, which keeps those below it.
pub fn of_config(snapshotter: &str, top: &Digest) -> Labels {
    Labels::from([(format!("containerd.io/gc.ref.snapshot.{snapshotter}"), top.to_string())])
}

/// Of a layer: its diff ID, under [`UNCOMPRESSED`].
pub fn of_layer(diff_id: &Digest) -> Labels {
    Labels::from([(UNCOMPRESSED.to_owned(), diff_id.to_string())])
}
