//! Effects on storage: loop devices, device-mapper, LVM, the pool's files, thin_check, the receipt. What
//! watches a pool and what repairs one stands above (`mvm-guard-kernel`, `mvm-repair-kernel`).
//!
//! Belongs here: looking at these and changing these, and nothing that decides which of both.
//! Decisions are in `mvm_pool_plan`. [`thinpool`] is what is done with every pool; [`loopback`], [`lvm`]
//! and [`external`] gather the facts about one kind of pool and do the steps for it, through the small
//! traits of [`loops`] and [`mapper`], and know no other. For those who have to do with any pool there
//! are [`desired`], [`observe`], [`bring_up`], [`check_metadata`] and [`create`].

pub mod adopt;
mod backend;
pub mod containerd_config;
mod control;
mod error;
pub mod external;
#[cfg(test)]
pub(crate) mod fake;
pub mod files;
mod finding;
mod ioctl;
pub mod loopback;
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

pub use backend::{bring_up, check_metadata, create, desired, observe, observe_with};
pub use error::Error;
pub use operation::Operation;
