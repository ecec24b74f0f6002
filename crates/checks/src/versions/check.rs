//! The versions of the programs on this host go together, and serve the kind of interface that the
//! configuration has.

use mvm_config::Config;
use mvm_config::model::{NetworkMode, Provider};
use mvm_core::Finding;
use mvm_core::catalogue::vmm;

use crate::Observed;
use crate::versions::{
    Feature, MACVTAP_CLOUD_HYPERVISOR, MACVTAP_FIRECRACKER, PROVIDERS, Pair, Part, Verdict, broken,
    number,
};

/// From this version on Firecracker has no fork with macvtap.
const NO_FORK_SINCE: (u32, u32) = (1, 4);

/// The row that has a code of its own, which is older than the table.
const OWN_CODE: (Part, Part) = (Part::Flintlockd, Part::Firecracker);

pub(crate) fn check(config: &Config, observed: &Observed) -> Vec<Finding> {
    let its_vmm = match config.flintlockd.provider {
        Provider::Firecracker => Part::Firecracker,
        Provider::CloudHypervisor => Part::CloudHypervisor,
    };
    let mut versions = vec![(Part::Mvmhost, env!("CARGO_PKG_VERSION"))];
    let reported = [
        (Part::Flintlockd, &observed.flintlockd.version),
        (its_vmm, &observed.vmm.version),
        (Part::Containerd, &observed.containerd_version),
        (Part::Kernel, &observed.kernel),
        (Part::Systemd, &observed.systemd),
    ];
    versions
        .extend(reported.iter().filter_map(|(part, reported)| Some((*part, reported.as_deref()?))));
    let broken = broken(&versions);
    let fails =
        |part| broken.iter().any(|pair| pair.needs == part && pair.verdict == Verdict::Fails);
    // Of a program that is known not to fit it is no news that nobody has tried it.
    let notable = broken.iter().filter(|pair| pair.verdict == Verdict::Fails || !fails(pair.needs));
    let mut findings: Vec<Finding> =
        notable.map(|pair| finding(observed, pair, &versions)).collect();
    findings.extend(provider(config, observed));
    findings.extend(macvtap(config, observed));
    findings
}

fn finding(observed: &Observed, pair: &Pair, versions: &[(Part, &str)]) -> Finding {
    let version_of = |part| {
        let found = versions.iter().find(|(program, _)| *program == part);
        found.map_or("", |(_, version)| *version).trim_start_matches(|c: char| !c.is_ascii_digit())
    };
    if pair.verdict == Verdict::Fails && (pair.program, pair.needs) == OWN_CODE {
        let path = observed.vmm.path.as_deref().unwrap_or(&observed.vmm.name);
        let version = observed.vmm.version.as_deref().unwrap_or_default();
        return vmm::too_old(path, version).evidence(pair.source);
    }
    let (name, version, needed) = (pair.needs.name(), version_of(pair.needs), &pair.needed);
    let (program, program_version) = (pair.program.name(), version_of(pair.program));
    let finding = match pair.verdict {
        Verdict::Fails => vmm::do_not_fit(name, version, program, program_version, needed),
        Verdict::Untried => vmm::untried(name, version, program, program_version, needed),
    };
    finding.evidence(format!("{} ({})", pair.why, pair.source))
}

/// flintlockd knows the provider.
fn provider(config: &Config, observed: &Observed) -> Option<Finding> {
    let version = observed.flintlockd.version.as_deref()?;
    let asks = config.flintlockd.provider == Provider::CloudHypervisor;
    (asks && !PROVIDERS.flintlockd.has(number(version)?))
        .then(|| mvm_core::catalogue::flk::provider_too_old("cloudhypervisor", version))
}

/// flintlockd serves macvtap with the VMM of the configuration, and the VMM can do it.
fn macvtap(config: &Config, observed: &Observed) -> Vec<Finding> {
    if config.network.mode != NetworkMode::Macvtap {
        return Vec::new();
    }
    let (feature, fork): (&Feature, bool) = match config.flintlockd.provider {
        Provider::Firecracker => (&MACVTAP_FIRECRACKER, true),
        Provider::CloudHypervisor => (&MACVTAP_CLOUD_HYPERVISOR, false),
    };
    let mut findings = Vec::new();
    let flintlockd = observed.flintlockd.version.as_deref().unwrap_or_default();
    if number(flintlockd).is_some_and(|number| !feature.flintlockd.has(number)) {
        let finding = vmm::not_served(
            feature.name,
            flintlockd.trim_start_matches('v'),
            &observed.flintlockd.name,
        );
        let needed = format!("it needs {} ({})", feature.flintlockd, feature.source);
        findings.push(finding.evidence(needed));
    }
    let version = observed.vmm.version.as_deref().unwrap_or_default();
    if fork && !version.is_empty() && !version.contains("macvtap") {
        // Who builds the fork himself may have another name at its end.
        let upstream = number(version).is_some_and(|number| number >= NO_FORK_SINCE);
        let path = observed.vmm.path.as_deref().unwrap_or(&observed.vmm.name);
        let finding = match upstream {
            true => vmm::no_fork(path, version),
            false => vmm::perhaps_no_fork(path, version),
        };
        findings.push(finding.evidence(version));
    }
    findings
}
