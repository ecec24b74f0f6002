//! 5xx of every family: failures that `mvmhost diagnose` knows by what a journal or a microVM's
//! files say. Numbers below 500 are what mvmhost observes itself.
//!
//! Remedies may name `{flintlockd}`, `{containerd}`, `{pool}` and `{state}`: units, pool and state
//! directory of this host.

use mvm_finding::Entry;

pub mod containerd;
pub mod flintlockd;
pub mod image;
pub mod kernel;
pub mod microvm;
pub mod network;
pub mod pool;
pub mod registry;
pub mod steps;
pub mod vmm;

/// The rows, family by family.
pub(crate) static FAMILIES: [&[(&str, &Entry)]; 10] = [
    containerd::ALL,
    flintlockd::ALL,
    image::ALL,
    registry::ALL,
    steps::ALL,
    kernel::ALL,
    microvm::ALL,
    network::ALL,
    pool::ALL,
    vmm::ALL,
];
