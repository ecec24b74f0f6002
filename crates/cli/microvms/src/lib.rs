//! The operator's commands about microVMs: `mvmhost vm`, `vms`, `smoke`, `capmvm` and `net leases`.
//!
//! Belongs here: asking flintlockd's API, and what this host shows of a microVM. Does not belong here: what
//! is wrong with the host (`mvm-cli-host`).

pub mod capmvm;
pub mod files;
pub mod leases;
mod session;
pub mod smoke;
pub mod vm;
pub mod vms;
