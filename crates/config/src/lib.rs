//! The text of `/etc/mvmhost.toml` becomes a validated [`Config`].
//!
//! Belongs here: the schema with its defaults, reading and merging the files, every refused
//! combination, the typed quantities and names. Does not belong here: anything that looks at the
//! machine or decides what to do about it (a domain's `kernel` and `plan`).

pub mod arch;
mod defaults;
mod describe;
mod files;
pub mod last_good;
pub mod load;
pub mod model;
pub mod names;
pub mod places;
mod problem;
pub mod quantities;
mod refuse;
mod schema;
mod show;
mod syntax;
mod walk;

pub use describe::{json_schema, man_keys};
pub use files::write_back;
pub use load::{Loaded, Problem, SetKeys, Source};
pub use model::Config;
pub use quantities::Invalid;
pub use show::to_toml;
