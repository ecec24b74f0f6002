//! Effects on storage: loop devices, device-mapper, LVM, the pool's files, thin_check, the receipt. What
//! watches a pool and what repairs one stands above (`mvm-guard-kernel`, `mvm-repair-kernel`).
//!
//! Belongs here: looking at these and changing these, and nothing that decides which of both.
//! Decisions are in `mvm_pool_plan::thinpool`. [`thinpool::observe`] gathers facts and
//! [`thinpool::apply`] does steps; both go through the small traits of [`loops`] and [`mapper`].

pub mod adopt;
pub mod containerd_config;
mod control;
mod error;
pub mod files;
mod finding;
mod ioctl;
pub mod loops;
pub mod lvm;
pub mod mapper;
mod operation;
pub mod proof;
pub mod receipt;
pub mod teardown;
pub mod thinpool;

/// The test double of the kernel is compiled into the crates above as well, and names this one.
#[cfg(test)]
extern crate self as mvm_pool_kernel;

pub use error::Error;
pub use operation::Operation;
