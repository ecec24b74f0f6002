//! What a failure means to the operator.

use mvm_core::catalogue::img;
use mvm_core::{Finding, chain};
use mvm_images_plan::{RequestedImage, Role};
use tonic::Code;

use crate::Error;

/// The finding for an image that could not be made complete.
pub fn failed(requested: &RequestedImage, error: &Error) -> Finding {
    let subject = requested.reference.as_str();
    let registry = requested.reference.registry();
    let snapshotter = requested.role.snapshotter();
    let finding = match error.cause() {
        Error::Unauthorized { .. } => img::denied(subject, registry),
        Error::Helper { helper, .. } => img::helper(subject, helper, registry),
        Error::Early { now, from, .. } => img::clock(subject, registry, day(*now), day(*from)),
        Error::Untrusted { .. } => img::untrusted(subject, registry),
        Error::Digest { .. } | Error::Damaged { .. } => img::wrong_bytes(subject),
        Error::Refused(refusal) => img::not_usable(subject, refusal),
        Error::Kernel { file, problem } => img::no_kernel(subject, file, problem),
        Error::Containerd { source, .. } if is_unloaded(source) => {
            img::no_snapshotter(subject, snapshotter)
        }
        Error::Containerd { .. } | Error::Write(_) | Error::Connect { .. } => {
            img::containerd_refuses(subject)
        }
        Error::NoRoom { .. } => img::held(subject),
        Error::Budget { .. } => img::out_of_time(subject),
        _ => img::not_fetched(subject, registry),
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
