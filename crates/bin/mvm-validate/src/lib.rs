//! ExecStartPre and ExecStartPost of flintlockd and containerd-dev.
//!
//! Belongs here: gathering the facts that `mvm-checks` judges, and the four moments at which
//! units ask. Does not belong here: judging.

pub mod api;
pub mod facts;
pub mod gate;
pub mod handover;
