//! What can go wrong, one variant for each operation; the cause is the `source`.

use std::path::PathBuf;

/// An operation of this crate that failed. The cause is in `source()` and not repeated here.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A file could not be read or written.
    #[error("cannot keep certificates")]
    File(#[source] mvm_core::Error),
    /// Another program is making certificates, or the folder cannot be locked.
    #[error("cannot lock {}", folder.display())]
    Lock {
        /// /etc/mvmhost/tls, below the root.
        folder: PathBuf,
        /// What the system answered when it, or its folder `clients`, was made, opened or locked.
        #[source]
        source: std::io::Error,
    },
    /// A key or a certificate could not be made or read.
    #[error("cannot make {stem}")]
    Make {
        /// The file below /etc/mvmhost/tls, without an extension: `clients/capmvm`.
        stem: String,
        /// What rcgen reported on making a key, reading the authority or signing.
        #[source]
        source: rcgen::Error,
    },
    /// The date of a certificate cannot be written.
    #[error("the clock shows no date that a certificate can have")]
    Date(#[source] time::error::ComponentRange),
    /// The certificate and the key that were given are no authority.
    #[error("{}: {why}", path.display())]
    NoAuthority {
        /// The file that does not fit: the certificate or its key.
        path: PathBuf,
        /// A clause that follows the path: `it is not the key of that certificate`.
        why: String,
    },
}
