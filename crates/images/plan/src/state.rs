//! What an image lacks on this host, and what that means to the operator.

use mvm_core::catalogue::img;
use mvm_core::{Digest, Finding};
use serde::Deserialize;

use super::RequestedImage;

/// What an image lacks.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// Nothing: flintlock finds it.
    Complete,
    /// There is no record of this name.
    Unknown,
    /// A blob is not in containerd's store, or not as its digest says.
    Blob(Digest),
    /// No snapshotter has its uppermost snapshot, or it has no layers.
    NotUnpacked,
    /// It is unpacked with another snapshotter than the one where flintlock looks.
    Elsewhere(String),
    /// It is unpacked, and holds no kernel for this machine.
    NoKernel {
        /// Path in the image.
        file: String,
        /// In words that follow the file's name.
        problem: String,
    },
    /// What containerd has under this name is no image for this machine: why.
    NotUsable(String),
}

impl State {
    /// What there is to say; `None` for an image that lacks nothing.
    pub fn finding(&self, requested: &RequestedImage) -> Option<Finding> {
        let subject = requested.reference.as_str();
        let snapshotter = requested.role.snapshotter();
        let incomplete = |problem| Some(img::incomplete(subject, problem));
        match self {
            Self::Complete => None,
            Self::Unknown => incomplete("containerd does not know it".to_owned()),
            Self::Blob(digest) => incomplete(format!("blob {digest} is missing or damaged")),
            Self::NotUnpacked => incomplete(format!("it is not unpacked with {snapshotter}")),
            Self::Elsewhere(other) => {
                let evidence = format!("its uppermost layer is in {other}, none in {snapshotter}");
                Some(img::elsewhere(subject, other, snapshotter).evidence(evidence))
            }
            Self::NoKernel { file, problem } => {
                let none = img::no_kernel(subject, file, problem);
                Some(none.evidence(format!("{file} {problem}")))
            }
            Self::NotUsable(why) => Some(img::not_usable(subject, why)),
        }
    }
}
