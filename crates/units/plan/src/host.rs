//! The host as a whole: which unit is reloaded, restarted or started, and nothing more than that.
//!
//! The pool and the network have plans of their own, carried out by their oneshots; here is
//! decided which units have to run again because of them.

use std::collections::BTreeMap;
use std::fmt;

use mvm_config::model::Instance;
use mvm_config::{Config, places};
use mvm_containerd as containerd;
use mvm_core::{Finding, Plan, catalogue, names};
use mvm_images_plan as images;
use mvm_network_plan::dhcp;
use serde::Serialize;

use crate::units::{self, Installed, UnitFile};

/// What the units have to be like.
#[derive(Debug, Clone, PartialEq)]
pub struct Desired {
    /// The text of the last good configuration.
    pub applied: String,
    /// What the generator writes for it.
    pub generated: Vec<UnitFile>,
    /// The rendered configuration of containerd-dev; None where the operator has his own, or uses
    /// the distribution's containerd.
    pub containerd_config: Option<String>,
    /// The unit of flintlockd's containerd: `containerd-dev.service` or `containerd.service`.
    pub containerd: String,
    /// The command line of containerd-dev; None for the distribution's containerd, which is not
    /// ours to restart.
    pub containerd_argv: Option<Vec<String>>,
    /// The rendered configuration of dnsmasq; None where no DHCP is served.
    pub dnsmasq_config: Option<String>,
    /// The network's units beside mvm-net.
    pub network: Vec<&'static str>,
    /// Whether images are asked for.
    pub images: bool,
    /// The command line of the registry on this host; None where it serves nothing.
    pub registry_argv: Option<Vec<String>>,
    /// The folder of containerd's blobs, which that unit has mounted; None where it serves nothing.
    pub content: Option<&'static str>,
    /// flintlockd's unit; None while flintlockd is not installed.
    pub flintlockd: Option<String>,
    /// Its command line.
    pub flintlockd_argv: Vec<String>,
}

impl Desired {
    /// From the configuration (with `applied`, its text) and the names that exist on the machine.
    pub fn new(config: &Config, applied: String, installed: Installed) -> Self {
        let instance = config.containerd.instance;
        let rendered = instance == Instance::Dedicated && !installed.operator_containerd_config;
        let has_flintlockd = installed.flintlockd_unit || installed.flintlockd_binary;
        Self {
            applied,
            generated: units::files(config, installed),
            containerd_config: rendered.then(|| containerd::render(config)),
            containerd: places::containerd_unit(instance).to_owned(),
            containerd_argv: (instance == Instance::Dedicated)
                .then(|| units::containerd_command(config, installed)),
            dnsmasq_config: dhcp::render(config),
            network: mvm_network_plan::units(config),
            images: !images::requested_images(config).is_empty(),
            registry_argv: units::registry_command(config),
            content: config.images.serve.enabled.then(|| places::content(instance)),
            flintlockd: has_flintlockd.then(|| config.flintlockd.unit.as_str().to_owned()),
            flintlockd_argv: units::flintlockd_command(config),
        }
    }
}

/// What systemd and /proc show of one unit.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Unit {
    /// ActiveState is `active` or `reloading`.
    pub active: bool,
    /// ActiveState, SubState and Result, for people.
    pub state: String,
    /// The command line of its main process; empty when there is none.
    pub argv: Vec<String>,
    /// Its ExecStart=, as systemd has read it.
    pub exec_start: Vec<String>,
    /// The file of its program was replaced since its main process began: an upgrade.
    pub replaced: bool,
    /// It was started before /etc/mvmhost/applied.toml was written: an apply ended before it came to this
    /// unit.
    pub outdated: bool,
}

/// Images of `[images]` that are not complete, as far as it is known.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Images {
    /// References of those that are not complete; None where containerd could not be asked.
    pub incomplete: Option<Vec<String>>,
    /// Those that the last run of mvm-images in this boot could not make complete.
    pub failed: Vec<String>,
}

/// What the machine shows.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Observed {
    /// The last good configuration's text.
    pub applied: Option<String>,
    /// The files that the generator wrote at the last daemon-reload.
    pub generated: Vec<UnitFile>,
    /// systemd holds files that have changed on disk since.
    pub needs_reload: bool,
    /// The rendered configuration that containerd-dev was started with.
    pub containerd_config: Option<String>,
    /// The rendered configuration that dnsmasq was started with.
    pub dnsmasq_config: Option<String>,
    /// Units by name; one that is not loaded is missing.
    pub units: BTreeMap<String, Unit>,
    /// mvm-thinpool has steps to do.
    pub pool_pending: bool,
    /// mvm-net has steps to do.
    pub net_pending: bool,
    /// Asked for only while containerd is active; the default means that nobody was asked.
    pub images: Images,
    /// flintlockd reads another file than it is to, or was told something else in it.
    pub file_stale: bool,
    /// The folder of containerd's blobs is there.
    pub content: bool,
}

/// One thing to do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Step {
    /// Write the configuration to /etc/mvmhost/applied.toml.
    KeepLastGood,
    /// systemctl daemon-reload: the generator runs.
    DaemonReload,
    /// Create a folder, which only root and who knows a name in it can enter.
    CreateFolder(&'static str),
    /// Let a oneshot do its work again, without stopping what depends on it.
    Reload(String),
    /// Stop and start a unit whose command line or configuration changed.
    Restart(String),
    /// Start what is not running.
    Start(String),
    /// Stop what the configuration does not want any more.
    Stop(String),
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::KeepLastGood => f.write_str("keep the configuration as last good"),
            Self::DaemonReload => f.write_str("reload systemd, which runs the generator"),
            Self::CreateFolder(path) => write!(f, "create the folder {path}"),
            Self::Reload(unit) => write!(f, "run {unit} again"),
            Self::Restart(unit) => write!(f, "restart {unit}"),
            Self::Start(unit) => write!(f, "start {unit}"),
            Self::Stop(unit) => write!(f, "stop {unit}"),
        }
    }
}

/// What turns `observed` into `desired`, in the order in which it is done.
pub fn plan(desired: &Desired, observed: &Observed) -> Plan<Step> {
    let mut steps = Vec::new();
    if observed.applied.as_ref() != Some(&desired.applied) {
        steps.push(Step::KeepLastGood);
    }
    if observed.needs_reload || !same_files(&desired.generated, &observed.generated) {
        steps.push(Step::DaemonReload);
    }
    // containerd 1.7 creates it with the first blob, and the registry's unit does not start without.
    let content = desired.content.filter(|_| !observed.content);
    steps.extend(content.map(Step::CreateFolder));
    let active = |unit: &str| observed.units.get(unit).is_some_and(|unit| unit.active);
    let watch = watcher(desired, observed);
    steps.extend(watch.then(|| Step::Stop(names::WATCH_UNIT.to_owned())));
    let oneshots =
        [(names::THINPOOL_UNIT, observed.pool_pending), (names::NET_UNIT, observed.net_pending)];
    for (unit, pending) in oneshots {
        if pending && active(unit) {
            steps.push(Step::Reload(unit.to_owned()));
        }
    }
    steps.extend(dhcp_step(desired, observed));
    if watch && desired.network.contains(&names::WATCH_UNIT) {
        steps.push(Step::Start(names::WATCH_UNIT.to_owned()));
    }
    let replaced = |unit: &str| observed.units.get(unit).is_some_and(|unit| unit.replaced);
    // It reads the configuration when it starts, and is not missed for that moment.
    let changed = observed.applied.as_ref() != Some(&desired.applied);
    let outdated = observed.units.get(names::GUARD_UNIT).is_some_and(|unit| unit.outdated);
    if (changed || outdated || replaced(names::GUARD_UNIT)) && active(names::GUARD_UNIT) {
        steps.push(Step::Restart(names::GUARD_UNIT.to_owned()));
    }
    let running =
        |unit: &str| observed.units.get(unit).map(|u| u.argv.as_slice()).unwrap_or_default();
    let containerd = &desired.containerd;
    let stale = active(containerd)
        && desired.containerd_argv.as_ref().is_some_and(|argv| {
            let config = &desired.containerd_config;
            let other = config.is_some() && *config != observed.containerd_config;
            let proxies = proxies_changed(desired, observed, containerd);
            running(containerd) != argv || replaced(containerd) || other || proxies
        });
    if stale {
        steps.push(Step::Restart(containerd.clone()));
    }
    steps.extend(registry_step(desired, observed));
    if let Some(unit) = &desired.flintlockd {
        let arguments_changed = !runs(desired, observed, unit) || observed.file_stale;
        let other = arguments_changed || proxies_changed(desired, observed, unit);
        let changed = other || replaced(unit);
        // A restart of containerd restarts flintlockd as well.
        if active(unit) && changed && !stale {
            steps.push(Step::Restart(unit.clone()));
        }
    }
    // A restart of containerd takes down what is bound to it.
    if stale || needed(desired).any(|unit| !active(unit)) {
        steps.push(Step::Start(names::TARGET.to_owned()));
    } else {
        steps.extend(images_step(desired, observed));
    }
    Plan::new(steps, Vec::new())
}

/// Whether flintlockd was started with the command line that it is to have. Where the program is a
/// script the kernel puts its interpreter before that, and a script that executes another program
/// leaves nothing of it: then systemd's own word counts, unless it is about to read another.
fn runs(desired: &Desired, observed: &Observed, unit: &str) -> bool {
    let Some(unit) = observed.units.get(unit) else {
        return true;
    };
    let argv = &desired.flintlockd_argv;
    if unit.argv.ends_with(argv) {
        return true;
    }
    let another = unit.argv.first() != argv.first() && !unit.argv.is_empty();
    another && unit.exec_start == *argv && same_files(&desired.generated, &observed.generated)
}

/// The watcher read the configuration when it was started. One that runs with another than the
/// desired one, or from a program that was replaced, has to be gone while the rules change: it
/// would put its own back.
fn watcher(desired: &Desired, observed: &Observed) -> bool {
    let current = observed.applied.as_ref() == Some(&desired.applied)
        && desired.network.contains(&names::WATCH_UNIT);
    let watch = observed.units.get(names::WATCH_UNIT);
    watch.is_some_and(|unit| unit.active && (unit.replaced || unit.outdated || !current))
}

/// mvm-images runs for what is missing, and not again for what it has just failed at: its timer
/// does that, and a host whose registry is down has nothing that an operator could apply.
fn images_step(desired: &Desired, observed: &Observed) -> Option<Step> {
    let failed = &observed.images.failed;
    let incomplete = observed.images.incomplete.as_deref().unwrap_or_default();
    let unit = |name: &str| observed.units.get(name);
    if !desired.images {
        let timer = unit(names::IMAGES_RETRY_UNIT).filter(|timer| timer.active);
        return timer.map(|_| Step::Stop(names::IMAGES_RETRY_UNIT.to_owned()));
    }
    let running = unit(names::IMAGES_UNIT).is_some_and(|unit| !unit.argv.is_empty());
    let changed = observed.applied.as_ref() != Some(&desired.applied) && !incomplete.is_empty();
    let missing = changed || incomplete.iter().any(|image| !failed.contains(image));
    (missing && !running).then(|| Step::Start(names::IMAGES_UNIT.to_owned()))
}

/// The registry on this host, by the command line that it runs with.
fn registry_step(desired: &Desired, observed: &Observed) -> Option<Step> {
    let unit = names::REGISTRY_UNIT.to_owned();
    let running = observed.units.get(&unit).filter(|unit| unit.active)?;
    match &desired.registry_argv {
        None => Some(Step::Stop(unit)),
        Some(argv) => (running.replaced || running.argv != *argv).then_some(Step::Restart(unit)),
    }
}

/// Whether a unit that runs was started with other proxies than the file names. The generator's
/// files are those of its start, or of a reload since, which restarted it.
fn proxies_changed(desired: &Desired, observed: &Observed, unit: &str) -> bool {
    let of = |files: &[UnitFile]| -> Vec<String> {
        let own = files.iter().filter(|file| file.path.starts_with(&format!("{unit}.d/")));
        let lines = own.flat_map(|file| file.text.lines());
        lines
            .filter(|line| line.starts_with("Environment=") && line.contains("_PROXY="))
            .map(str::to_owned)
            .collect()
    };
    of(&desired.generated) != of(&observed.generated)
}

/// dnsmasq by the configuration it was started with.
fn dhcp_step(desired: &Desired, observed: &Observed) -> Option<Step> {
    let unit = names::DHCP_UNIT.to_owned();
    observed.units.get(&unit).filter(|unit| unit.active)?;
    match desired.network.contains(&names::DHCP_UNIT) {
        false => Some(Step::Stop(unit)),
        true => (observed.dnsmasq_config != desired.dnsmasq_config).then_some(Step::Restart(unit)),
    }
}

/// What is still wrong once everything was done: a finding for each unit that is not up, and for a
/// flintlockd that is not installed.
pub fn missing(desired: &Desired, observed: &Observed) -> Vec<Finding> {
    let down = needed(desired).filter_map(|name| {
        let state = match observed.units.get(name) {
            Some(unit) if unit.active => return None,
            Some(unit) => unit.state.as_str(),
            None => "not loaded",
        };
        Some(catalogue::units::unit_failed(name, state))
    });
    let absent = desired.flintlockd.is_none().then(|| {
        let program = desired.flintlockd_argv.first().map_or("flintlockd", String::as_str);
        catalogue::flk::binary_missing(program)
    });
    down.chain(absent).collect()
}

/// The units that make up the host, in the order of the chain.
pub fn needed(desired: &Desired) -> impl Iterator<Item = &str> {
    [names::THINPOOL_UNIT, names::NET_UNIT]
        .into_iter()
        .chain(desired.network.iter().copied())
        .chain([names::HYGIENE_UNIT, names::GUARD_UNIT, desired.containerd.as_str()])
        .chain(desired.registry_argv.as_ref().map(|_| names::REGISTRY_UNIT))
        .chain(desired.flintlockd.as_deref())
}

fn same_files(one: &[UnitFile], other: &[UnitFile]) -> bool {
    one.len() == other.len() && one.iter().all(|file| other.contains(file))
}

#[cfg(test)]
mod tests;
