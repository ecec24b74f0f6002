//! The pool has room: mvm-guard does not hold flintlockd back.

use mvm_config::Config;
use mvm_diagnostics::{Finding, catalogue};

use super::Facts;

pub(super) fn check(config: &Config, facts: &Facts) -> Vec<Finding> {
    let braked = facts.brake.iter().map(|why| {
        Finding::new(&catalogue::guard::BRAKED, config.thinpool.name.as_str())
            .with("unit", config.flintlockd.unit.as_str())
            .with("why", why)
    });
    braked.collect()
}
