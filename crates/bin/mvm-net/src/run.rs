//! What `mvm-net` does.

use mvm_config::{Config, Loaded};
use mvm_core::exec::System;
use mvm_core::{Roots, sink};
use mvm_network_kernel::tailscale::{self, Tailscale};
use mvm_network_kernel::{End, Kernel, Network, machine_id, unread, uplink};
use mvm_network_plan::network::{Observed, desired};
use mvm_oneshot as oneshot;
use mvm_oneshot::{Options, Program, Report};

use crate::rules::rules;
use crate::{dhcp, watch};

/// Everything that `mvm-net` does.
pub(crate) fn run(program: &Program, options: &Options) -> Report {
    if options.has("--revert") {
        return revert(program, &options.roots());
    }
    oneshot::configured(program, options, |roots, loaded| {
        if options.has("--may-serve") {
            return dhcp::may_serve(roots, &loaded.config);
        }
        if let Some(path) = options.get("--dnsmasq-conf") {
            return dhcp::write(roots, &loaded.config, path);
        }
        let (report, stands) = network(roots, loaded);
        if options.has("--watch") && stands {
            report.findings.iter().for_each(sink::report);
            return watch::watch(roots, &loaded.config);
        }
        report
    })
}

/// Brings up the network, and tells whether there is one: subnets that overlap by now take nothing from
/// microVMs that run.
fn network(roots: &Roots, loaded: &Loaded) -> (Report, bool) {
    let config = &loaded.config;
    let mut kernel = match Kernel::connect(roots) {
        Ok(kernel) => kernel,
        Err(error) => return (Report::by_class(vec![unread(&error)]), false),
    };
    let outcome = uplink::bring_up(roots, &mut kernel, desired(config, &machine_id(roots)));
    let mut findings = outcome.findings;
    let observed = outcome.observed.map_or_else(|| kernel.observe(), Ok);
    let stands = match (outcome.end, &observed) {
        (End::Settled, _) => true,
        (End::Overlaps, Ok(observed)) => has_addresses(config, observed),
        (End::Overlaps, Err(_)) | (End::NotMoved | End::Stopped, _) => false,
    };
    if !stands {
        return (Report::by_class(findings), false);
    }
    let is_seen = observed.is_ok();
    findings.extend(rules(roots, config, observed, false).findings);
    let mut report = Report::by_class(findings);
    // No microVM waits for the tailnet: whatever comes of it, the network is up.
    let tailscale = Tailscale { roots, programs: &System };
    report.findings.extend(tailscale::bring_up(&tailscale, &config.network.tailscale_routes));
    (report, is_seen)
}

/// Whether the interface that microVMs are on has its addresses.
fn has_addresses(config: &Config, observed: &Observed) -> bool {
    let name = config.network.dhcp.interface.as_ref().map(|name| name.as_str());
    let link = observed.links.iter().find(|link| Some(link.name.as_str()) == name);
    let own = config.network.dhcp_addresses();
    link.is_some_and(|link| own.iter().all(|address| link.addresses.contains(address)))
}

/// Waits for the end of an uplink's trial. That needs no configuration: what is put back is on
/// record.
fn revert(program: &Program, roots: &Roots) -> Report {
    if let Some(refusal) = Report::unless_root(program, roots) {
        return refusal;
    }
    match Kernel::connect(roots) {
        Ok(mut kernel) => Report::of(uplink::watch(roots, &mut kernel)),
        Err(error) => Report::by_class(vec![unread(&error)]),
    }
}
