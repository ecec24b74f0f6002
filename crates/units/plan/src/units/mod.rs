//! The unit files that the generator writes: which, where, and with what in them.
//!
//! The text of each stands in `units/dropins/`; here is decided when it is written and what its
//! placeholders become.

use mvm_config::model::{Backend, Instance};
use mvm_config::{Config, places};
use mvm_core::escape::{device_unit, environment, exec_argument, interface_unit, word};
use mvm_core::names;
use mvm_images_plan::proxy::Proxies;

mod flintlockd;
mod images;
mod registry;

pub use registry::command as registry_command;

pub use flintlockd::{
    command as flintlockd_command, follows_default_route, reads_file as flintlockd_reads_file,
};

/// Name of every drop-in: after the distribution's (10-), before the operator's own (90-).
const DROPIN: &str = "50-mvmhost.conf";

/// Where systemd looks for units that somebody else may have written.
const UNIT_DIRECTORIES: [&str; 5] = [
    "/etc/systemd/system",
    "/run/systemd/system",
    "/usr/local/lib/systemd/system",
    "/usr/lib/systemd/system",
    "/lib/systemd/system",
];

/// Which of systemd's three generator directories.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Directory {
    /// Overrides the distribution's units, is overridden by /etc.
    Normal,
    /// Counts only where nobody else has the unit.
    Late,
}

/// A file that mvmhost-generator writes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnitFile {
    /// In which of the generator's directories, which decides over what it wins.
    pub directory: Directory,
    /// Below the directory, such as `mvm-net.service.d/50-mvmhost.conf`.
    pub path: String,
    /// The whole text, with no placeholder left.
    pub text: String,
}

/// What is installed, by the names of files alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Installed {
    /// flintlockd's unit stands in one of systemd's unit directories.
    pub flintlockd_unit: bool,
    /// flintlockd's binary is there.
    pub flintlockd_binary: bool,
    /// The unit has a control group: flintlockd runs, or microVMs that it started.
    pub flintlockd_processes: bool,
    /// The operator has a containerd configuration of his own for containerd-dev.
    pub operator_containerd_config: bool,
}

impl Installed {
    /// `exists` tells whether there is a file, of whatever kind, under an absolute path.
    pub fn new(config: &Config, exists: impl Fn(&str) -> bool) -> Self {
        let unit = config.flintlockd.unit.as_str();
        Self {
            flintlockd_unit: UNIT_DIRECTORIES
                .iter()
                .any(|directory| exists(&format!("{directory}/{unit}"))),
            flintlockd_binary: exists(config.flintlockd.binary.as_str()),
            flintlockd_processes: exists(&control_group(unit)),
            operator_containerd_config: exists(names::OPERATOR_CONTAINERD_CONFIG),
        }
    }
}

/// The control group of a unit, where it has the slice that systemd gives it by default.
fn control_group(unit: &str) -> String {
    format!("/sys/fs/cgroup/system.slice/{unit}")
}

/// Whether nothing may be written yet: an operator's flintlockd or containerd-dev runs, nobody has
/// applied a configuration, and no unit of mvmhost has run in this boot. With a unit in BindsTo= that is not
/// up systemd stops the running one at the next reload, which the installation of any package does.
pub fn is_too_early(config: &Config, exists: impl Fn(&str) -> bool) -> bool {
    let ours = ["/etc/mvmhost/applied.toml", "/run/mvmhost"].into_iter().any(&exists);
    let units = [config.flintlockd.unit.as_str(), names::CONTAINERD_DEV_UNIT];
    !ours && units.iter().any(|unit| exists(&control_group(unit)))
}

/// What the generator writes for a valid configuration; flintlockd's drop-in comes first.
pub fn files(config: &Config, installed: Installed) -> Vec<UnitFile> {
    let flintlockd = config.flintlockd.unit.as_str();
    let containerd = places::containerd_unit(config.containerd.instance);
    let mut files = vec![
        // First, so that flintlockd is held to its chain even when /run fills up after it.
        dropin(flintlockd, flintlockd::dropin(config)),
        dropin(names::THINPOOL_UNIT, thinpool(config)),
        dropin(
            names::TARGET,
            fill(
                include_str!("../../../../../units/dropins/mvmhost.target.conf"),
                &[
                    ("NETWORK", &network_units(config)),
                    ("IMAGES", &(images::wants(config).to_owned() + registry::wants(config))),
                    ("CONTAINERD", containerd),
                    ("FLINTLOCKD", flintlockd),
                ],
            ),
        ),
        containerd_dropin(config, installed),
    ];
    files.extend(net(config));
    files.extend(hygiene(config));
    files.extend(images::dropin(config).map(|text| dropin(names::IMAGES_UNIT, text)));
    files.extend(registry::dropin(config).map(|text| dropin(names::REGISTRY_UNIT, text)));
    files.extend(own_flintlockd(config, installed));
    files
}

fn network_units(config: &Config) -> String {
    mvm_network_plan::units(config).into_iter().map(|unit| wants_and_after(unit) + "\n").collect()
}

/// The unit files for a host whose configuration is invalid and was never valid: flintlockd is
/// held back and its journal says why.
pub fn without_config(installed: Installed) -> Vec<UnitFile> {
    let config = Config::default();
    let text = include_str!("../../../../../units/dropins/flintlockd-held.conf");
    let mut files = vec![dropin(config.flintlockd.unit.as_str(), text.to_owned())];
    let target = include_str!("../../../../../units/dropins/mvmhost.target-held.conf");
    let values = [("FLINTLOCKD", config.flintlockd.unit.as_str())];
    files.push(dropin(names::TARGET, fill(target, &values)));
    files.extend(own_flintlockd(&config, installed));
    files
}

/// A whole unit where flintlockd is installed and has none. It stays while processes of it are there:
/// without a unit systemd's own settings hold, and a stop ends the microVMs in its control group.
fn own_flintlockd(config: &Config, installed: Installed) -> Option<UnitFile> {
    let needed = installed.flintlockd_binary || installed.flintlockd_processes;
    (needed && !installed.flintlockd_unit).then(|| UnitFile {
        directory: Directory::Late,
        path: config.flintlockd.unit.as_str().to_owned(),
        text: fill(
            include_str!("../../../../../units/dropins/flintlockd.service"),
            &[("BINARY", &exec_argument(config.flintlockd.binary.as_str()))],
        ),
    })
}

fn dropin(unit: &str, text: String) -> UnitFile {
    UnitFile { directory: Directory::Normal, path: format!("{unit}.d/{DROPIN}"), text }
}

fn containerd_dropin(config: &Config, installed: Installed) -> UnitFile {
    match config.containerd.instance {
        Instance::System => {
            let text = include_str!("../../../../../units/dropins/containerd.conf");
            let values = [("FLINTLOCKD", config.flintlockd.unit.as_str())];
            dropin(names::CONTAINERD_UNIT, fill(text, &values))
        }
        Instance::Dedicated => {
            let text = fill(
                include_str!("../../../../../units/dropins/containerd-dev.conf"),
                &[
                    ("COMMAND", &command_line(&containerd_command(config, installed))),
                    ("ENVIRONMENT", &proxies(config)),
                    ("FLINTLOCKD", config.flintlockd.unit.as_str()),
                ],
            );
            dropin(names::CONTAINERD_DEV_UNIT, text)
        }
    }
}

/// The lines with the file's proxies, for a [Service] section; empty where there are none.
pub(crate) fn proxies(config: &Config) -> String {
    if !config.proxy.is_used() {
        return String::new();
    }
    let Proxies { http, https, without } = Proxies::of_file(&config.proxy);
    let variables = [("HTTP_PROXY", http), ("HTTPS_PROXY", https), ("NO_PROXY", without)];
    let set = variables.into_iter().filter(|(_, value)| !value.is_empty());
    set.map(|(name, value)| format!("Environment={}\n", environment(name, &value))).collect()
}

/// containerd-dev's argv.
pub fn containerd_command(config: &Config, installed: Installed) -> Vec<String> {
    let file = if installed.operator_containerd_config {
        names::OPERATOR_CONTAINERD_CONFIG
    } else {
        names::CONTAINERD_DEV_CONFIG
    };
    [config.containerd.binary.as_str(), "--config", file].map(str::to_owned).to_vec()
}

/// dmeventd is started by its socket, or it would be a process of our unit. The profile is below
/// /etc/lvm, and LVM keeps its own backups there.
const LVM: &str = "Wants=dm-event.socket\nAfter=dm-event.socket\n\n[Service]\n\
                   ReadWritePaths=-/etc/lvm";

fn thinpool(config: &Config) -> String {
    let mut relations: Vec<String> = places::pool_directories(config)
        .into_iter()
        .map(|path| format!("RequiresMountsFor={}", word(path)))
        .collect();
    match config.thinpool.backend {
        Backend::Lvm => {
            let devices = &config.thinpool.lvm.devices;
            relations.extend(
                devices.iter().map(|device| wants_and_after(&device_unit(device.as_str()))),
            );
            relations.push(LVM.to_owned());
        }
        Backend::Loop | Backend::External => {}
    }
    fill(
        include_str!("../../../../../units/dropins/mvm-thinpool.conf"),
        &[("RELATIONS", &relations.join("\n"))],
    )
}

/// mvm-net waits for the interfaces that the configuration names and that mvmhost does not make.
fn net(config: &Config) -> Option<UnitFile> {
    let network = &config.network;
    let made = |name: &str| network.vlans.iter().any(|vlan| vlan.name.as_str() == name);
    let named = network
        .vlans
        .iter()
        .map(|vlan| vlan.parent.as_str())
        .chain(network.bridge.uplink.iter().map(|name| name.as_str()))
        .chain(network.macvtap.parent.iter().map(|name| name.as_str()));
    let mut devices: Vec<String> = named
        .filter(|name| !made(name))
        .map(|name| wants_and_after(&interface_unit(name)))
        .collect();
    devices.dedup();
    let comment = "# It waits for these devices until their jobs time out, and then reports which is missing.";
    if !devices.is_empty() {
        devices.insert(0, comment.to_owned());
    }
    if !network.tailscale_routes.is_empty() {
        devices.push("# It tells tailscale its routes.\nAfter=tailscaled.service".to_owned());
    }
    if devices.is_empty() {
        return None;
    }
    let text = fill(
        include_str!("../../../../../units/dropins/mvm-net.conf"),
        &[("RELATIONS", &devices.join("\n"))],
    );
    Some(dropin(names::NET_UNIT, text))
}

/// The unit as shipped knows flintlockd's own state directory only.
fn hygiene(config: &Config) -> Option<UnitFile> {
    let state = config.flintlockd.state_dir.as_str();
    let argv = [&format!("{}/mvm-hygiene", names::LIBEXEC), "--state-dir", state];
    let text = include_str!("../../../../../units/dropins/mvm-hygiene.conf");
    let values = [("COMMAND", command_line(&argv)), ("DIRECTORY", word(state))];
    let values = values.each_ref().map(|(name, value)| (*name, value.as_str()));
    (state != names::FLINTLOCKD_STATE).then(|| dropin(names::HYGIENE_UNIT, fill(text, &values)))
}

fn wants_and_after(unit: &str) -> String {
    format!("Wants={unit}\nAfter={unit}")
}

/// The right side of an Exec line, each argument escaped for systemd.
fn command_line<S: AsRef<str>>(arguments: &[S]) -> String {
    let escaped: Vec<String> = arguments.iter().map(|a| exec_argument(a.as_ref())).collect();
    escaped.join(" ")
}

/// Puts values in the place of `@NAME@`. Values are escaped by the caller; a value is not searched
/// for placeholders again.
fn fill(template: &str, values: &[(&str, &str)]) -> String {
    let mut out = String::with_capacity(template.len() + 256);
    let mut rest = template;
    while let Some((before, after)) = rest.split_once('@') {
        out.push_str(before);
        match after.split_once('@') {
            Some((name, tail)) => {
                debug_assert!(values.iter().any(|(key, _)| *key == name), "no value for {name}");
                let value = values.iter().find(|(key, _)| *key == name);
                out.push_str(value.map_or("", |(_, value)| value));
                rest = tail;
            }
            None => {
                out.push('@');
                rest = after;
            }
        }
    }
    out.push_str(rest);
    out
}
