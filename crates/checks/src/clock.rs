//! The clock shows a time that can be.

use mvm_config::Config;
use mvm_core::catalogue::checked;
use mvm_core::{Finding, day};

use super::Facts;

/// A clock may be this much behind, in seconds: a day.
const BEHIND: i64 = 24 * 60 * 60;
/// A program is not used longer than this, in seconds: 20 years.
const AHEAD: i64 = 20 * 365 * BEHIND;

pub(super) fn check(_: &Config, facts: &Facts) -> Vec<Finding> {
    let Some((file, written)) = &facts.newest else {
        return Vec::new();
    };
    let why = if facts.now < written.saturating_sub(BEHIND) {
        format!("{file} was written on {}", day(*written))
    } else if facts.now > written.saturating_add(AHEAD) {
        format!("{file} was written on {}, more than 20 years before", day(*written))
    } else {
        return Vec::new();
    };
    let off = checked::clock_off("clock", day(facts.now), &why);
    vec![off.evidence(why)]
}
