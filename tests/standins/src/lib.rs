//! What the stand-ins for flintlockd and firecracker are made of.
//!
//! flintlockd's stand-in reads the flags and the configuration of the real one as strictly, serves
//! the same gRPC API and has the same faults: it stays alive when it failed to listen, knows only
//! SIGINT, believes PID files and counts failures durably.

pub mod flags;
pub mod guest;
pub mod images;
pub mod log;
pub mod reconcile;
pub mod run;
pub mod serve;
pub mod settings;
pub mod store;
pub mod taps;

/// flintlock's API, made from crates/units/systemd/proto.
#[allow(missing_docs, unreachable_pub, clippy::all, clippy::too_many_lines)]
pub mod api {
    include!(concat!(env!("OUT_DIR"), "/api.rs"));
}
