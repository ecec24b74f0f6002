//! The network's road.

use mvm_config::{Config, Loaded, Roots};
use mvm_diagnostics::Finding;
use mvm_diagnostics::catalogue::net;
use mvm_host::exec::System;
use mvm_host::exit;
use mvm_host::oneshot::{self, Options, Program, Report};
use mvm_network::nat::{self, Nat};
use mvm_network::tailscale::{self, Tailscale};
use mvm_network::{Kernel, Network, machine_id, unread, uplink};
use mvm_plan::network::{Observed, desired};

use crate::{dhcp, watch};

/// Everything that `mvm-net` does.
pub(crate) fn run(program: &Program, options: &Options) -> Report {
    if options.has("--revert") {
        return revert(program, &options.roots());
    }
    oneshot::configured(program, options, |roots, loaded| {
        if let Some(path) = options.get("--dnsmasq-conf") {
            return dhcp::write(roots, &loaded.config, path);
        }
        let report = network(roots, loaded);
        if options.has("--watch") && report.code == exit::DONE {
            return watch::watch(roots, &loaded.config);
        }
        report
    })
}

fn network(roots: &Roots, loaded: &Loaded) -> Report {
    let config = &loaded.config;
    let desired = desired(config, &machine_id(roots));
    let mut report = match Kernel::connect(roots) {
        Ok(mut kernel) => {
            let outcome = uplink::bring_up(roots, &mut kernel, desired);
            let mut report = Report::of(outcome.findings);
            if report.code == exit::DONE {
                let seen = outcome.seen.map_or_else(|| kernel.observe(), Ok);
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
    if report.findings.iter().any(|finding| finding.code() == net::OBSERVE_FAILED.code) {
        report.code = exit::UNAVAILABLE;
    }
    report
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

/// Forwarding and translation on this network.
pub(crate) fn rules(
    roots: &Roots,
    config: &Config,
    observed: Result<Observed, mvm_network::Error>,
    watched: bool,
) -> Vec<Finding> {
    let nat = Nat { roots, programs: &System };
    match observed {
        Ok(observed) => {
            nat::bring_up(&nat, mvm_plan::nat::desired(config).as_ref(), &observed, watched)
        }
        Err(error) => vec![unread(&error)],
    }
}
