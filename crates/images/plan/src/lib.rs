//! Images: which are wanted and for whom, what a manifest may hold, which labels make it complete.
//!
//! Belongs here: every decision between a reference and the snapshots that flintlock looks for.
//! Does not belong here: talking to a registry or to containerd (`mvm-images-client`).

use mvm_config::Config;
use mvm_config::names::ImageRef;

pub mod anonymous;
pub mod archive;
pub mod auth;
pub mod fetch;
pub mod hosts;
pub mod kernel;
pub mod labels;
pub mod limits;
pub mod manifest;
pub mod platform;
pub mod proxy;
pub mod prune;
pub mod served;
pub mod state;

pub use manifest::Refusal;
pub use platform::Platform;
pub use state::State;

/// What flintlock does with an image, which decides the snapshotter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// `images.root`: the root disk of a microVM.
    Root,
    /// `images.kernel`: a file in it is the kernel of a microVM.
    Kernel,
}

impl Role {
    /// Where flintlock looks for images of this role.
    pub fn snapshotter(self) -> &'static str {
        match self {
            Self::Root => "devmapper",
            Self::Kernel => "native",
        }
    }
}

/// One image of the configuration.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RequestedImage {
    /// As the operator wrote it; containerd's record has exactly this name.
    pub reference: ImageRef,
    /// The list of `[images]` that it is in; an image in both lists is wanted twice.
    pub role: Role,
}

/// Every image that `[images]` asks for, each once, kernels first: they are small, and no microVM
/// starts without one.
pub fn requested_images(config: &Config) -> Vec<RequestedImage> {
    let images = &config.images;
    let kernels = images.kernel.iter().map(|reference| (reference, Role::Kernel));
    let roots = images.root.iter().map(|reference| (reference, Role::Root));
    let mut all: Vec<RequestedImage> = Vec::new();
    for (reference, role) in kernels.chain(roots) {
        let one = RequestedImage { reference: reference.clone(), role };
        if !all.contains(&one) {
            all.push(one);
        }
    }
    all
}

/// The platform whose images are wanted, on a machine of this architecture (Rust's name for it).
pub fn platform(config: &Config, architecture: &str) -> Platform {
    let configured = config.images.platform.as_deref().and_then(Platform::parse);
    configured.unwrap_or_else(|| Platform::of_machine(architecture))
}

#[cfg(test)]
mod tests;
