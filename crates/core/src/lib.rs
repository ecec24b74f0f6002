//! What every domain of mvmhost is built on.
//!
//! Belongs here: the sinks that show a [`Finding`], [`Plan`], every name and path, escaping; and with the
//! feature `effects` what more than one program does to a machine: atomic files, programs with a time
//! limit, systemd's notifications. Handed on from below: the [`catalogue`], the one place for text that
//! an operator reads. Does not belong here: deciding anything, and the effects of one domain.

pub mod digest;
pub mod escape;
pub mod holder;
pub mod json;
pub mod kmsg;
pub mod names;
mod plan;
pub mod remedy;
pub mod render;
pub mod reported;
mod roots;
#[cfg(feature = "journal")]
pub mod sink;
pub mod terminal;
pub mod token;

#[cfg(feature = "effects")]
pub mod atomic;
#[cfg(feature = "effects")]
pub mod brake;
mod error;
#[cfg(feature = "effects")]
pub mod exec;
pub mod exit;
#[cfg(feature = "effects")]
pub mod interfaces;
#[cfg(feature = "effects")]
pub mod notify;
#[cfg(feature = "effects")]
pub mod port;
#[cfg(feature = "effects")]
pub mod processes;
#[cfg(feature = "effects")]
pub mod state;

pub use digest::Digest;
#[cfg(feature = "effects")]
pub use error::Error;
pub use error::chain;
pub use mvm_catalogue as catalogue;
pub use mvm_finding::{Entry, Exit, Finding, Severity, packages};
pub use plan::Plan;
pub use roots::Roots;

/// musl's own gives memory back to the kernel at every second message of netlink, and has it faulted
/// in again: a third of mvm-net's time.
#[cfg(all(feature = "effects", target_env = "musl"))]
#[global_allocator]
static ALLOCATOR: dlmalloc::GlobalDlmalloc = dlmalloc::GlobalDlmalloc;

/// The day of a time in seconds since 1970, `2026-11-21` in UTC.
pub fn day(seconds: i64) -> String {
    let time = jiff::Timestamp::from_second(seconds);
    time.map_or("no date".to_owned(), |time| time.to_string().chars().take(10).collect())
}
