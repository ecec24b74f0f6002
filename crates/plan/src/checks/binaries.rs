//! flintlockd and the VMM of its provider are installed, and flintlockd knows the provider.

use mvm_config::Config;
use mvm_config::model::Provider;
use mvm_diagnostics::{Finding, catalogue};

use super::Facts;

/// `--default-provider` exists since flintlock v0.6.0.
const PROVIDERS_SINCE: (u32, u32) = (0, 6);

pub(super) fn check(config: &Config, facts: &Facts) -> Vec<Finding> {
    let mut findings = Vec::new();
    let provider = match config.flintlockd.provider {
        Provider::Firecracker => "firecracker",
        Provider::CloudHypervisor => "cloudhypervisor",
    };
    if facts.flintlockd.path.is_none() {
        findings.push(Finding::new(&catalogue::flk::BINARY_MISSING, &facts.flintlockd.name));
    }
    if facts.vmm.path.is_none() {
        let finding = Finding::new(&catalogue::flk::VMM_MISSING, &facts.vmm.name);
        findings.push(finding.with("provider", provider));
    }
    let told = facts.flintlockd.version.as_deref().unwrap_or_default();
    if config.flintlockd.provider == Provider::CloudHypervisor
        && version(told).is_some_and(|version| version < PROVIDERS_SINCE)
    {
        let finding = Finding::new(&catalogue::flk::PROVIDER_TOO_OLD, provider);
        findings.push(finding.with("version", told));
    }
    findings
}

/// Major and minor of `v0.11.0` or `0.5.1-rc1`; None for a build without a version.
pub(super) fn version(text: &str) -> Option<(u32, u32)> {
    let mut parts = text.trim().trim_start_matches('v').split('.');
    Some((parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_from_the_left() {
        assert_eq!(version("v0.11.0\n"), Some((0, 11)));
        assert_eq!(version("0.5.1-rc1"), Some((0, 5)));
        assert_eq!(version("undefined"), None);
        assert_eq!(version(""), None);
    }
}
