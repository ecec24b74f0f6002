//! What `mvmhost check` and `mvmhost status` observe of a host that runs, beyond what flintlockd's
//! own start asks for.

use mvm_config::Config;
use mvm_core::Finding;
use mvm_core::catalogue::seen::microvm;
use mvm_core::catalogue::{ctrd, flk};

use super::Observed;
use super::services::Condition;

/// A stop of flintlockd's unit leaves its microVMs alive.
pub(super) fn unit(config: &Config, observed: &Observed) -> Vec<Finding> {
    let finding = || flk::unprotected(config.flintlockd.unit.as_str());
    observed.ends_microvms.iter().map(|kill_mode| finding().evidence(kill_mode)).collect()
}

/// Each microVM that counts as created has a VMM.
pub(super) fn microvms(config: &Config, observed: &Observed) -> Vec<Finding> {
    let unit = config.flintlockd.unit.as_str();
    let finding = |id: &String| microvm::no_vmm(id, unit);
    observed.without_vmm.iter().map(|(id, line)| finding(id).evidence(line)).collect()
}

/// No unit file of others overrides what mvmhost sets.
pub(super) fn overrides(_: &Config, observed: &Observed) -> Vec<Finding> {
    let units = observed.services.iter().flat_map(|services| &services.units);
    let masked: Vec<&str> = units
        .filter(|(_, condition)| *condition == Condition::Masked)
        .map(|(name, _)| name.as_str())
        .collect();
    // The link that masks a unit is reported as a masked unit, with the command that unmasks it.
    let others = observed.overrides.iter().filter(|file| !masked.contains(&file.unit.as_str()));
    mvm_units_plan::overrides::findings(&others.cloned().collect::<Vec<_>>())
}

/// containerd's databases agree with each other and with the pool.
pub(super) fn databases(_: &Config, observed: &Observed) -> Vec<Finding> {
    observed.databases.clone()
}

/// The program that containerd-dev runs is there.
pub(super) fn containerd(config: &Config, observed: &Observed) -> Vec<Finding> {
    observed.containerd_flaw.iter().map(|why| containerd_program(config, why)).collect()
}

/// The finding for a containerd that cannot be run; `why` may be empty.
pub fn containerd_program(config: &Config, why: &str) -> Finding {
    ctrd::binary_missing(config.containerd.binary.as_str()).evidence(why)
}
