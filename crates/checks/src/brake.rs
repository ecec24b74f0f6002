//! The pool has room: mvm-guard does not hold flintlockd back, or an operator said that it shall not.

use mvm_config::Config;
use mvm_core::{Finding, catalogue};

use super::Observed;

pub(super) fn check(config: &Config, observed: &Observed) -> Vec<Finding> {
    let name = config.thinpool.name.as_str();
    if let Some((seconds, why)) = &observed.brake_off {
        return vec![off(name, *seconds, why.as_deref())];
    }
    let braked = observed.brake.iter().map(|why| catalogue::guard::braked(name, why));
    braked.collect()
}

/// The brake of this pool is off for so many seconds; `why` is what it would be set for.
pub fn off(pool: &str, seconds: u64, why: Option<&str>) -> Finding {
    let remaining = match seconds {
        0..=119 => format!("{seconds} s"),
        _ => format!("{} min", seconds / 60),
    };
    match why {
        Some(why) => Finding::chosen(&catalogue::guard::brake_off::ROW, pool).with("why", why),
        None => Finding::chosen(&catalogue::guard::brake_free::ROW, pool),
    }
    .with("left", remaining)
}
