//! `mvmhost net status` and `mvmhost net down`.

mod screen;

use std::path::PathBuf;
use std::time::Duration;

use mvm_cli::context::{self, Context};
use mvm_cli::output::{self, Exit};
use mvm_config::Config;
use mvm_config::last_good::load_or_last_good;
use mvm_core::exec::System;
use mvm_core::holder::User;
use mvm_core::{Finding, Roots, catalogue, chain, names, processes, sink};
use mvm_network_kernel::nat::{self, Nat};
use mvm_network_kernel::tailscale::{self, Tailscale};
use mvm_network_kernel::{Kernel, Network, machine_id, take_down, unread};
use mvm_network_plan::network::{self, Desired, Guest, Observed, guests};
use mvm_pool_plan::teardown::microvm;
use mvm_units_systemd::systemd::{Job, Manager, Mode, Units};

/// How long dnsmasq and the others may take to end.
const STOPS: Duration = Duration::from_secs(20);

/// What both begin with.
struct Start {
    config: Config,
    findings: Vec<Finding>,
    manager: Manager,
    kernel: Kernel,
    desired: Desired,
    observed: Observed,
}

pub(super) fn status(context: &Context) -> Exit {
    let start = match start(context) {
        Ok(start) => start,
        Err(exit) => return exit,
    };
    screen::show(context, start)
}

/// What the configuration asks for, or the last good one, and what there is; what is missing has been
/// said.
fn start(context: &Context) -> Result<Start, Exit> {
    let roots = &context.roots;
    let refuse = |findings: Vec<Finding>, exit| {
        output::findings(context.json, &findings);
        exit
    };
    let (loaded, last_good) = load_or_last_good(roots, context.config.as_deref())
        .map_err(|findings| refuse(findings, Exit::Config))?;
    let manager = Manager::connect()
        .map_err(|error| refuse(vec![context::no_systemd(&error)], Exit::Unavailable))?;
    let connected = Kernel::connect(roots).and_then(|mut kernel| {
        let observed = kernel.observe()?;
        Ok((kernel, observed))
    });
    let (kernel, observed) =
        connected.map_err(|error| refuse(vec![unread(&error)], Exit::Unavailable))?;
    let desired = network::desired(&loaded.config, &machine_id(roots));
    let desired = mvm_network_kernel::uplink::for_apply(roots, desired)
        .map_err(|finding| refuse(vec![finding], Exit::Findings))?;
    let findings = last_good.into_iter().collect();
    Ok(Start { config: loaded.config, findings, manager, kernel, desired, observed })
}

/// Who is on the network, and who has each open.
fn users(roots: &Roots, start: &Start) -> Vec<(Guest, Option<User>)> {
    let with_holder = |guest: Guest| {
        let user = holder(roots, &guest.interface);
        (guest, user)
    };
    guests(&start.desired, &start.observed).into_iter().map(with_holder).collect()
}

/// A tap is open as /dev/net/tun, a macvtap as a device of its own with its interface's number.
fn holder(roots: &Roots, interface: &str) -> Option<User> {
    let number = std::fs::read_to_string(roots.at(format!("/sys/class/net/{interface}/ifindex")));
    let device = number.map(|number| PathBuf::from(format!("/dev/tap{}", number.trim())));
    let open = device.map_or(Vec::new(), |device| processes::with_open(roots, &[device]));
    let pid = open.first().copied().or_else(|| processes::holder_of_tap(roots, interface))?;
    let line = processes::command_line(roots, pid).ok().flatten().unwrap_or_default();
    let comm = processes::name(roots, pid).unwrap_or_default();
    Some(User::Process { pid, comm, microvm: microvm(&line) })
}

pub(super) fn down(context: &Context) -> Exit {
    let mut start = match start(context) {
        Ok(start) => start,
        Err(exit) => return exit,
    };
    let flintlockd = start.config.flintlockd.unit.to_string();
    // Also one that waits for its next attempt.
    let runs = |state: &str| !matches!(state, "inactive" | "failed");
    let state = start.manager.state(&flintlockd);
    let units: Vec<String> = state
        .is_ok_and(|state| runs(&state.active_state))
        .then_some(flintlockd)
        .into_iter()
        .collect();
    let users = users(&context.roots, &start);
    let plan = network::down(&start.desired, &start.observed, &users, &units);
    let refused = plan.is_refused();
    let mut findings = std::mem::take(&mut start.findings);
    if refused {
        findings.extend(plan.findings);
    } else {
        findings.extend(all_down(&context.roots, &mut start));
    }
    // Whoever reads the journal later sees what the operator saw.
    findings.iter().for_each(sink::record);
    output::findings(context.json, &findings);
    if refused { Exit::Refused } else { output::exit_for(&findings) }
}

/// Stops what serves and mends, then takes away what was made.
fn all_down(roots: &Roots, start: &mut Start) -> Vec<Finding> {
    for unit in [names::DHCP_UNIT, names::WATCH_UNIT, names::NET_UNIT] {
        match start.manager.run(Job::Stop, unit, Mode::Replace, STOPS) {
            Err(error) if !error.is_no_such_unit() => {
                let failed = catalogue::down::not_stopped(unit, chain(&error));
                return vec![failed];
            }
            _ => {}
        }
    }
    let rules = Nat { roots, programs: &System };
    let mut findings =
        nat::take_down(&rules, mvm_network_plan::nat::desired(&start.config).as_ref());
    findings.extend(tailscale::take_back(&Tailscale { roots, programs: &System }));
    let outcome = take_down(&mut start.kernel);
    findings.extend(outcome.findings);
    if output::exit_for(&findings) != Exit::Done {
        return findings;
    }
    let steps: Vec<String> = outcome.applied.iter().map(ToString::to_string).collect();
    let steps =
        if steps.is_empty() { "nothing was left of it".to_owned() } else { steps.join("; ") };
    findings.push(catalogue::down::down("network", steps));
    findings
}
