//! Which backend decides: the pool on files, on LVM, or on devices of others.

use mvm_config::model::Backend;
use mvm_core::catalogue::pool;
use mvm_core::{Finding, Plan};

use crate::lvm;
use crate::thinpool::{Desired, Device, Observed, Step, UUID_PREFIX, absent, health, live, place};

/// Decides what is to be done about the pool.
pub fn plan(desired: &Desired, observed: &Observed) -> Plan<Step> {
    match desired.backend {
        Backend::Loop => loopback(desired, observed),
        Backend::External => Plan::new(Vec::new(), external(desired, observed)),
        Backend::Lvm => lvm::boot(desired, observed),
    }
}

fn external(desired: &Desired, observed: &Observed) -> Vec<Finding> {
    if let Some(finding) = place::device_mapper(desired, observed) {
        return vec![finding];
    }
    match &observed.device {
        Device::Pool(live) => health::health(&desired.name, &live.state),
        Device::Other { target, table } => vec![name_taken(desired, target, table)],
        Device::Absent | Device::Empty { .. } => {
            vec![pool::external_absent(&desired.name)]
        }
    }
}

fn loopback(desired: &Desired, observed: &Observed) -> Plan<Step> {
    if let Some(finding) = place::device_mapper(desired, observed) {
        return Plan::new(Vec::new(), vec![finding]);
    }
    match &observed.device {
        Device::Pool(live) => live::plan(desired, observed, live),
        Device::Other { target, table } => {
            Plan::new(Vec::new(), vec![name_taken(desired, target, table)])
        }
        Device::Empty { uuid, .. } if !uuid.starts_with(UUID_PREFIX) => {
            let finding = pool::empty_foreign(&desired.name)
                .evidence(format!("uuid {uuid:?}, no live table"));
            Plan::new(Vec::new(), vec![finding])
        }
        Device::Empty { .. } => {
            let remove = Step::RemoveEmptyDevice { name: desired.name.clone() };
            absent::plan(desired, observed, vec![remove])
        }
        Device::Absent => absent::plan(desired, observed, Vec::new()),
    }
}

fn name_taken(desired: &Desired, target: &str, table: &str) -> Finding {
    pool::name_taken(&desired.name, target).evidence(table)
}
