//! How much of a stranger's answer is read. The client holds everything but layers in memory.

use std::time::Duration;

/// Bytes of an index or a manifest. Registries take at least 4 MiB (OCI distribution
/// specification) and containerd reads no more than 8 MiB.
pub const MANIFEST: u64 = 4 << 20;
/// Bytes of an image's configuration.
pub const CONFIG: u64 = 4 << 20;
/// Bytes of the answer with a token.
pub const TOKEN: u64 = 256 << 10;
/// Bytes of one layer as it travels: more than any disk of a microVM.
pub const LAYER: u64 = 64 << 30;
/// Layers of one image. overlayfs stops at 128 and Docker at 127; nothing else builds more.
pub const LAYERS: usize = 127;
/// Entries of an index, and images of an archive.
pub const ENTRIES: usize = 1024;
/// Indexes that lead to one another before there is an image: a build with attestations that was
/// joined with others has two.
pub const DEPTH: usize = 4;
/// Addresses beside the registry that one layer may have.
pub const URLS: usize = 8;
/// Bytes of an answer that says why there is no other.
pub const ERROR: u64 = 16 << 10;
/// Hops of one request.
pub const REDIRECTS: usize = 5;
/// Bytes of one message to containerd. Its own client sends 1 MiB; a quarter of that is as fast over
/// a Unix socket, and several copies are in memory for each download.
pub const CHUNK: usize = 256 << 10;

/// Bytes of a layer that is worth a head start.
pub const LARGE: u64 = 8 << 20;
/// How long the transfer of so many bytes may take in one attempt: a minute, and 64 KiB/s.
pub fn timeout(bytes: u64) -> Duration {
    Duration::from_secs(60 + bytes / (64 << 10))
}
