//! The clock shows a time that can be.

use mvm_config::Config;
use mvm_core::catalogue::checked;
use mvm_core::{Finding, day};

use super::Observed;

/// A clock may be this much behind, in seconds: a day.
const BEHIND: i64 = 24 * 60 * 60;
/// A program is not used longer than this, in seconds: 20 years.
const AHEAD: i64 = 20 * 365 * BEHIND;

pub(super) fn check(_: &Config, observed: &Observed) -> Vec<Finding> {
    let Some((file, written)) = &observed.newest else {
        return Vec::new();
    };
    let why = if observed.now < written.saturating_sub(BEHIND) {
        format!("{file} was written on {}", day(*written))
    } else if observed.now > written.saturating_add(AHEAD) {
        format!("{file} was written on {}, more than 20 years before", day(*written))
    } else {
        return Vec::new();
    };
    let off = checked::clock_off("clock", day(observed.now), &why);
    vec![off.evidence(why)]
}
