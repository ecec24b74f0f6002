//! A pool on two files: from what the file asks for and what the machine shows to the steps between.
//!
//! Belongs here: every decision about such a pool, and the meaning of its receipt. Does not belong
//! here: looking at files or devices, which is `mvm_pool_kernel::loopback`.
//!
//! The order of trust is: a live pool, the receipt, the files. A live pool is never reloaded. What
//! the receipt knows is never made again. Files are made only where nothing ever was.

mod absent;
mod desired;
mod live;
mod observed;
pub mod place;
pub mod recorded;
mod recording;
mod step;
#[cfg(test)]
pub(crate) mod tests;

use mvm_core::catalogue::pool;
use mvm_core::{Entry, Finding, Plan};

pub use desired::Desired;
pub use live::is_ours;
pub use observed::{Attachment, Observed};
pub use step::Step;

use crate::thinpool::{self, Aside, Device, Recorded, UUID_PREFIX, device_mapper, name_taken};

/// Decides what is to be done about the pool.
pub fn plan(desired: &Desired, observed: &Observed) -> Plan<Step> {
    let name = &desired.pool.name;
    if let Some(finding) = device_mapper(&desired.pool, &observed.pool) {
        return Plan::new(Vec::new(), vec![finding]);
    }
    match &observed.pool.device {
        Device::Pool(live) => live::plan(desired, observed, live),
        Device::Other { target, table } => {
            Plan::new(Vec::new(), vec![name_taken(name, target, table)])
        }
        Device::Empty { uuid, .. } if !uuid.starts_with(UUID_PREFIX) => {
            let finding =
                pool::empty_foreign(name).evidence(format!("uuid {uuid:?}, no live table"));
            Plan::new(Vec::new(), vec![finding])
        }
        Device::Empty { .. } => {
            let remove = Step::RemoveEmptyDevice { name: name.clone() };
            absent::plan(desired, observed, vec![remove])
        }
        Device::Absent => absent::plan(desired, observed, Vec::new()),
    }
}

/// What can be set aside of the pool.
pub fn aside<'a>(desired: &'a Desired, observed: &Observed) -> Aside<'a> {
    let metadata = observed.metadata.as_ref().map(|_| desired.metadata_path());
    let data = observed.data.as_ref().map(|_| desired.data_path());
    let files = metadata.into_iter().chain(data).collect();
    let recorded = observed.receipt != Recorded::Absent;
    Aside { recorded, ..Aside::new(&desired.pool, &observed.pool, files) }
}

/// A refusal that says how the pool is set aside.
fn refusal(
    entry: &'static Entry,
    subject: impl Into<String>,
    desired: &Desired,
    observed: &Observed,
) -> Finding {
    thinpool::refusal(entry, subject, &aside(desired, observed))
}
