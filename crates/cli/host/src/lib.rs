//! The operator's commands that look at the host as a whole: `mvmhost check`, `status`, `diagnose`,
//! `facts`, `report`, and the plans that `plan` and `apply` go by.
//!
//! Belongs here: observing this host or asking another one. Does not belong here: changing it (`mvmhost`),
//! and deciding what is wrong (`mvm-checks`).

mod asked;
pub mod check;
pub mod diagnose;
pub mod facts;
pub mod inventory;
pub mod machine;
mod missing;
mod observed;
pub mod overrides;
mod probes;
pub mod remote;
pub mod report;
mod services;
pub mod status;
pub mod watch;
