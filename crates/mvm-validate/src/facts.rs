//! What the checks look at, asked of the kernel and the daemons themselves.

use std::path::{Path, PathBuf};
use std::time::Duration;

use mvm_config::model::Provider;
use mvm_config::{Config, Roots};
use mvm_host::chain;
use mvm_host::containerd::{self, PluginState};
use mvm_host::exec::{self, Execute, Limits, System};
use mvm_host::port::{self, Port};
use mvm_plan::checks::{Endpoint, Facts, Plugin, Program, Secret};
use mvm_plan::names;

use crate::handover;

/// How long a program may take to tell its version.
const VERSION_TIMEOUT: Duration = Duration::from_secs(2);
/// How long containerd may take to answer.
const PLUGIN_TIMEOUT: Duration = Duration::from_secs(3);

/// Observes the machine. `flintlockd_pid` is the process that may hold the endpoint: flintlockd
/// itself, when it runs already.
pub fn observe(roots: &Roots, config: &Config, flintlockd_pid: Option<i32>) -> Facts {
    let flintlockd = &config.flintlockd;
    let vmm = match flintlockd.provider {
        Provider::Firecracker => &flintlockd.firecracker_binary,
        Provider::CloudHypervisor => &flintlockd.cloudhypervisor_binary,
    };
    let mut daemon = program(roots, flintlockd.binary.as_str());
    daemon.version = daemon.path.as_ref().and_then(|path| version(Path::new(path)));
    Facts {
        pool: mvm_storage::thinpool::pool_state(roots, &config.thinpool.name)
            .map_err(|error| chain(&error)),
        plugin: plugin(roots, config),
        flintlockd: daemon,
        vmm: program(roots, vmm),
        endpoint: endpoint(roots, config, flintlockd_pid),
        unreadable: unreadable(roots, config),
        flintlockd_config: roots.at(names::FLINTLOCKD_OPERATOR_CONFIG).exists(),
    }
}

/// What containerd says of its devmapper snapshotter, now.
pub fn plugin(roots: &Roots, config: &Config) -> Plugin {
    let socket = roots.at(names::containerd_socket(config.containerd.instance));
    match containerd::devmapper_plugin(&socket, PLUGIN_TIMEOUT) {
        Ok(PluginState::Ok) => Plugin::Ok,
        Ok(PluginState::Error(said)) => Plugin::NotOk(said),
        Ok(PluginState::Skipped) => Plugin::NotOk("it is not configured".to_owned()),
        Ok(PluginState::Absent) => Plugin::NotOk("it was not built in".to_owned()),
        Err(error) => Plugin::NoAnswer(chain(&error)),
    }
}

fn program(roots: &Roots, name: &str) -> Program {
    let path = exec::find(roots, name).map(|path: PathBuf| path.display().to_string());
    Program { name: name.to_owned(), path, version: None }
}

/// `flintlockd version --short` prints the bare version.
fn version(program: &Path) -> Option<String> {
    let arguments = ["version".as_ref(), "--short".as_ref()];
    let exit = System.run(program, &arguments, &mut Limits::timeout(VERSION_TIMEOUT)).ok()?;
    exit.success().then(|| exit.stdout.trim().to_owned())
}

fn endpoint(roots: &Roots, config: &Config, flintlockd_pid: Option<i32>) -> Endpoint {
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

fn unreadable(roots: &Roots, config: &Config) -> Vec<(Secret, String, String)> {
    let mut found = Vec::new();
    if let Some(file) = &config.flintlockd.basic_auth_token_file
        && let Err(why) = handover::token(&roots.at(file.as_str()))
    {
        found.push((Secret::Token, file.to_string(), why));
    }
    let tls = config.flintlockd.tls.iter();
    let files = tls.flat_map(|tls| [Some(&tls.cert), Some(&tls.key), tls.client_ca.as_ref()]);
    for file in files.flatten() {
        if let Err(error) = std::fs::File::open(roots.at(file.as_str())) {
            found.push((Secret::Tls, file.to_string(), error.to_string()));
        }
    }
    found
}
