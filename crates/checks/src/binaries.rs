//! flintlockd and the VMM of its provider are installed.

use mvm_config::Config;
use mvm_config::model::Provider;
use mvm_core::{Finding, catalogue};

use super::Observed;

pub(super) fn check(config: &Config, observed: &Observed) -> Vec<Finding> {
    let mut findings = Vec::new();
    let provider = match config.flintlockd.provider {
        Provider::Firecracker => "firecracker",
        Provider::CloudHypervisor => "cloudhypervisor",
    };
    if observed.flintlockd.path.is_none() {
        findings.push(catalogue::flk::binary_missing(&observed.flintlockd.name));
    }
    if observed.vmm.path.is_none() {
        let finding = catalogue::flk::vmm_missing(&observed.vmm.name, provider);
        findings.push(finding);
    }
    let second = observed.second_vmm.as_ref().filter(|second| second.path.is_none());
    findings
        .extend(second.map(|second| catalogue::flk::vmm_missing(&second.name, "cloudhypervisor")));
    findings
}
