//! The pool is live and takes writes.

use mvm_config::Config;
use mvm_core::{Finding, catalogue};
use mvm_pool_plan::thinpool::PoolState;

use super::Observed;

/// What device-mapper says of the pool is fine, or findings. `pool` is an error text when
/// device-mapper could not be asked.
pub fn check(config: &Config, pool: &Result<PoolState, String>) -> Vec<Finding> {
    found(config, pool, |state, name| allowed(state, name, is_unbraked(config)))
}

/// The same for containerd, by which what fills a pool is deleted.
pub fn for_containerd(config: &Config, pool: &Result<PoolState, String>) -> Vec<Finding> {
    let unbraked = is_unbraked(config);
    found(config, pool, |state, name| allowed(state, name, unbraked).filter(|_| unbraked))
}

/// The same on a host whose brake may be switched off for a time.
pub(super) fn of_host(config: &Config, observed: &Observed) -> Vec<Finding> {
    let unbraked = is_unbraked(config) || observed.brake_off.is_some();
    found(config, &observed.pool, |state, name| allowed(state, name, unbraked))
}

fn is_unbraked(config: &Config) -> bool {
    config.thinpool.guard.brake_percent.0 >= 100
}

/// `full` is what there is to say of a full pool.
fn found(
    config: &Config,
    pool: &Result<PoolState, String>,
    full: impl Fn(&PoolState, &str) -> Option<Finding>,
) -> Vec<Finding> {
    let name = config.thinpool.name.as_str();
    match pool {
        Ok(state) => state.flaws(name).into_iter().chain(full(state, name)).collect(),
        Err(why) => {
            let unasked = catalogue::pool::no_device_mapper(name, "does not answer");
            vec![unasked.evidence(why)]
        }
    }
}

/// With no brake flintlockd runs on a full pool too: microVMs are deleted through it.
fn allowed(state: &PoolState, name: &str, unbraked: bool) -> Option<Finding> {
    let full = state.full(name)?;
    if !unbraked {
        return Some(full);
    }
    Some(catalogue::pool::full_unbraked(name).evidence(full.evidence_text()))
}
