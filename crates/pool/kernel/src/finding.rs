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
            return pool::disk_full(path).evidence(self.chain());
        }
        match self {
            Self::CheckFailed { path, outcome, .. } => {
                let path = path.display().to_string();
                pool::check_failed(&path, &path).evidence(outcome)
            }
            Self::NoFreeLoop { path, .. } => {
                pool::loop_exhausted(path.display().to_string()).evidence(self.chain())
            }
            Self::Node { .. } => pool::node_missing(name).evidence(self.chain()),
            Self::Mapper { operation, source, .. } => match operation.meaning() {
                Meaning::NotActivated => {
                    pool::activation_failed(name, source).evidence(self.chain())
                }
                Meaning::Unknown => pool::observe_failed(name, self.chain()),
                Meaning::NotDone => {
                    pool::mapper_refused(name, operation, source).evidence(self.chain())
                }
            },
            Self::Look { .. } | Self::LoopStatus { .. } | Self::Lock { .. } => {
                pool::observe_failed(name, self.chain())
            }
            Self::CommandFailed { command, outcome } => {
                disk::command_failed(name, command, outcome).evidence(outcome)
            }
            Self::Undo { undo, source } => {
                let first = source.finding(name);
                let evidence = format!("{}; not taken back: {undo}", first.evidence_text());
                first.evidence(evidence)
            }
            _ => pool::step_failed(name, self.chain()),
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
            (Operation::Resume, &pool::activation_failed::ROW),
            (Operation::Look, &pool::observe_failed::ROW),
            (Operation::Commit, &pool::mapper_refused::ROW),
            (Operation::Remove, &pool::mapper_refused::ROW),
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
        assert_eq!((finding.code(), finding.subject()), (pool::disk_full::ROW.code, "/var/x"));
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
        assert_eq!(finding.code(), pool::activation_failed::ROW.code);
        assert!(finding.message().contains("Invalid argument"), "{}", finding.message());
        assert!(finding.evidence_text().contains("not taken back: cannot remove p: busy"));
        assert!(both.chain().starts_with("after a failure"));
    }
}
