//! Repairing the metadata of a pool that is down, and reading containerd's databases about the pool.
//!
//! Belongs here: running thin-provisioning-tools on copies, swapping what is repaired into its place,
//! putting away what an interrupted Prepare left. Does not belong here: what is lost and whether that may
//! be (`mvm-repair-plan`).

pub mod databases;
#[cfg(test)]
#[allow(dead_code, reason = "a test double that every crate over the kernel's takes a part of")]
#[path = "../../../pool/kernel/src/fake.rs"]
mod fake;
pub mod repair;
