//! What a program says: a row of the catalogue, and a finding, which is a row together with the data of
//! the moment.
//!
//! Belongs here: what every row has, and how its texts are filled in. Does not belong here: the rows
//! (`mvm-catalogue`), and where findings are shown (`mvm-core`).

mod entry;
mod finding;
pub mod packages;

pub use entry::{Entry, Exit, Severity};
pub use finding::Finding;
