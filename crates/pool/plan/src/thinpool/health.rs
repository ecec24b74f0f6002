//! How a pool stands and what is wrong with it, by what device-mapper shows.

use mvm_core::Finding;
use mvm_core::catalogue::pool;

use super::device::Device;
use super::status::{LiveState, Mode, PoolState, ThinPoolStatus};
use super::{Observed, Pool};

/// Why device-mapper cannot be spoken to; nothing when it can.
pub fn device_mapper(desired: &Pool, observed: &Observed) -> Option<Finding> {
    observed.device_mapper.flaw().map(|why| pool::no_device_mapper(&desired.name, why))
}

/// The device of the pool's name is another one.
pub(crate) fn name_taken(name: &str, target: &str, table: &str) -> Finding {
    pool::name_taken(name, target).evidence(table)
}

/// How the pool stands, once it is live; `None` while it is not.
pub fn ready_finding(name: &str, device: &Device) -> Option<Finding> {
    let Device::Pool(live) = device else {
        return None;
    };
    let Ok(ThinPoolStatus::Working(working)) = live.state.status.parse() else {
        return None;
    };
    Some(
        pool::ready(name, working.data.percent(), working.metadata.percent())
            .evidence(live.state.table.to_string()),
    )
}

impl PoolState {
    /// What is wrong with the pool `name`; empty when it can serve.
    pub fn findings(&self, name: &str) -> Vec<Finding> {
        self.flaws(name).into_iter().chain(self.full(name)).collect()
    }

    /// That it has run out of space for data, when it has: nothing can be written then, and everything
    /// deleted.
    pub fn full(&self, name: &str) -> Option<Finding> {
        match self {
            Self::Live(live) if live.is_full() => Some(out_of_data_space(name, live)),
            _ => None,
        }
    }

    /// What is wrong beside that.
    pub fn flaws(&self, name: &str) -> Vec<Finding> {
        match self {
            Self::Absent | Self::Empty => vec![pool::not_live(name)],
            Self::Other { target, table } => {
                vec![name_taken(name, target, table)]
            }
            Self::Live(live) => flaws(name, live),
        }
    }
}

impl LiveState {
    /// Whether it has run out of space for data.
    pub fn is_full(&self) -> bool {
        let status = self.status.parse();
        matches!(status, Ok(ThinPoolStatus::Working(pool)) if pool.mode == Some(Mode::OutOfDataSpace))
    }
}

impl Device {
    /// That it is a live pool that has run out of space for data, when it is.
    pub fn full(&self, name: &str) -> Option<Finding> {
        match self {
            Self::Pool(live) if live.state.is_full() => Some(out_of_data_space(name, &live.state)),
            _ => None,
        }
    }
}

/// What the kernel says is wrong with a live pool, beside that it is full.
pub(crate) fn flaws(name: &str, live: &LiveState) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut report = |new: fn(&str) -> Finding| findings.push(new(name).evidence(&live.status));
    if live.suspended {
        report(|name| pool::suspended(name));
    }
    if live.second_table {
        report(|name| pool::second_table(name));
    }
    match live.status.parse() {
        Ok(ThinPoolStatus::Fail | ThinPoolStatus::Error) => report(|name| pool::failed(name)),
        Ok(ThinPoolStatus::Working(working)) => {
            if working.needs_check == Some(true) {
                report(|name| pool::needs_check(name));
            }
            match working.mode {
                // A pool that needs a check is read-only for that, and healed by the same.
                Some(Mode::ReadOnly) if working.needs_check == Some(true) => {}
                Some(Mode::ReadOnly) => report(|name| pool::read_only(name)),
                Some(Mode::OutOfDataSpace | Mode::ReadWrite) | None => {}
            }
        }
        Err(_) => report(|name| pool::status_unknown(name)),
    }
    findings
}

/// By how much the printed command makes a full pool longer: 10 GiB, in MiB.
const GROWTH: u64 = 10 << 10;

fn out_of_data_space(name: &str, live: &LiveState) -> Finding {
    let size = (live.table.shape.bytes() >> 20).saturating_add(GROWTH);
    pool::out_of_data_space(name, format!("{size}MiB")).evidence(&live.status)
}
