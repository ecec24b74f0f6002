//! Decisions about a pool whose metadata are damaged, and about containerd's databases that do not fit
//! the pool.
//!
//! Belongs here: whether metadata may be repaired, what the result lacks, how bolt's files are read, and
//! what containerd's three databases are to each other. Does not belong here: anything that reads or
//! changes a machine (`mvm-repair-kernel`); `.clippy.toml` makes that a build error.

pub mod bolt;
pub mod databases;
mod listing;
pub mod loopback;
pub mod lvm;
mod outline;
pub mod repair;
mod subject;
