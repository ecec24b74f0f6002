//! What an error finding about the pool means for the caller's exit code.

use mvm_diagnostics::catalogue::{disk, pool};
use mvm_diagnostics::{Entry, Finding, Severity};

/// How a run ended, from best to worst for the data.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Class {
    /// No finding of severity error.
    Fine,
    /// Something is wrong with the pool.
    Broken,
    /// Something that the pool needs is not there.
    Unavailable,
    /// Going on could lose data.
    Refused,
}

impl Class {
    /// The exit code of design/cli.md.
    pub fn exit_code(self) -> u8 {
        match self {
            Self::Fine => 0,
            Self::Broken => 1,
            Self::Unavailable => 69,
            Self::Refused => 73,
        }
    }
}

/// The worst class among the findings.
pub fn class(findings: &[Finding]) -> Class {
    findings
        .iter()
        .filter(|finding| finding.severity() == Severity::Error)
        .map(|finding| of(finding.entry()))
        .max()
        .unwrap_or(Class::Fine)
}

fn of(entry: &'static Entry) -> Class {
    let among = |list: &[&'static Entry]| list.iter().any(|other| other.code == entry.code);
    if among(REFUSALS) {
        Class::Refused
    } else if among(UNAVAILABLE) {
        Class::Unavailable
    } else {
        Class::Broken
    }
}

static UNAVAILABLE: &[&Entry] = &[
    &pool::NO_DEVICE_MAPPER,
    &pool::NO_LOOP,
    &pool::LOOP_EXHAUSTED,
    &pool::THIN_CHECK_MISSING,
    &pool::EXTERNAL_ABSENT,
    &disk::LVM_MISSING,
    &disk::NO_POOL,
    &disk::GROUP_PARTIAL,
];

static REFUSALS: &[&Entry] = &[
    &pool::NAME_TAKEN,
    &pool::OTHER_FILES,
    &pool::EMPTY_FOREIGN,
    &pool::DATABASES_WITHOUT_POOL,
    &pool::BLANK_METADATA,
    &pool::DATA_ALONE,
    &pool::METADATA_ALONE,
    &pool::NOT_METADATA,
    &pool::NOT_A_FILE,
    &pool::FILE_SHORT,
    &pool::RECEIPT_UNREADABLE,
    &pool::RECEIPT_VERSION,
    &pool::RECEIPT_OTHER,
    &pool::FILE_MISSING,
    &pool::FILE_TRUNCATED,
    &pool::FILE_GROWN,
    &pool::FILE_SWAPPED,
    &pool::METADATA_WIPED,
    &pool::BLOCK_SIZE_CHANGED,
    &pool::DATABASE_GONE,
    &pool::FILES_IN_USE,
    &pool::CHECK_FAILED,
    &pool::FILE_SYSTEM_REFUSED,
    &disk::UNUSABLE,
    &disk::OCCUPIED,
    &disk::CHANGED,
    &disk::TOO_SMALL,
    &disk::DATABASES,
    &disk::GROUP_FOREIGN,
    &disk::GROUP_TWICE,
    &disk::NOT_A_POOL,
    &disk::GONE,
    &disk::OTHER_VOLUME,
    &disk::RECEIPT_UNREADABLE,
];
