//! flintlockd and the VMM of its provider are installed.

use mvm_config::Config;
use mvm_config::model::Provider;
use mvm_core::{Finding, catalogue};

use super::Facts;

pub(super) fn check(config: &Config, facts: &Facts) -> Vec<Finding> {
    let mut findings = Vec::new();
    let provider = match config.flintlockd.provider {
        Provider::Firecracker => "firecracker",
        Provider::CloudHypervisor => "cloudhypervisor",
    };
    if facts.flintlockd.path.is_none() {
        findings.push(catalogue::flk::binary_missing(&facts.flintlockd.name));
    }
    if facts.vmm.path.is_none() {
        let finding = catalogue::flk::vmm_missing(&facts.vmm.name, provider);
        findings.push(finding);
    }
    let second = facts.second_vmm.as_ref().filter(|second| second.path.is_none());
    findings
        .extend(second.map(|second| catalogue::flk::vmm_missing(&second.name, "cloudhypervisor")));
    findings
}
