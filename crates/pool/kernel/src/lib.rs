//! Effects on storage: loop devices, device-mapper, LVM, the pool's files, thin_check, the receipt.
//!
//! Belongs here: looking at these and changing these, and nothing that decides which of both.
//! Decisions are in `mvm_pool_plan::thinpool`. [`thinpool::observe`] gathers facts and
//! [`thinpool::apply`] does steps; both go through the small traits of [`loops`] and [`mapper`].

pub mod adopt;
pub mod containerd_config;
mod control;
pub mod databases;
mod error;
pub mod files;
mod finding;
pub mod guard;
mod ioctl;
pub mod loops;
pub mod lvm;
pub mod mapper;
mod operation;
pub mod proof;
pub mod receipt;
pub mod repair;
pub mod teardown;
pub mod thinpool;

pub use error::Error;
pub use operation::Operation;
