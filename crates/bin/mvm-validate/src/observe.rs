//! What the checks look at, asked of the kernel and the daemons themselves.

use std::path::Path;
use std::time::Duration;

use mvm_checks::{Endpoint, FileSetting, Flaw, Observed, Plugin, Program};
use mvm_config::model::{Instance, Provider};
use mvm_config::{Config, places};
use mvm_core::exec::{self, Execute, Limits, System};
use mvm_core::port::{self, Port};
use mvm_core::{Finding, Roots, brake, chain, interfaces, names};
use mvm_units_systemd::containerd::{self, PluginState};
use mvm_units_systemd::program::{self, Obstacle};

use crate::handover;

mod machine;
mod network;

/// What could not be asked, and why.
type Unasked = Vec<(String, String)>;

/// How long a program may take to tell its version.
const VERSION_TIMEOUT: Duration = Duration::from_secs(2);
/// How long containerd may take to answer.
const PLUGIN_TIMEOUT: Duration = Duration::from_secs(3);

/// Observes the machine. `flintlockd_pid` is the process that may hold the endpoint: flintlockd
/// itself, when it runs already.
pub fn observe(roots: &Roots, config: &Config, flintlockd_pid: Option<i32>) -> Observed {
    let [flintlockd, vmm] = programs(roots, config);
    let mut unasked = Unasked::new();
    let stale_taps = interfaces::stale_taps(roots).unwrap_or_else(|error| {
        unasked.push(("taps".to_owned(), error.to_string()));
        Vec::new()
    });
    let plugin = plugin(roots, config);
    let default_interface = network::default_interface(roots, config, &mut unasked);
    Observed {
        second_vmm: second_vmm(roots, config),
        pool: mvm_pool_kernel::thinpool::pool_state(roots, &config.thinpool.name)
            .map_err(|error| chain(&error)),
        brake: brake::reason(&roots.at(names::BRAKE)),
        brake_off: brake::off(roots, names::BRAKE_OFF)
            .map(|off| (off.remaining.as_secs(), off.why)),
        containerd_version: containerd_version(roots, config, &plugin),
        kernel: machine::kernel(roots),
        systemd: systemd(roots),
        plugin,
        flintlockd,
        vmm,
        endpoint: endpoint(roots, config, flintlockd_pid),
        unreadable: unreadable(roots, config),
        flintlockd_config: roots.at(names::FLINTLOCKD_OPERATOR_CONFIG).exists(),
        kvm: machine::kvm(roots),
        interface: machine::interface(roots, config, default_interface.as_deref()),
        parent: machine::parent(roots, config, default_interface.as_deref())
            .filter(|_| config.network.has_both()),
        default_interface,
        no_tun: interfaces::tun(roots).err().map(|error| error.to_string()),
        stale_taps,
        forward: network::forward(roots, config, &mut unasked),
        network: network::kernel(roots, config, &mut unasked),
        dhcp_served: network::dhcp_served(roots, &mut unasked),
        missing_tools: machine::missing_tools(roots),
        certificates: machine::certificates(roots, config),
        secret_modes: machine::secret_modes(roots, config),
        // mvm-images says at boot what they lack; here flintlockd would wait for it once more.
        images: Vec::new(),
        now: machine::now(),
        newest: machine::newest(roots),
        ends_microvms: None,
        without_vmm: Vec::new(),
        overrides: Vec::new(),
        databases: Vec::new(),
        containerd_flaw: None,
        services: None,
        unasked,
    }
}

/// What containerd says of its devmapper snapshotter, now.
pub fn plugin(roots: &Roots, config: &Config) -> Plugin {
    let socket = roots.at(places::containerd_socket(config.containerd.instance));
    match containerd::devmapper_plugin(&socket, PLUGIN_TIMEOUT) {
        Ok(PluginState::Ok) => Plugin::Ok,
        Ok(PluginState::Error(message)) => Plugin::NotOk(message),
        Ok(PluginState::Skipped) => Plugin::NotOk("it is not configured".to_owned()),
        Ok(PluginState::Absent) => Plugin::NotOk("it was not built in".to_owned()),
        Err(error) => Plugin::NoAnswer(chain(&error)),
    }
}

/// What containerd tells of its version. One that did not answer just now is not waited for again.
fn containerd_version(roots: &Roots, config: &Config, plugin: &Plugin) -> Option<String> {
    if matches!(plugin, Plugin::NoAnswer(_)) {
        return None;
    }
    let socket = roots.at(places::containerd_socket(config.containerd.instance));
    containerd::version(&socket, PLUGIN_TIMEOUT).ok()
}

/// What a look into containerd's databases finds.
pub fn databases(roots: &Roots, config: &Config) -> Vec<Finding> {
    let desired = mvm_pool_kernel::desired(roots, config);
    mvm_repair_kernel::databases::look(roots, &desired)
}

/// Why the program that containerd-dev runs cannot be run, where it cannot; the distribution's
/// containerd has a unit of its own.
pub fn containerd_flaw(roots: &Roots, config: &Config) -> Option<String> {
    if config.containerd.instance != Instance::Dedicated {
        return None;
    }
    let Some(found) = exec::find_file(roots, config.containerd.binary.as_str()) else {
        return Some(String::new());
    };
    match program::obstacle(&found) {
        Ok(None) => None,
        Ok(Some(_)) => Some("it is there and cannot be executed".to_owned()),
        Err(error) => Some(error.to_string()),
    }
}

/// The version of the systemd that is installed: the package that brings systemctl.
fn systemd(roots: &Roots) -> Option<String> {
    let systemctl = exec::find_file(roots, "systemctl")?;
    version(&systemctl, &["--version"]).ok()
}

/// flintlockd, and the VMM of the configured provider.
pub fn programs(roots: &Roots, config: &Config) -> [Program; 2] {
    let flintlockd = &config.flintlockd;
    let vmm = match flintlockd.provider {
        Provider::Firecracker => &flintlockd.firecracker_binary,
        Provider::CloudHypervisor => &flintlockd.cloudhypervisor_binary,
    };
    [
        program(roots, flintlockd.binary.as_str(), &["version", "--short"]),
        program(roots, vmm, &["--version"]),
    ]
}

/// Cloud Hypervisor, where microVMs may have macvtaps beside the taps of Firecracker's.
fn second_vmm(roots: &Roots, config: &Config) -> Option<Program> {
    let flintlockd = &config.flintlockd;
    let other = config.network.has_both() && flintlockd.provider == Provider::Firecracker;
    other.then(|| program(roots, &flintlockd.cloudhypervisor_binary, &["--version"]))
}

/// Looks at the program and, where nothing stands in its way, asks its version.
fn program(roots: &Roots, name: &str, question: &[&str]) -> Program {
    let mut found = Program { name: name.to_owned(), path: None, version: None, flaw: None };
    let Some(path) = exec::find_file(roots, name) else {
        return found;
    };
    found.path = Some(path.display().to_string());
    found.flaw = match program::obstacle(&path) {
        Ok(None) => None,
        Ok(Some(Obstacle::NotExecutable)) => Some(Flaw::NotExecutable),
        Ok(Some(Obstacle::WrongMachine(what))) => Some(Flaw::WrongMachine(what)),
        Ok(Some(Obstacle::NoExec)) => Some(Flaw::NoExec),
        Err(error) => Some(Flaw::Silent(error.to_string())),
    };
    if found.flaw.is_none() {
        match version(&path, question) {
            Ok(version) => found.version = Some(version),
            Err(why) => found.flaw = Some(Flaw::Silent(why)),
        }
    }
    found
}

/// The first line that the program says.
fn version(program: &Path, question: &[&str]) -> Result<String, String> {
    let arguments: Vec<_> = question.iter().map(AsRef::as_ref).collect();
    let exit = System
        .run(program, &arguments, &mut Limits::timeout(VERSION_TIMEOUT))
        .map_err(|error| chain(&error))?;
    let first = exit.stdout.lines().next().unwrap_or_default().trim();
    match exit.success() && !first.is_empty() {
        true => Ok(first.to_owned()),
        false => Err(exit.stderr.lines().last().unwrap_or("it says nothing").to_owned()),
    }
}

/// Whether flintlockd could listen, or does: `flintlockd_pid` is its process, when it runs.
pub fn endpoint(roots: &Roots, config: &Config, flintlockd_pid: Option<i32>) -> Endpoint {
    let endpoint = &config.flintlockd.grpc_endpoint;
    match port::probe(roots, endpoint.host(), endpoint.port()) {
        Port::Free => Endpoint::Free,
        Port::NoSuchAddress => Endpoint::NoAddress,
        Port::Refused(why) => Endpoint::Refused(why),
        Port::Taken { pid, .. } if pid.is_some() && pid == flintlockd_pid => Endpoint::Free,
        Port::Taken { pid, comm } => Endpoint::Taken(match (pid, comm) {
            (Some(pid), Some(comm)) => format!("{comm} (pid {pid})"),
            (Some(pid), None) => format!("pid {pid}"),
            _ => "an unknown process".to_owned(),
        }),
    }
}

fn unreadable(roots: &Roots, config: &Config) -> Vec<(FileSetting, String, String)> {
    let mut found = Vec::new();
    if let Some(file) = &config.flintlockd.basic_auth_token_file
        && let Err(why) = handover::token(&roots.at(file.as_str()))
    {
        found.push((FileSetting::Token, file.to_string(), why));
    }
    let tls = config.flintlockd.tls.iter();
    let files = tls.flat_map(|tls| [Some(&tls.cert), Some(&tls.key), tls.client_ca.as_ref()]);
    for file in files.flatten() {
        if let Err(error) = std::fs::File::open(roots.at(file.as_str())) {
            found.push((FileSetting::Tls, file.to_string(), error.to_string()));
        }
    }
    found
}
