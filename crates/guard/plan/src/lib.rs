//! What is to be done while a pool fills up: warn, grow, brake, release.
//!
//! Belongs here: the decision from figures, the steps of growing a pool on files, the text of the
//! metrics. Does not belong here: asking the kernel, waiting, doing.
//!
//! Growing comes first. The brake is for a pool that cannot grow: flintlockd is stopped, which
//! leaves running microVMs as they are, because a microVM that cannot write loses more than one
//! that was never made.

mod decide;
mod due;
mod grow;
mod metrics;
#[cfg(test)]
mod tests;

use mvm_config::Config;
use mvm_pool_plan::thinpool::{Mode, Working};
use serde::Serialize;

pub use decide::{Brake, Decision, decide, step, up_to};
pub use due::{LATEST, due};
pub use grow::{GrowStep, Growing, plan as plan_growth};
pub use metrics::{Standing, text as metrics};

/// Below which a brake is released: so many points under brake-percent, so that a pool at the edge
/// does not start and stop flintlockd again and again.
pub const RELEASE_MARGIN: u8 = 5;

/// The operator's wishes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Policy {
    /// `warn-percent`, 1 to 100: from this fill of the data on the pool is grown.
    pub warn: u8,
    /// `grow-percent` of the pool's size at that moment.
    pub grow: u8,
    /// `brake-percent`, 1 to 100; at 100 nothing brakes, and a brake that is set is released.
    pub brake: u8,
    /// Bytes up to which the pool may be grown; `None` where mvmhost does not grow it.
    pub largest: Option<u64>,
}

impl Policy {
    /// From the configuration of a pool on files.
    pub fn new(config: &Config) -> Self {
        let guard = &config.thinpool.guard;
        Self {
            warn: guard.warn_percent.0,
            grow: guard.grow_percent.0,
            brake: guard.brake_percent.0,
            largest: Some(config.thinpool.loopback.max_data_size.0),
        }
    }

    /// For an operator who makes a pool on LVM longer: of a volume group nothing has to stay free
    /// for others.
    pub fn by_hand_on_lvm(self) -> Self {
        Self { brake: 100, largest: Some(u64::MAX), ..self }
    }
}

/// A live pool in numbers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Figures {
    /// What the kernel says.
    pub pool: Working,
    /// One block of data, in bytes.
    pub block: u64,
    /// Length of the data, in bytes.
    pub size: u64,
    /// Where growth comes from; `None` where mvmhost does not know.
    pub room: Option<Room>,
    /// A growing that was interrupted.
    pub unfinished: Option<Unfinished>,
}

impl Figures {
    /// Whether the kernel counts the pool as full although blocks are free: it has not looked since.
    pub fn is_stuck(&self) -> bool {
        self.pool.mode == Some(Mode::OutOfDataSpace) && self.pool.data.used < self.pool.data.total
    }
}

/// What was begun and not ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Unfinished {
    /// Bytes to which the pool was being grown.
    pub size: u64,
    /// Bytes of that which the file system has yet to give.
    pub missing: u64,
}

/// The file system under the pool's files, or the volume group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Room {
    /// A directory or a volume group.
    pub place: String,
    /// Bytes it has.
    pub total: u64,
    /// Bytes of it that can still be had.
    pub free: u64,
    /// Bytes of the free ones that the pool was promised and has not used yet: holes in its files.
    pub promised: u64,
}

impl Room {
    /// Whether at least this part of it is used.
    pub fn is_past(&self, percent: u8) -> bool {
        past(self.total.saturating_sub(self.free), self.total, percent)
    }

    /// How much of it is used, in percent, rounded down.
    pub fn percent(&self) -> u8 {
        let used = u128::from(self.total.saturating_sub(self.free));
        u8::try_from(used * 100 / u128::from(self.total.max(1))).unwrap_or(u8::MAX)
    }
}

/// Exact, unlike a comparison of rounded percents.
fn past(used: u64, total: u64, percent: u8) -> bool {
    u128::from(used) * 100 >= u128::from(total) * u128::from(percent) && total > 0
}
