//! Decisions about the thin pool, as pure functions from what the file asks for and what the machine
//! shows to the steps that lead from one to the other.
//!
//! Belongs here: the pool on files, on LVM and on devices of others, its guard, its end, what
//! provision.sh's pools become, what containerd is told of it. Does not belong here: anything that
//! reads or changes a machine (`mvm-pool-kernel`); `.clippy.toml` makes that a build error.

pub mod adopt;
pub mod containerd;
pub mod guard;
pub mod lvm;
pub mod teardown;
pub mod thinpool;
