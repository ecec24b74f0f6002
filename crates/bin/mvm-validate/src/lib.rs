//! ExecStartPre and ExecStartPost of flintlockd and containerd-dev.
//!
//! Belongs here: observing what `mvm-checks` judges, and the four moments at which
//! units ask. Does not belong here: judging.

pub mod api;
pub mod gate;
pub mod handover;
pub mod observe;
