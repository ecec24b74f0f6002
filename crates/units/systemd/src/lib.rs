//! Effects on units: systemd over D-Bus, the APIs of containerd and flintlockd, KVM's driver.
//!
//! Belongs here: what is asked of those programs and of the kernel about them, each behind a small
//! trait where a test needs to stand in. Does not belong here: deciding anything (`mvm-units-plan`).

#[cfg(feature = "certificates")]
pub mod certificate;
#[cfg(feature = "grpc")]
pub mod containerd;
mod error;
#[cfg(feature = "grpc")]
pub mod flintlock;
pub mod kvm;
pub mod microvms;
pub mod program;
#[cfg(feature = "systemd")]
pub mod systemd;

pub use error::Error;
