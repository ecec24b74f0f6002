//! Effects on the network, by rtnetlink.
//!
//! Belongs here: reading the machine's interfaces and routes, and doing one planned step. Does not
//! belong here: deciding, which is `plan::network`.

mod apply;
mod error;
mod kernel;
mod machine_id;
mod message;

pub use apply::{Outcome, bring_up};
pub use error::{Answer, Error};
pub use kernel::{Kernel, Network};
pub use machine_id::machine_id;
