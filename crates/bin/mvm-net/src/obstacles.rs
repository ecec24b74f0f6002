//! What keeps packets of microVMs from arriving: firewalls of others, and the kernel's routes.

use std::time::{SystemTime, UNIX_EPOCH};

use mvm_checks as checks;
use mvm_checks::ObservedNetwork;
use mvm_config::Config;
use mvm_core::catalogue::checked;
use mvm_core::exec::System;
use mvm_core::{Finding, Roots, Severity, chain};
use mvm_firewalls::{Forward, obstacles};
use mvm_network_kernel::firewalls::Reader;
use mvm_network_kernel::{Kernel, routed};
use mvm_network_plan::nat;
use mvm_network_plan::network::Observed;

/// Rules are read again where they have changed, and judged again where what was read has.
#[derive(Debug, Default)]
pub(crate) struct Obstacles {
    reader: Reader,
    last: Option<(Forward, Vec<Finding>)>,
}

/// Routes of the kernel that drop packets of microVMs or lead them elsewhere.
pub(crate) fn routes(
    roots: &Roots,
    config: &Config,
    kernel: &Kernel,
    observed: &Observed,
) -> Vec<Finding> {
    let Some(desired) = nat::desired(config) else { return Vec::new() };
    // What cannot be asked is said by `mvmhost check`.
    let Ok(routes) = routed(roots, kernel, &desired, observed) else { return Vec::new() };
    let leaving = nat::egress(&desired, observed);
    let leaving = [leaving.v4, leaving.v6].concat();
    let name = desired.interface.as_str();
    let of_microvms = ObservedNetwork { routes, ..ObservedNetwork::default() };
    let mut found = checks::routes(&of_microvms, &leaving, name);
    found.retain(|finding| finding.severity() != Severity::Info);
    found
}

impl Obstacles {
    /// Without what the operator has answered, and what is no trouble.
    pub(crate) fn find(&mut self, roots: &Roots, config: &Config) -> Vec<Finding> {
        let forward = match self.reader.forward(roots, &System, config) {
            Ok(forward) => forward,
            Err(error) => {
                let unchecked = checked::not_checked("what firewalls drop", chain(&error));
                return vec![unchecked];
            }
        };
        let found = match self.last.take() {
            Some((last, found)) if last == forward => found,
            _ => {
                let mut found = obstacles(config, &forward);
                found.retain(|finding| finding.severity() != Severity::Info);
                found
            }
        };
        self.last = Some((forward, found.clone()));
        let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
        checks::split(&config.validate, found, i64::try_from(now).unwrap_or(i64::MAX)).0
    }
}
