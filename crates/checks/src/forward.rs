//! No firewall of this host keeps from its end what microVMs need.

use mvm_config::Config;
use mvm_core::Finding;
use mvm_core::catalogue::checked;
use mvm_firewalls::obstacles;

use super::Observed;

pub(super) fn check(config: &Config, observed: &Observed) -> Vec<Finding> {
    let unread = observed.forward.unread.iter().map(|(subject, why)| {
        let unread = checked::not_checked(subject, why);
        unread.evidence(why)
    });
    unread.chain(obstacles(config, &observed.forward)).collect()
}
