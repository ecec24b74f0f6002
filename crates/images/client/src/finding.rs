//! What a failure means to the operator.

use mvm_core::catalogue::img;
use mvm_core::{Finding, chain};
use mvm_images_plan::{Role, Wanted};
use tonic::Code;

use crate::Error;

/// The finding for an image that could not be made complete.
pub fn failed(wanted: &Wanted, error: &Error) -> Finding {
    let subject = wanted.reference.as_str();
    let registry = wanted.reference.registry();
    let snapshotter = wanted.role.snapshotter();
    let finding = match error.cause() {
        Error::Unauthorized { .. } => {
            Finding::new(&img::DENIED, subject).with("registry", registry)
        }
        Error::Helper { helper, .. } => {
            Finding::new(&img::HELPER, subject).with("registry", registry).with("helper", helper)
        }
        Error::Early { now, from, .. } => {
            let early = Finding::new(&img::CLOCK, subject).with("registry", registry);
            early.with("now", day(*now)).with("from", day(*from))
        }
        Error::Untrusted { .. } => {
            Finding::new(&img::UNTRUSTED, subject).with("registry", registry)
        }
        Error::Digest { .. } => Finding::new(&img::WRONG_BYTES, subject),
        Error::Refused(refusal) => Finding::new(&img::NOT_USABLE, subject).with("why", refusal),
        Error::Kernel { file, problem } => {
            Finding::new(&img::NO_KERNEL, subject).with("file", file).with("problem", problem)
        }
        Error::Containerd { source, .. } if is_unloaded(source) => {
            Finding::new(&img::NO_SNAPSHOTTER, subject).with("snapshotter", snapshotter)
        }
        Error::Containerd { .. } | Error::Write(_) | Error::Connect { .. } => {
            Finding::new(&img::CONTAINERD_REFUSES, subject)
        }
        Error::Held { .. } => Finding::new(&img::HELD, subject),
        Error::Budget { .. } => Finding::new(&img::OUT_OF_TIME, subject),
        _ => Finding::new(&img::NOT_FETCHED, subject).with("registry", registry),
    };
    finding.evidence(chain(error))
}

fn day(seconds: u64) -> String {
    mvm_core::day(i64::try_from(seconds).unwrap_or(i64::MAX))
}

/// What an image is for, in a word.
pub fn role(role: Role) -> &'static str {
    match role {
        Role::Root => "root",
        Role::Kernel => "kernel",
    }
}

fn is_unloaded(status: &tonic::Status) -> bool {
    status.code() == Code::InvalidArgument && status.message().contains("snapshotter not loaded")
}
