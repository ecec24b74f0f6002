//! The network's road.

use mvm_config::{Config, Loaded};
use mvm_core::catalogue::net;
use mvm_core::exec::System;
use mvm_core::{Finding, Roots, Severity, exit, sink};
use mvm_network_kernel::tailscale::{self, Tailscale};
use mvm_network_kernel::{Kernel, Network, machine_id, unread, uplink};
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
    let desired = desired(config, &machine_id(roots));
    let mut stands = false;
    let mut report = match Kernel::connect(roots) {
        Ok(mut kernel) => {
            let outcome = uplink::bring_up(roots, &mut kernel, desired);
            let overlaps = outcome.findings.iter().all(is_no_more_than_an_overlap);
            let mut report = Report::of(outcome.findings);
            let seen = outcome.seen.map_or_else(|| kernel.observe(), Ok);
            let has_addresses = seen.as_ref().is_ok_and(|seen| has_addresses(config, seen));
            stands = report.code == exit::DONE || (overlaps && has_addresses);
            if stands {
                let rules = rules(roots, config, seen, false);
                report = Report::of(report.findings.into_iter().chain(rules).collect());
                // No microVM waits for the tailnet: whatever comes of it, the network is up.
                let tailscale = Tailscale { roots, programs: &System };
                let routes = tailscale::bring_up(&tailscale, &config.network.tailscale_routes);
                report.findings.extend(routes);
            }
            report
        }
        Err(error) => Report::of(vec![unread(&error)]),
    };
    if report.findings.iter().any(|finding| finding.code() == net::observe_failed::ROW.code) {
        report.code = exit::UNAVAILABLE;
        stands = false;
    }
    (report, stands)
}

fn is_no_more_than_an_overlap(finding: &Finding) -> bool {
    finding.severity() != Severity::Error || finding.code() == net::subnet_taken::ROW.code
}

/// Whether the interface that microVMs are on has its addresses.
fn has_addresses(config: &Config, seen: &Observed) -> bool {
    let name = config.network.dhcp.interface.as_ref().map(|name| name.as_str());
    let link = seen.links.iter().find(|link| Some(link.name.as_str()) == name);
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
        Err(error) => Report { findings: vec![unread(&error)], code: exit::UNAVAILABLE },
    }
}
