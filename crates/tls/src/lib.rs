//! Certificates of flintlockd's API, below /etc/mvmhost/tls: what there is, and making what the plan
//! says.
//!
//! Belongs here: reading and writing certificates and keys, this host's names, the Secret that
//! Cluster API reads. Does not belong here: what is due, outside of [`plan`].

mod error;
mod issue;
mod lock;
mod names;
mod observe;
pub mod plan;
mod secret;
#[cfg(test)]
mod tests;

pub use error::Error;
pub use issue::{apply, import};
pub use lock::lock;
pub use names::{is_name, names};
pub use observe::observe;
pub use secret::{Opaque, material, secret};
