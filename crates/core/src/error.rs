//! What can go wrong, one variant for each operation; the cause is the `source`.

#[cfg(feature = "effects")]
use std::io;
#[cfg(feature = "effects")]
use std::path::PathBuf;
#[cfg(feature = "effects")]
use std::time::Duration;

/// An operation of this crate that failed. The cause is in `source()` and not repeated here.
#[cfg(feature = "effects")]
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A folder could not be made.
    #[error("cannot create the folder {}", path.display())]
    CreateFolder {
        /// The folder, which is to hold a file that is written.
        path: PathBuf,
        /// What the system answered.
        #[source]
        source: io::Error,
    },
    /// A file could not be replaced; the one that was there, if any, is as it was.
    #[error("cannot write {}", path.display())]
    Write {
        /// The file that was to be replaced.
        path: PathBuf,
        /// What the system answered.
        #[source]
        source: io::Error,
    },
    /// A file could not be read.
    #[error("cannot read {}", path.display())]
    Read {
        /// The file, or a folder that was to be listed.
        path: PathBuf,
        /// What the system answered.
        #[source]
        source: io::Error,
    },
    /// A file of mvmhost's own cannot be used.
    #[error("cannot use {}: {why}", path.display())]
    State {
        /// The file by its declaration, without the root: `/var/lib/mvmhost/receipt.json`.
        path: PathBuf,
        /// The system's or the parser's words.
        why: String,
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
        /// Its absolute path.
        program: PathBuf,
        /// What the system answered.
        #[source]
        source: io::Error,
    },
    /// The output or the end of a running program could not be read; it was killed.
    #[error("cannot follow {}", program.display())]
    Follow {
        /// Its absolute path.
        program: PathBuf,
        /// What the system answered.
        #[source]
        source: io::Error,
    },
    /// A program ran longer than it was allowed to and was killed.
    #[error("{} did not finish within {} s and was killed", program.display(), after.as_secs_f32())]
    TimedOut {
        /// Its absolute path.
        program: PathBuf,
        /// The time that it had.
        after: Duration,
        /// The end of what it wrote on its standard error.
        stderr: String,
    },
}

/// An error with all of its causes on one line, for the evidence of a finding.
pub fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let message = cause.to_string();
        // Some libraries show their source themselves.
        if !message.is_empty() && !text.ends_with(&message) {
            text.push_str(": ");
            text.push_str(&message);
        }
        source = cause.source();
    }
    text
}
