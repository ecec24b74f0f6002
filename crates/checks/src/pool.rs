//! The pool is live and takes writes.

use mvm_config::Config;
use mvm_core::{Finding, catalogue};
use mvm_pool_plan::thinpool::PoolState;

use super::Facts;

/// What device-mapper says of the pool is fine, or findings. `pool` is an error text when
/// device-mapper could not be asked.
pub fn check(config: &Config, pool: &Result<PoolState, String>) -> Vec<Finding> {
    let name = config.thinpool.name.as_str();
    match pool {
        Ok(state) => {
            let unbraked = config.thinpool.guard.brake_percent.0 >= 100;
            state.findings(name).into_iter().map(|one| allowed(one, unbraked)).collect()
        }
        Err(why) => {
            let unasked = catalogue::pool::no_device_mapper(name, "does not answer");
            vec![unasked.evidence(why)]
        }
    }
}

/// The same on a host whose brake may be switched off for a time.
pub(super) fn of_host(config: &Config, facts: &Facts) -> Vec<Finding> {
    let off = facts.brake_off.is_some();
    check(config, &facts.pool).into_iter().map(|finding| allowed(finding, off)).collect()
}

/// With no brake flintlockd runs on a full pool too: microVMs are deleted through it.
fn allowed(finding: Finding, unbraked: bool) -> Finding {
    let full = finding.entry() == &catalogue::pool::out_of_data_space::ROW;
    if !full || !unbraked {
        return finding;
    }
    catalogue::pool::full_unbraked(finding.subject()).evidence(finding.seen())
}
