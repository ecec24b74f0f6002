//! Images: the registry's client, containerd's client, and the pull between them.
//!
//! Belongs here: asking registries and containerd, and moving bytes from the one to the other. Does
//! not belong here: which image is chosen, what is missing and which labels it gets
//! (`mvm_images_plan`).

pub mod archive;
pub mod attempts;
pub mod brought;
pub mod containerd;
mod error;
pub mod finding;
mod kernel;
pub mod microvm;
mod prune;
mod pull;
pub mod registry;
pub mod resolve;
pub mod run;
mod served;
mod transfer;
mod unpack;
pub mod verify;

pub use error::Error;
pub use pull::{Outcome, Puller};

use mvm_images_plan::RequestedImage;

/// The event loop of one run: one thread, with timers and sockets.
///
/// # Errors
/// [`Error::Runtime`]
pub(crate) fn runtime() -> Result<tokio::runtime::Runtime, Error> {
    tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(Error::Runtime)
}

/// An image and what became of it.
pub type ImageResult<T> = (RequestedImage, Result<T, Error>);

/// Nobody is told.
impl Progress for () {
    fn step(&self, _: &str, _: &str) {}
    fn expected(&self, _: &str, _: u64) {}
    fn bytes(&self, _: &str, _: u64) {}
    fn alive(&self) {}
}

/// Who is told how far a pull is.
pub trait Progress {
    /// An image has come to another step, such as `unpacking layer 2 of 3`.
    fn step(&self, image: &str, step: &str);
    /// So many bytes have to come for an image, at most.
    fn expected(&self, image: &str, bytes: u64);
    /// So many more bytes of an image have come.
    fn bytes(&self, image: &str, more: u64);
    /// The run goes on; said every ten seconds.
    fn alive(&self);
}
