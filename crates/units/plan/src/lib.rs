//! Decisions about units, as pure functions: what the generator writes, which unit runs again, what
//! flintlockd and a microVM are asked with.
//!
//! Does not belong here: anything that reads or changes a machine (`mvm-units-systemd`);
//! `.clippy.toml` makes that a build error.

use mvm_config::{Config, places};
use mvm_core::names;

pub mod capmvm;
pub mod drift;
pub mod flintlockd;
pub mod host;
pub mod hygiene;
pub mod init;
pub mod microvm;
pub mod overrides;
pub mod undo;
pub mod units;

/// Every unit of the chain, in its order.
pub fn chain(config: &Config) -> Vec<String> {
    let containerd = places::containerd_unit(config.containerd.instance);
    let mut units = vec![names::THINPOOL_UNIT, names::NET_UNIT];
    units.extend(mvm_network_plan::units(config));
    units.extend([
        names::HYGIENE_UNIT,
        names::GUARD_UNIT,
        containerd,
        config.flintlockd.unit.as_str(),
    ]);
    units.into_iter().map(str::to_owned).collect()
}
