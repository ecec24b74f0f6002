//! What can go wrong, one variant for each operation; the cause is the `source`.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

/// An operation of this crate that failed. The cause is in `source()` and not repeated here.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A folder could not be made.
    #[error("cannot create the folder {}", path.display())]
    CreateFolder {
        /// The folder.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// A file could not be replaced; the one that was there, if any, is as it was.
    #[error("cannot write {}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// A file could not be read.
    #[error("cannot read {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// Programs are executed by absolute path only, so that PATH cannot choose another one.
    #[error("{} is not an absolute path of a program", program.display())]
    NotAbsolute {
        /// What was to be executed.
        program: PathBuf,
    },
    /// A program could not be started.
    #[error("cannot execute {}", program.display())]
    Spawn {
        /// The program.
        program: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The output or the end of a running program could not be read; it was killed.
    #[error("cannot follow {}", program.display())]
    Follow {
        /// The program.
        program: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// A program ran longer than it was allowed to and was killed.
    #[error("{} did not finish within {} s and was killed", program.display(), after.as_secs_f32())]
    TimedOut {
        /// The program.
        program: PathBuf,
        /// The time that it had.
        after: Duration,
        /// The end of what it wrote on its standard error.
        stderr: String,
    },
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
        /// The socket or the endpoint.
        server: String,
        /// Why.
        #[source]
        source: tonic::transport::Error,
    },
    /// A gRPC server refused a request, or the connection broke.
    #[cfg(feature = "grpc")]
    #[error("{server} does not answer {request}")]
    GrpcCall {
        /// The socket or the endpoint.
        server: String,
        /// The method.
        request: &'static str,
        /// The status.
        #[source]
        source: Box<tonic::Status>,
    },
    /// A TLS server proved who it is and then closed the connection, to a client that showed no
    /// certificate of its own: what a server does that demands one (TLS 1.3 says so only after the
    /// client's side of the handshake is over, and tonic loses the alert).
    #[cfg(feature = "grpc")]
    #[error("{server} closes the connection to a client without a certificate")]
    GrpcShutOut {
        /// The endpoint.
        server: String,
        /// The status.
        #[source]
        source: Box<tonic::Status>,
    },
    /// A gRPC server did not answer in time.
    #[cfg(feature = "grpc")]
    #[error("{server} does not answer {request} within {} s", after.as_secs_f32())]
    GrpcSilent {
        /// The socket or the endpoint.
        server: String,
        /// The method.
        request: &'static str,
        /// The time that it had.
        after: Duration,
    },
    /// A certificate or key cannot be used.
    #[cfg(feature = "grpc")]
    #[error("{} holds no certificate or key that can be used", path.display())]
    Certificate {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// A name cannot be part of a URI, or a client cannot be made of it.
    #[cfg(feature = "grpc")]
    #[error("cannot make a client of {server}")]
    GrpcClient {
        /// The endpoint.
        server: String,
        /// Why.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

/// An error with all of its causes on one line, for the evidence of a finding.
pub fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let words = cause.to_string();
        // Some libraries show their source themselves.
        if !words.is_empty() && !text.ends_with(&words) {
            text.push_str(": ");
            text.push_str(&words);
        }
        source = cause.source();
    }
    text
}
