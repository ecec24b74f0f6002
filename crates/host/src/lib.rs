//! Effects shared by the rest: systemd, programs, atomic files, gRPC probes.
//!
//! Belongs here: what more than one program does to the machine or asks of it, each behind a
//! small trait where a test needs to stand in. Does not belong here: deciding anything (that is
//! `plan`) and the effects of one domain (`storage`, `network`).

pub mod atomic;
pub mod brake;
#[cfg(feature = "certificates")]
pub mod certificate;
pub mod configuration;
#[cfg(feature = "grpc")]
pub mod containerd;
mod error;
pub mod exec;
pub mod exit;
#[cfg(feature = "grpc")]
pub mod flintlock;
pub mod interfaces;
pub mod kvm;
pub mod microvms;
pub mod notify;
pub mod oneshot;
pub mod port;
pub mod processes;
pub mod program;
#[cfg(feature = "systemd")]
pub mod systemd;

pub use error::{Error, chain};

/// musl's own gives memory back to the kernel at every second message of netlink, and has it faulted
/// in again: a third of mvm-net's time.
#[cfg(target_env = "musl")]
#[global_allocator]
static ALLOCATOR: dlmalloc::GlobalDlmalloc = dlmalloc::GlobalDlmalloc;
