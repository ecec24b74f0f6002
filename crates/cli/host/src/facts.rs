//! `mvmhost facts`: what inventories want to know of a host, and what differs since the last apply.

use std::ffi::OsStr;
use std::fs;
use std::time::Duration;

use mvm_cli::context::{self, Context};
use mvm_cli::output::{self, Exit};
use mvm_config::last_good::load_or_last_good;
use mvm_config::model::{Network, NetworkMode, Reserved};
use mvm_core::exec::{self, Execute, Limits, System};
use mvm_core::json::Document;
use mvm_core::{Digest, Finding, Roots};
use mvm_network_kernel::tailscale::Tailscale;
use mvm_units_plan::drift::Drift;
use mvm_units_systemd::systemd::Manager;
use serde_json::{Value, json};

use crate::{inventory, machine};

/// systemd's message when a unit has come up (SD_MESSAGE_UNIT_STARTED).
const STARTED: &str = "MESSAGE_ID=39f53479d3a045ac8e11786248231fbf";
/// Of a boot's journal only records with one message of one unit are asked for.
const TIMEOUT: Duration = Duration::from_secs(30);

/// Prints the document; exit 1 for a finding of severity error.
pub fn run(context: &Context) -> Exit {
    // What is printed is for inventories, which read JSON.
    gather(context).unwrap_or_else(|(findings, exit)| {
        output::findings(true, &findings);
        exit
    })
}

/// Prints everything, or tells what stands in the way.
fn gather(context: &Context) -> Result<Exit, (Vec<Finding>, Exit)> {
    let roots = &context.roots;
    let (loaded, last_good) = load_or_last_good(roots, context.config.as_deref())
        .map_err(|findings| (findings, Exit::Config))?;
    let mut manager = Manager::connect()
        .map_err(|error| (vec![context::no_systemd(&error)], Exit::Unavailable))?;
    let plans = machine::plans(roots, &loaded, &mut manager).map_err(|finding| {
        let findings = vec![finding];
        let exit = output::exit_by_class(&findings);
        (findings, exit)
    })?;
    let config = &loaded.config;
    let versions = inventory::versions(roots, config);
    let last_apply = inventory::last_apply(roots);
    let steps = plans.steps().into_iter().map(|(_, step)| step).collect();
    let drift = Drift::new(&plans.desired, &plans.observed, steps, last_apply.as_ref(), &versions);
    let valid = last_good.is_none();
    let mut findings: Vec<Finding> = last_good.into_iter().chain(plans.findings()).collect();
    findings.extend(drift.findings());
    let digest = |text: &str| Digest::of(text.as_bytes()).to_string();
    let configuration = json!({
        "valid": valid,
        "digest": digest(&plans.desired.applied),
        "applied": plans.observed.applied.as_deref().map(digest),
        "at": last_apply.as_ref().map(|last_apply| last_apply.at),
    });
    let unit = config.flintlockd.unit.as_str();
    let tailscale = Tailscale { roots, programs: &System };
    let document = Document::new(&findings)
        .with("versions", versions)
        .with("provider", inventory::provider(config))
        .with("interfaces", interfaces(&config.network))
        .with("reserved", reserved(&config.network))
        .with("tailscale", tailscale.routes(&config.network.tailscale_routes).0)
        .with("endpoint", config.flintlockd.grpc_endpoint.to_string())
        .with("configuration", configuration)
        .with("drift", drift)
        .with("boot", json!({"id": boot(roots), "ready": ready(roots, unit, &System)}));
    output::print(&document.text());
    Ok(output::exit_for(&findings))
}

/// The types of microVMs' interfaces that this host serves, in flintlock's words.
fn interfaces(network: &Network) -> &'static [&'static str] {
    match network.mode {
        NetworkMode::Tap if network.has_both() => &["tap", "macvtap"],
        NetworkMode::Tap => &["tap"],
        NetworkMode::Macvtap => &["macvtap"],
        NetworkMode::None => &[],
    }
}

/// Addresses that DHCP gives to nobody.
fn reserved(network: &Network) -> Vec<Value> {
    let one = |entry: &Reserved| json!({"address": entry.address, "name": entry.name});
    network.reserved.iter().map(one).collect()
}

/// The kernel's number of this boot.
fn boot(roots: &Roots) -> Option<String> {
    let id = fs::read_to_string(roots.at("/proc/sys/kernel/random/boot_id")).ok()?;
    Some(id.trim().to_owned())
}

/// When flintlockd, with which the whole chain is, was up for the first time in this boot, in ms
/// since the kernel began; `None` where it was not yet.
fn ready(roots: &Roots, unit: &str, programs: &dyn Execute) -> Option<u64> {
    let program = exec::find(roots, "journalctl")?;
    // Only pid 1 says so of a unit.
    let unit = format!("UNIT={unit}");
    let arguments = ["--boot", "--quiet", "--no-pager", "--output=json", "--output-fields=UNIT"];
    let arguments = arguments.into_iter().chain([STARTED, "_PID=1", &unit]).map(OsStr::new);
    let arguments: Vec<&OsStr> = arguments.collect();
    let output = programs.run(&program, &arguments, &mut Limits::timeout(TIMEOUT)).ok()?;
    let first: Value = serde_json::from_str(output.stdout.lines().next()?).ok()?;
    let micros: u64 = first.get("__MONOTONIC_TIMESTAMP")?.as_str()?.parse().ok()?;
    Some(micros / 1000)
}

#[cfg(test)]
mod tests {
    use super::*;
    use mvm_core::exec::{Exit as Ended, Recording};

    fn ready_at(stdout: &str) -> Option<u64> {
        let folder = tempfile::tempdir().unwrap();
        let roots = Roots::new(folder.path());
        let program = roots.at("/usr/bin/journalctl");
        mvm_core::atomic::write(&program, b"", 0o755).unwrap();
        let ended = Ended { code: Some(0), stdout: stdout.to_owned(), ..Ended::default() };
        ready(&roots, "flintlockd.service", &Recording::new([ended]))
    }

    #[test]
    fn the_first_time_that_flintlockd_was_up_counts() {
        let line = |micros: &str| format!("{{\"__MONOTONIC_TIMESTAMP\":\"{micros}\"}}\n");
        assert_eq!(ready_at(&(line("12345678") + &line("99999999"))), Some(12345));
        for stdout in
            ["", "-- No entries --\n", "{}\n", &line("x"), "{\"__MONOTONIC_TIMESTAMP\":1}"]
        {
            assert_eq!(ready_at(stdout), None, "{stdout}");
        }
    }
}
