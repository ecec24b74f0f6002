//! Everything mvmhost can say.
//!
//! Belongs here: the catalogue (the one place for text that an operator reads), the [`Finding`]
//! that carries data to it, the sinks (journal, kmsg, terminal, JSON) and the renderers of the
//! journal catalog and of mvmhost-diagnostics(7). Does not belong here: deciding that something
//! is wrong, which is `plan`.

pub mod catalogue;
mod entry;
mod finding;
pub mod json;
pub mod kmsg;
pub mod packages;
pub mod remedy;
pub mod render;
#[cfg(feature = "journal")]
pub mod sink;
pub mod terminal;

pub use entry::{Entry, Exit, Severity};
pub use finding::Finding;
