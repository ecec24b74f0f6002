//! Disposable Debian hosts under QEMU, on which the package is installed and proven.
//!
//! [`image::Image::ensure`] builds or finds an image, [`guest::Guest::boot`] starts a host on it,
//! [`repository::Repository`] gives it packages, [`runner::run`] runs a list of tests.
//! Needs root, QEMU, mmdebstrap, e2fsprogs, apt-utils, gpg, gpgconf, ssh and setpriv.

pub mod arch;
pub mod archive;
pub mod bench;
pub mod campaign;
pub mod guest;
pub mod image;
pub mod leaks;
mod machine;
mod monitor;
pub mod repository;
pub mod runner;
pub mod scenario;
pub mod scenarios;
pub mod setup;
mod ssh;
pub mod tools;
pub mod wire;

/// Shell functions that make a registry's files, for docker-registry to serve.
pub const REGISTRY: &str = include_str!("registry.sh");
