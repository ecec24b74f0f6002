//! The pool is live and takes writes.

use mvm_config::Config;
use mvm_diagnostics::{Finding, catalogue};

use crate::thinpool::PoolState;

/// What device-mapper says of the pool is fine, or findings. `pool` is an error text when
/// device-mapper could not be asked.
pub fn check(config: &Config, pool: &Result<PoolState, String>) -> Vec<Finding> {
    let name = config.thinpool.name.as_str();
    match pool {
        Ok(state) => {
            let found = state.findings(name).into_iter();
            found.map(|finding| unbraked(config, finding)).collect()
        }
        Err(why) => {
            let unasked = Finding::new(&catalogue::pool::NO_DEVICE_MAPPER, name);
            vec![unasked.with("why", "does not answer").evidence(why)]
        }
    }
}

/// With no brake flintlockd runs on a full pool too: microVMs are deleted through it.
fn unbraked(config: &Config, finding: Finding) -> Finding {
    let full = finding.entry() == &catalogue::pool::OUT_OF_DATA_SPACE;
    if !full || config.thinpool.guard.brake_percent.0 < 100 {
        return finding;
    }
    Finding::new(&catalogue::pool::FULL_UNBRAKED, finding.subject()).evidence(finding.seen())
}
