//! Everything together: observe the machine, plan pool, network and units.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::time::{Duration, SystemTime};

use mvm_config::{Config, Loaded};
use mvm_core::exec::System;
use mvm_core::{Finding, Plan, Roots, catalogue, chain, names};
use mvm_images_client::run::Job;
use mvm_images_client::verify::State;
use mvm_network_kernel::nat::Nat;
use mvm_network_kernel::tailscale::Tailscale;
use mvm_network_kernel::{Kernel, Network};
use mvm_network_plan::dhcp::{Permit, Service, lan, only_permitted, permits, render_on};
use mvm_network_plan::{nat, network, tailscale};
use mvm_units_plan::host::{Desired, Observed, Step, Unit};
use mvm_units_plan::units::{Directory, Installed, UnitFile};
use mvm_units_systemd::systemd::{UnitState, Units};
use mvm_validate::handover;

use crate::overrides;

/// The plans, and what they were made from.
#[derive(Debug)]
pub struct Plans {
    /// What the units have to be like.
    pub desired: Desired,
    /// What they are like.
    pub observed: Observed,
    /// What mvm-thinpool has to do.
    pub pool: Plan<mvm_pool_plan::Step>,
    /// That the pool has run out of space for data. That is nobody's fault in the file, and what lets it be
    /// emptied comes from there.
    pub full: Option<Finding>,
    /// What mvm-net has to do to interfaces and addresses.
    pub net: Plan<network::Step>,
    /// The plan of forwarding and translation.
    pub nat: Plan<nat::Step>,
    /// The plan of routes in the tailnet.
    pub tailscale: Plan<tailscale::Step>,
    /// What `mvmhost apply` has to do to systemd and its units.
    pub units: Plan<Step>,
    /// Unit files of others that override what mvmhost sets.
    pub overrides: Vec<Finding>,
}

impl Plans {
    /// What all of them have to say.
    pub fn findings(&self) -> Vec<Finding> {
        let network = [&self.net.findings, &self.nat.findings, &self.tailscale.findings];
        let network = network.into_iter().flatten();
        let pool = self.full.iter().chain(&self.pool.findings);
        let all = pool.chain(network).chain(&self.units.findings);
        all.chain(&self.overrides).cloned().collect()
    }

    /// Whether one of them forbids to go on.
    pub fn is_refused(&self) -> bool {
        let network = self.net.is_refused() || self.nat.is_refused();
        self.pool.is_refused() || network || self.tailscale.is_refused()
    }

    /// Every step, as text.
    pub fn steps(&self) -> Vec<(&'static str, String)> {
        let pool = self.pool.steps.iter().map(|step| ("thinpool", step.to_string()));
        let net = self.net.steps.iter().map(|step| ("network", step.to_string()));
        let units = self.units.steps.iter().map(|step| ("units", step.to_string()));
        let nat = self.nat.steps.iter().map(|step| ("network", step.to_string()));
        let tailnet = self.tailscale.steps.iter().map(|step| ("network", step.to_string()));
        pool.chain(net).chain(nat).chain(tailnet).chain(units).collect()
    }
}

/// Observes and plans.
///
/// # Errors
/// A finding for what could not be observed.
pub fn plans(roots: &Roots, loaded: &Loaded, units: &mut dyn Units) -> Result<Plans, Finding> {
    plans_with(roots, loaded, units, true)
}

/// The same for who has asked containerd about the images already.
///
/// # Errors
/// A finding for what could not be observed.
pub fn plans_without_images(
    roots: &Roots,
    loaded: &Loaded,
    units: &mut dyn Units,
) -> Result<Plans, Finding> {
    plans_with(roots, loaded, units, false)
}

fn plans_with(
    roots: &Roots,
    loaded: &Loaded,
    units: &mut dyn Units,
    ask_images: bool,
) -> Result<Plans, Finding> {
    let config = &loaded.config;
    let failed = |step: &str, error: &dyn std::error::Error| {
        catalogue::units::step_failed(step, chain(error))
    };
    let desired_pool = mvm_pool_kernel::desired(roots, config);
    let (pool, full) = mvm_pool_kernel::observe(roots, &desired_pool)
        .map(|observation| {
            (observation.plan(), observation.device().full(config.thinpool.name.as_str()))
        })
        .map_err(|error| failed("looking at the thin pool", &error))?;
    let net = network::desired(config, &mvm_network_kernel::machine_id(roots));
    let net = mvm_network_kernel::uplink::for_apply(roots, net)?;
    let network = Kernel::connect(roots)
        .and_then(|mut kernel| kernel.observe())
        .map_err(|error| failed("looking at the network", &error))?;
    let net = network::plan(&net, &network);
    let parent = network::parent(None, &network);
    let nat = Nat { roots, programs: &System }
        .plan(nat::desired(config).as_ref(), &network)
        .map_err(|error| failed("looking at the network's rules", &error))?;
    let tailscale = Tailscale { roots, programs: &System }.plan(&config.network.tailscale_routes);
    let exists = |path: &str| fs::symlink_metadata(roots.at(path)).is_ok();
    let installed = Installed::new(config, exists);
    let mut desired = Desired::new(config, mvm_config::to_toml(config), installed);
    served(roots, config, &network, &mut desired);
    let mut observed = observe(roots, config, &desired, parent.as_deref(), units)
        .map_err(|error| catalogue::units::not_systemd("systemd", chain(&error)))?;
    observed.pool_pending = !pool.steps.is_empty();
    if ask_images {
        observed.images = images(roots, config, &desired, &observed);
    }
    observed.net_pending =
        !net.steps.is_empty() || !nat.steps.is_empty() || !tailscale.steps.is_empty();
    let units = mvm_units_plan::host::plan(&desired, &observed);
    let overrides = overrides::observe(roots, config, &desired.generated);
    let overrides = mvm_units_plan::overrides::findings(&overrides);
    Ok(Plans { desired, observed, pool, full, net, nat, tailscale, units, overrides })
}

/// What is served on this machine: a unit that is skipped where it may not serve is not missed.
fn served(roots: &Roots, config: &Config, network: &network::Observed, desired: &mut Desired) {
    let Some(service) = Service::of(config) else { return };
    match service.permit(network, mvm_network_kernel::answers(roots).as_ref()) {
        Permit::NotAsked(_) | Permit::Taken(_) => {
            desired.network.retain(|unit| *unit != names::DHCP_UNIT);
            desired.dnsmasq_config = None;
        }
        Permit::Granted | Permit::Unasked => {
            let beside = mvm_network_kernel::answers_beside(roots, config);
            let served = only_permitted(config, &permits(config, network, &beside));
            desired.dnsmasq_config = render_on(&served, lan(config, network));
        }
    }
}

/// What units, generated files and rendered files are like now.
fn observe(
    roots: &Roots,
    config: &Config,
    desired: &Desired,
    parent: Option<&str>,
    units: &mut dyn Units,
) -> Result<Observed, mvm_units_systemd::Error> {
    let mut observed = Observed {
        applied: fs::read_to_string(roots.applied()).ok(),
        dnsmasq_config: fs::read_to_string(roots.at(names::DNSMASQ_CONFIG)).ok(),
        containerd_config: fs::read_to_string(roots.at(names::CONTAINERD_DEV_CONFIG)).ok(),
        content: desired.content.is_some_and(|path| roots.at(path).is_dir()),
        generated: desired.generated.iter().filter_map(|file| generated(roots, file)).collect(),
        ..Observed::default()
    };
    let images = [names::IMAGES_UNIT, names::IMAGES_RETRY_UNIT, names::REGISTRY_UNIT];
    let more = [names::DHCP_UNIT, names::WATCH_UNIT].into_iter().chain(images);
    let unit_names: BTreeSet<&str> = mvm_units_plan::host::needed(desired).chain(more).collect();
    for name in unit_names {
        let state = units.state(name)?;
        observed.needs_reload |= state.is_loaded() && state.need_daemon_reload;
        if state.main_pid != 0 && Some(name) == desired.flintlockd.as_deref() {
            let environ = fs::read(roots.at(format!("/proc/{}/environ", state.main_pid)));
            let environ = environ.unwrap_or_default();
            observed.file_stale = handover::is_stale(roots, config, parent, &environ);
        }
        if state.is_loaded() {
            observed.units.insert(name.to_owned(), unit(roots, &state));
        }
    }
    Ok(observed)
}

/// Which images are not complete. A containerd that does not answer is another's finding.
fn images(
    roots: &Roots,
    config: &Config,
    desired: &Desired,
    observed: &Observed,
) -> mvm_units_plan::host::Images {
    let answers = observed.units.get(&desired.containerd).is_some_and(|unit| unit.active);
    if !desired.images || !answers {
        return mvm_units_plan::host::Images::default();
    }
    let images = mvm_images_plan::requested_images(config);
    let states = Job::new(config, roots, &images, &()).verify();
    let states = states.inspect_err(|error| log::debug!("{}", chain(error)));
    let incomplete = states.ok().map(|states| {
        let lacking = states.into_iter().filter(|(_, state)| !matches!(state, Ok(State::Complete)));
        lacking.map(|(wanted, _)| wanted.reference.to_string()).collect()
    });
    mvm_units_plan::host::Images { incomplete, failed: mvm_images_client::attempts::read(roots) }
}

/// The file that stands where the generator writes this one.
fn generated(roots: &Roots, file: &UnitFile) -> Option<UnitFile> {
    let directory = match file.directory {
        Directory::Normal => "/run/systemd/generator",
        Directory::Late => "/run/systemd/generator.late",
    };
    let text = fs::read_to_string(roots.at(directory).join(&file.path)).ok()?;
    Some(UnitFile { text, ..file.clone() })
}

fn unit(roots: &Roots, state: &UnitState) -> Unit {
    let argv = match state.main_pid {
        0 => Vec::new(),
        pid => fs::read(roots.at(format!("/proc/{pid}/cmdline"))).map_or(Vec::new(), |bytes| {
            let text = String::from_utf8_lossy(&bytes).into_owned();
            text.split_terminator('\0').map(str::to_owned).collect()
        }),
    };
    let states = [&state.active_state, &state.sub_state, &state.result];
    let states: Vec<&str> =
        states.iter().map(|word| word.as_str()).filter(|w| !w.is_empty()).collect();
    // The kernel's words for a file whose name is gone or is another file's.
    let replaced = state.main_pid != 0
        && fs::read_link(roots.at(format!("/proc/{}/exe", state.main_pid)))
            .is_ok_and(|path| path.as_os_str().as_bytes().ends_with(b" (deleted)"));
    let exec_start = state.exec_start.first().cloned().unwrap_or_default();
    let outdated = started(roots, state).is_some_and(|started| is_newer(&roots.applied(), started));
    Unit {
        active: state.is_active(),
        state: states.join(", "),
        argv,
        exec_start,
        replaced,
        outdated,
    }
}

/// When the unit was started, by the clock as it is set now.
fn started(roots: &Roots, state: &UnitState) -> Option<SystemTime> {
    let uptime = fs::read_to_string(roots.at("/proc/uptime")).ok()?;
    let uptime: f64 = uptime.split_whitespace().next()?.parse().ok()?;
    let after_boot = Duration::from_micros(state.inactive_exit_us);
    let age = Duration::try_from_secs_f64(uptime).ok()?.checked_sub(after_boot)?;
    SystemTime::now().checked_sub(age).filter(|_| state.inactive_exit_us != 0)
}

/// Whether a file was written since, by more than a second: the times are of two clocks. One that was
/// written in the future was written before the clock was set back.
fn is_newer(path: &Path, than: SystemTime) -> bool {
    let written = fs::metadata(path).and_then(|metadata| metadata.modified());
    written.is_ok_and(|written| {
        written <= SystemTime::now() && written > than + Duration::from_secs(1)
    })
}
