//! Where a configuration puts things: the names and paths of [`names`] that depend on the file.

use mvm_core::names;

use crate::Config;
use crate::model::{Backend, Instance};

/// Where flintlockd keeps a directory of each microVM, `NAMESPACE/NAME/UID`.
pub fn microvms(config: &Config) -> String {
    format!("{}/vm", config.flintlockd.state_dir.as_str())
}

/// The unit of the containerd that flintlockd talks to.
pub fn containerd_unit(instance: Instance) -> &'static str {
    match instance {
        Instance::Dedicated => names::CONTAINERD_DEV_UNIT,
        Instance::System => names::CONTAINERD_UNIT,
    }
}

/// The socket of the containerd that flintlockd talks to.
pub fn containerd_socket(instance: Instance) -> &'static str {
    match instance {
        Instance::Dedicated => "/run/containerd-dev/containerd.sock",
        Instance::System => "/run/containerd/containerd.sock",
    }
}

/// The configuration that somebody else gives it, which a containerd of flintlock's own need not have.
pub fn containerd_config(instance: Instance) -> &'static str {
    match instance {
        Instance::Dedicated => names::OPERATOR_CONTAINERD_CONFIG,
        Instance::System => names::SYSTEM_CONTAINERD_CONFIG,
    }
}

/// Where the devmapper snapshotter keeps `metadata.db` and `<pool>.db`: as provision.sh has it, or
/// the plugin's own directory below the distribution's root.
pub fn devmapper_root(instance: Instance) -> &'static str {
    match instance {
        Instance::Dedicated => "/var/lib/containerd-dev/snapshotter/devmapper",
        Instance::System => "/var/lib/containerd/io.containerd.snapshotter.v1.devmapper",
    }
}

/// Paths that must be mounted before the pool is touched.
pub fn pool_directories(config: &Config) -> Vec<&str> {
    let mut paths = vec!["/var/lib/mvmhost"];
    match config.thinpool.backend {
        Backend::Loop => paths.push(config.thinpool.loopback.directory.as_str()),
        Backend::Lvm | Backend::External => {}
    }
    paths.push(devmapper_root(config.containerd.instance));
    paths.dedup();
    paths
}

/// containerd's content store: a blob is the file `blobs/sha256/HEX` in it.
pub fn content(instance: Instance) -> &'static str {
    match instance {
        Instance::Dedicated => "/var/lib/containerd-dev/io.containerd.content.v1.content",
        Instance::System => "/var/lib/containerd/io.containerd.content.v1.content",
    }
}
