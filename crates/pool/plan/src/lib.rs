//! Decisions about the thin pool, as pure functions from what the file asks for and what the machine
//! shows to the steps that lead from one to the other.
//!
//! Belongs here: the pool on files, on LVM and on devices of others, its end, what provision.sh's pools
//! become. Does not belong here: watching and growing it (`mvm-guard-plan`), repairing it
//! (`mvm-repair-plan`), what containerd is told of it (`mvm-containerd`), and anything that reads or
//! changes a machine (`mvm-pool-kernel`); `.clippy.toml` makes that a build error.
//!
//! [`thinpool`] is what every pool has. [`loopback`], [`lvm`] and [`external`] are the backends: each
//! stands on it and knows no other. [`Backend`] tells them apart, for those who have to do with any.

pub mod adopt;
mod backend;
pub mod external;
pub mod loopback;
pub mod lvm;
pub mod teardown;
pub mod thinpool;

pub use backend::{Backend, Observation, Step};
