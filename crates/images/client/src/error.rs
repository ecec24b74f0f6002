//! What can go wrong, one variant for each operation; the cause is the `source`.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use mvm_images_plan::Refusal;

/// An operation on images that failed. The cause is in `source()` and not repeated here.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The event loop could not be made.
    #[error("cannot start an event loop")]
    Runtime(#[source] io::Error),
    /// Another run holds the lock, or the lock cannot be made.
    #[error("cannot lock {}", path.display())]
    Lock {
        /// `images.lock` in the runtime folder.
        path: PathBuf,
        /// The kernel's answer.
        #[source]
        source: io::Error,
    },
    /// The HTTP client could not be made.
    #[error("cannot make an HTTP client")]
    Http(#[source] reqwest::Error),
    /// TLS cannot be set up.
    #[error("cannot set up TLS")]
    Tls(#[source] rustls::Error),
    /// Several servers were asked, or one by way of a proxy, and none gave it.
    #[error("{answers}")]
    NoServer {
        /// Each with its answer, a line each.
        answers: String,
        /// The error of the server that was asked last; [`Error::cause`] goes by it.
        last: Box<Error>,
    },
    /// A registry did not answer, or broke off.
    #[error("cannot read {url}")]
    Request {
        /// What was asked for, without a query.
        url: String,
        /// Of the HTTP client, without the URL.
        #[source]
        source: reqwest::Error,
    },
    /// Nobody on this host vouches for a registry's certificate.
    #[error("{url} shows a certificate that is not trusted here")]
    Untrusted {
        /// What was asked for, without a query.
        url: String,
        /// Of the HTTP client, without the URL.
        #[source]
        source: reqwest::Error,
    },
    /// A registry's certificate does not hold yet, going by this host's clock.
    #[error("the certificate of {url} does not hold yet")]
    Early {
        /// What was asked for, without a query.
        url: String,
        /// What the clock shows, in seconds since 1970.
        now: u64,
        /// From when it holds, in seconds since 1970.
        from: u64,
        /// Of the HTTP client, without the URL.
        #[source]
        source: reqwest::Error,
    },
    /// A registry answered with something else.
    #[error("{url} answers with status {status}{}", suffix(message))]
    Status {
        /// What was asked for, without a query.
        url: String,
        /// The HTTP status, such as 404.
        status: u16,
        /// The registry's own words; may be empty.
        message: String,
    },
    /// containerd's hosts.toml lets nobody be asked.
    #[error("the hosts.toml of {registry} lets no server be asked for this")]
    Nobody {
        /// The registry in the image's name.
        registry: String,
    },
    /// The certificate that a registry is to be shown, or its key, cannot be used.
    #[error("cannot show the certificate {}: {why}", path.display())]
    ClientCertificate {
        /// The file that should hold the certificate or its key, PEM.
        path: PathBuf,
        /// The kernel's answer, or what is wrong with the file.
        why: String,
    },
    /// The registry wants a login, or another one.
    #[error("{host} denies access (status {status}){}", suffix(about))]
    Unauthorized {
        /// `host[:port]`
        host: String,
        /// 401 or 403.
        status: u16,
        /// What was shown, or why nothing was; may be empty.
        about: String,
    },
    /// The registry wants a login, and the program that should have it gave none.
    #[error("{host} wants a login, and {about}")]
    Helper {
        /// `host[:port]`
        host: String,
        /// The credential helper, as the login file names it.
        helper: String,
        /// What became of asking it.
        about: String,
    },
    /// A redirect that is not followed.
    #[error("{url} redirects {problem}")]
    Redirect {
        /// What was asked for, without a query.
        url: String,
        /// `too often`, `to no address`, `from TLS to plain HTTP`.
        problem: &'static str,
    },
    /// More bytes than such a thing has, or fewer than were announced.
    #[error("{url} answers with {problem}")]
    Length {
        /// What was asked for, without a query.
        url: String,
        /// Such as `more than 4194304 bytes` or `7 bytes in place of 9`.
        problem: String,
    },
    /// The transfer is slower than anything that gets done.
    #[error("{url} takes longer than {} s", after.as_secs())]
    Slow {
        /// What was asked for, without a query.
        url: String,
        /// The longest that it may take.
        after: Duration,
    },
    /// An archive cannot be read, or is none.
    #[error("cannot read images from {}", path.display())]
    Archive {
        /// The tar file that images are read from.
        path: PathBuf,
        /// The kernel's answer, or what is wrong with the archive.
        #[source]
        source: io::Error,
    },
    /// An archive cannot be written.
    #[error("cannot write images to {}", path.display())]
    Export {
        /// The tar file that is to hold the images.
        path: PathBuf,
        /// The kernel's answer.
        #[source]
        source: io::Error,
    },
    /// A blob that an image consists of is not where it should be.
    #[error("{place} has no whole {digest}")]
    Missing {
        /// `containerd`, or the archive.
        place: String,
        /// The blob, or the image.
        digest: String,
    },
    /// The bytes are not those of the digest.
    #[error("{object} has another digest than {expected}")]
    Digest {
        /// The URL or the layer.
        object: String,
        /// The digest that was wanted.
        expected: String,
    },
    /// A layer that containerd had was damaged or gone when it was unpacked, and is thrown away.
    #[error("layer {layer} is not whole on the disk")]
    Damaged {
        /// Its digest.
        layer: String,
    },
    /// The image cannot be used here.
    #[error("not usable: {0}")]
    Refused(Refusal),
    /// The kernel is missing in its image, or none.
    #[error("{file} in the image {problem}")]
    Kernel {
        /// Path in the image.
        file: String,
        /// In words that follow the file's name.
        problem: String,
    },
    /// What mvmhost brought cannot be read or written down.
    #[error("{}: {why}", path.display())]
    OwnFile {
        /// The record of what mvmhost brought, or the list of what mvm-registry gives out.
        path: PathBuf,
        /// The kernel's answer, or why it is no such file.
        why: String,
    },
    /// What was unpacked cannot be brought to the disk.
    #[error("cannot write back {}", path.display())]
    Sync {
        /// A folder on the file system that syncfs(2) was asked to write back.
        path: PathBuf,
        /// The kernel's answer.
        #[source]
        source: io::Error,
    },
    /// The pool has no room.
    #[error("nothing more goes into the pool: {why}")]
    NoRoom {
        /// What mvm-guard says.
        why: String,
    },
    /// Everything together took too long.
    #[error("not done within {} s", after.as_secs())]
    Budget {
        /// `[images] timeout`
        after: Duration,
    },
    /// containerd cannot be reached.
    #[error("cannot connect to {}", socket.display())]
    Connect {
        /// The socket of the configured containerd instance.
        socket: PathBuf,
        /// Of the gRPC client.
        #[source]
        source: tonic::transport::Error,
    },
    /// containerd refused or broke off.
    #[error("containerd refuses {call} {subject}")]
    Containerd {
        /// Service and method of containerd's API, such as `Snapshots.Prepare`.
        call: &'static str,
        /// Digest, snapshot or image.
        subject: String,
        /// containerd's answer.
        #[source]
        source: Box<tonic::Status>,
    },
    /// containerd ended a write without an answer.
    #[error("containerd breaks off writing {0}")]
    Write(String),
    /// The file with the logins cannot be used.
    #[error("cannot read logins from {}", path.display())]
    Logins {
        /// `images.auth_file`, or the credential of mvm-images.service.
        path: PathBuf,
        /// The kernel's answer.
        #[source]
        source: io::Error,
    },
    /// The file with the logins is no docker config.json.
    #[error("{} is no docker config.json: {place}", path.display())]
    LoginsText {
        /// `images.auth_file`, or the credential of mvm-images.service.
        path: PathBuf,
        /// Where it stops being one.
        place: String,
    },
}

impl Error {
    /// Whether the same server may do better another time.
    pub(crate) fn is_passing(&self) -> bool {
        matches!(self.cause(), Self::Request { .. } | Self::Slow { .. } | Self::Length { .. })
    }

    /// What went wrong at last, where several were asked.
    pub fn cause(&self) -> &Self {
        match self {
            Self::NoServer { last, .. } => last.cause(),
            other => other,
        }
    }

    /// Whether a server that was asked over plain HTTP may speak TLS: it breaks off, or says that
    /// this was no request.
    pub(crate) fn is_tls_perhaps(&self) -> bool {
        match self.cause() {
            Self::Status { status: 400, .. } => true,
            Self::Request { source, .. } => !source.is_connect() && !source.is_timeout(),
            _ => false,
        }
    }

    /// A refusal of containerd.
    pub(crate) fn refused(
        call: &'static str,
        subject: impl Into<String>,
        status: tonic::Status,
    ) -> Self {
        Self::Containerd { call, subject: subject.into(), source: Box::new(status) }
    }
}

/// What follows a message, where there is something.
fn suffix(about: &str) -> String {
    if about.is_empty() { String::new() } else { format!(": {about}") }
}
