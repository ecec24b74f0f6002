//! What could not be asked is said, and never passes for "fine".

use mvm_config::Config;
use mvm_core::Finding;
use mvm_core::catalogue::checked;

use super::Observed;

pub(super) fn check(_: &Config, observed: &Observed) -> Vec<Finding> {
    let unasked = observed.unasked.iter();
    unasked.map(|(subject, why)| checked::not_checked(subject, why).evidence(why)).collect()
}
