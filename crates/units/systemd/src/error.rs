//! What can go wrong, one variant for each operation; the cause is the `source`.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

/// An operation of this crate that failed. The cause is in `source()` and not repeated here.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A file could not be read, or a program not be run.
    #[error(transparent)]
    Host(#[from] mvm_core::Error),
    /// The event loop that a client needs could not be made.
    #[cfg(any(feature = "systemd", feature = "grpc"))]
    #[error("cannot start an event loop")]
    Runtime(#[source] io::Error),
    /// The system bus does not answer.
    #[cfg(feature = "systemd")]
    #[error("cannot connect to the system bus")]
    BusConnect(#[source] Box<zbus::Error>),
    /// systemd refused a request, or did not answer it in time.
    #[cfg(feature = "systemd")]
    #[error("cannot {request}")]
    Bus {
        /// The request in words: `start mvm-net.service`.
        request: String,
        /// systemd's or the bus's answer.
        #[source]
        source: Box<zbus::Error>,
    },
    /// A job of systemd did not end in the time that it was given; it goes on.
    #[cfg(feature = "systemd")]
    #[error("{request}: no result within {} s", after.as_secs_f32())]
    JobUnfinished {
        /// The request in words: `start mvm-net.service`.
        request: String,
        /// The time that it had.
        after: Duration,
    },
    /// The bus closed the connection while a job was waited for.
    #[cfg(feature = "systemd")]
    #[error("{request}: the system bus hung up")]
    BusLost {
        /// The request in words: `start mvm-net.service`.
        request: String,
    },
    /// A gRPC server cannot be reached. tonic's own text is only "transport error": [`chain`] has
    /// the cause.
    #[cfg(feature = "grpc")]
    #[error("cannot connect to {server}")]
    GrpcConnect {
        /// containerd's socket, or flintlockd's `host:port`.
        server: String,
        /// What gRPC reported.
        #[source]
        source: tonic::transport::Error,
    },
    /// A gRPC server refused a request, or the connection broke.
    #[cfg(feature = "grpc")]
    #[error("{server} does not answer {request}")]
    GrpcCall {
        /// containerd's socket, or flintlockd's `host:port`.
        server: String,
        /// The method for people: `MicroVM.ListMicroVMs`, `Version.Version`.
        request: &'static str,
        /// The server's words; one with a source of its own tells that the connection broke.
        #[source]
        source: Box<tonic::Status>,
    },
    /// A TLS server proved who it is and then closed the connection, to a client that showed no
    /// certificate of its own: what a server does that demands one (TLS 1.3 says so only after the
    /// client's side of the handshake is over, and tonic loses the alert: what it says instead, a broken
    /// pipe three libraries deep, helps nobody).
    #[cfg(feature = "grpc")]
    #[error("{server} closes the connection to a client without a certificate")]
    GrpcShutOut {
        /// flintlockd's `host:port`.
        server: String,
    },
    /// A gRPC server did not answer in time.
    #[cfg(feature = "grpc")]
    #[error("{server} does not answer {request} within {} s", after.as_secs_f32())]
    GrpcSilent {
        /// containerd's socket, or flintlockd's `host:port`.
        server: String,
        /// The method for people: `MicroVM.ListMicroVMs`; before there is a channel `a connection`.
        request: &'static str,
        /// The time that it had.
        after: Duration,
    },
    /// A certificate or key cannot be used.
    #[cfg(feature = "grpc")]
    #[error("{} holds no certificate or key that can be used", path.display())]
    Certificate {
        /// The PEM file with the certificates to trust.
        path: PathBuf,
        /// What the library reported.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// A name cannot be part of a URI, or a client cannot be made of it.
    #[cfg(feature = "grpc")]
    #[error("cannot make a client of {server}")]
    GrpcClient {
        /// flintlockd's `host:port`.
        server: String,
        /// What the library reported.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}
