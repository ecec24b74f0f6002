//! The pool is live and takes writes.

use mvm_config::Config;
use mvm_diagnostics::{Finding, catalogue};

use crate::thinpool::PoolState;

/// What device-mapper says of the pool is fine, or findings. `pool` is an error text when
/// device-mapper could not be asked.
pub fn check(config: &Config, pool: &Result<PoolState, String>) -> Vec<Finding> {
    let name = config.thinpool.name.as_str();
    match pool {
        Ok(state) => state.findings(name),
        Err(why) => {
            let unasked = Finding::new(&catalogue::pool::NO_DEVICE_MAPPER, name);
            vec![unasked.with("why", "does not answer").evidence(why)]
        }
    }
}
