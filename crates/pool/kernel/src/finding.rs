//! An error as the operator reads it.

use std::error::Error as _;
use std::io;
use std::path::Path;

use mvm_core::Finding;
use mvm_core::catalogue::{disk, pool};

use crate::Error;
use crate::operation::Meaning;

impl Error {
    /// The catalogue's words for a step that failed; `name` is the pool's.
    pub fn finding(&self, name: &str) -> Finding {
        if let Some(path) = self.full_disk() {
            return Finding::new(&pool::DISK_FULL, path).evidence(self.chain());
        }
        match self {
            Self::CheckFailed { path, outcome, .. } => {
                let path = path.display().to_string();
                Finding::new(&pool::CHECK_FAILED, &path).with("path", &path).evidence(outcome)
            }
            Self::NoFreeLoop { path, .. } => {
                Finding::new(&pool::LOOP_EXHAUSTED, path.display().to_string())
                    .evidence(self.chain())
            }
            Self::Node { .. } => Finding::new(&pool::NODE_MISSING, name).evidence(self.chain()),
            Self::Mapper { operation, source, .. } => match operation.meaning() {
                Meaning::NotActivated => Finding::new(&pool::ACTIVATION_FAILED, name)
                    .with("why", source)
                    .evidence(self.chain()),
                Meaning::Unknown => {
                    Finding::new(&pool::OBSERVE_FAILED, name).with("why", self.chain())
                }
                Meaning::NotDone => Finding::new(&pool::MAPPER_REFUSED, name)
                    .with("operation", operation)
                    .with("why", source)
                    .evidence(self.chain()),
            },
            Self::Look { .. } | Self::LoopStatus { .. } | Self::Lock { .. } => {
                Finding::new(&pool::OBSERVE_FAILED, name).with("why", self.chain())
            }
            Self::CommandFailed { command, outcome } => Finding::new(&disk::COMMAND_FAILED, name)
                .with("command", command)
                .with("why", outcome)
                .evidence(outcome),
            Self::Undo { undo, source } => {
                let first = source.finding(name);
                let seen = format!("{}; not taken back: {undo}", first.seen());
                first.evidence(seen)
            }
            _ => Finding::new(&pool::STEP_FAILED, name).with("why", self.chain()),
        }
    }

    /// The file whose file system is full, when that is the cause.
    fn full_disk(&self) -> Option<String> {
        let path: &Path = match self {
            Self::CreateDirectory { path, .. }
            | Self::CreateFile { path, .. }
            | Self::ExtendFile { path, .. }
            | Self::Allocate { path, .. }
            | Self::Copy { path, .. }
            | Self::Sync { path, .. } => path,
            Self::Receipt { source: mvm_core::Error::Write { path, .. } } => path,
            Self::Receipt { source: mvm_core::Error::CreateFolder { path, .. } } => path,
            _ => return None,
        };
        let mut cause = self.source();
        while let Some(error) = cause {
            let full = error.downcast_ref::<io::Error>().is_some_and(|error| {
                matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
            });
            if full {
                let folder = path.parent().unwrap_or(path);
                return Some(folder.display().to_string());
            }
            cause = error.source();
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;
    use crate::Operation;

    #[test]
    fn only_a_failed_activation_is_called_one() {
        let source = || io::Error::from_raw_os_error(5);
        let of = |operation| Error::Mapper { operation, name: "p".to_owned(), source: source() };
        for (operation, entry) in [
            (Operation::Resume, &pool::ACTIVATION_FAILED),
            (Operation::Look, &pool::OBSERVE_FAILED),
            (Operation::Commit, &pool::MAPPER_REFUSED),
            (Operation::Remove, &pool::MAPPER_REFUSED),
        ] {
            assert_eq!(of(operation).finding("p").code(), entry.code, "{operation}");
        }
    }

    #[test]
    fn a_full_disk_is_called_by_its_name() {
        let full = Error::CreateFile {
            path: PathBuf::from("/var/x/data"),
            size: 1,
            source: io::Error::from_raw_os_error(28),
        };
        let finding = full.finding("p");
        assert_eq!((finding.code(), finding.subject()), (pool::DISK_FULL.code, "/var/x"));
    }

    #[test]
    fn both_errors_are_reported() {
        let first = Error::Mapper {
            operation: Operation::Resume,
            name: "p".to_owned(),
            source: io::Error::from_raw_os_error(22),
        };
        let both = Error::Undo { undo: "cannot remove p: busy".to_owned(), source: first.into() };
        let finding = both.finding("p");
        assert_eq!(finding.code(), pool::ACTIVATION_FAILED.code);
        assert!(finding.message().contains("Invalid argument"), "{}", finding.message());
        assert!(finding.seen().contains("not taken back: cannot remove p: busy"));
        assert!(both.chain().starts_with("after a failure"));
    }
}
