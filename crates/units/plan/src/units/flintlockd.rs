//! flintlockd's drop-in and command line.

use mvm_config::model::{NetworkMode, Provider};
use mvm_config::{Config, places};
use mvm_core::names;

use super::{command_line, environment, fill};

/// The whole drop-in.
pub(super) fn dropin(config: &Config) -> String {
    let mut variables = String::new();
    if reads_file(config) {
        let variable = environment("XDG_CONFIG_HOME", names::FLINTLOCKD_CONFIG_HOME);
        variables = format!(
            "# Where mvm-validate puts what belongs on no command line (a token) or is known only \
             then (the\n# interface of the default route).\n\
             Environment={variable}\n"
        );
    }
    variables += &super::proxies(config);
    fill(
        include_str!("../../../../../units/dropins/flintlockd.conf"),
        &[
            ("IMAGES", super::images::hold(config)),
            ("CONTAINERD", places::containerd_unit(config.containerd.instance)),
            ("COMMAND", &command_line(&command(config))),
            ("ENVIRONMENT", &variables),
        ],
    )
}

/// Whether flintlockd is told something in a file: a token, which a command line would show to
/// everybody, or the interface of the default route, which is not known when units are generated.
pub fn reads_file(config: &Config) -> bool {
    config.flintlockd.basic_auth_token_file.is_some() || follows_default_route(config)
}

/// Whether the parent of macvtaps is the interface of the default route, whichever that is.
pub fn follows_default_route(config: &Config) -> bool {
    config.network.macvtap.enabled && config.network.macvtap.parent.is_none()
}

/// flintlockd's argv. Flags that only newer versions know (`--default-provider` and
/// `--cloudhypervisor-bin` since v0.6.0) are given only where the configuration needs them, so
/// that one command line serves v0.4 to v0.11.
pub fn command(config: &Config) -> Vec<String> {
    let flintlockd = &config.flintlockd;
    let mut argv = vec![flintlockd.binary.as_str().to_owned(), "run".to_owned()];
    let mut flag = |name: &str, value: &str| argv.extend([name.to_owned(), value.to_owned()]);
    flag("--containerd-socket", places::containerd_socket(config.containerd.instance));
    flag("--containerd-ns", config.containerd.namespace.as_str());
    flag("--grpc-endpoint", &flintlockd.grpc_endpoint.to_string());
    let network = &config.network;
    if network.mode == NetworkMode::Tap {
        flag("--bridge-name", network.bridge.name.as_str());
    }
    if let Some(parent) = network.macvtap.parent.as_ref().filter(|_| network.macvtap.enabled) {
        flag("--parent-iface", parent.as_str());
    }
    flag("--firecracker-bin", &flintlockd.firecracker_binary);
    let built_in = Config::default().flintlockd;
    let cloud = flintlockd.provider == Provider::CloudHypervisor;
    if cloud {
        flag("--default-provider", "cloudhypervisor");
    }
    // A microVM may name its provider.
    if cloud || flintlockd.cloudhypervisor_binary != built_in.cloudhypervisor_binary {
        flag("--cloudhypervisor-bin", &flintlockd.cloudhypervisor_binary);
    }
    let named = |word: &String| word == "--state-dir" || word.starts_with("--state-dir=");
    if flintlockd.state_dir != built_in.state_dir && !flintlockd.extra_args.iter().any(named) {
        flag("--state-dir", flintlockd.state_dir.as_str());
    }
    match &flintlockd.tls {
        Some(tls) => {
            flag("--tls-cert", tls.cert.as_str());
            flag("--tls-key", tls.key.as_str());
            if let Some(authority) = &tls.client_ca {
                flag("--tls-client-ca", authority.as_str());
                argv.push("--tls-client-validate".to_owned());
            }
        }
        // Loopback without TLS, or the operator's own word: validation has seen to that.
        None => argv.push("--insecure".to_owned()),
    }
    argv.extend(flintlockd.extra_args.iter().cloned());
    argv
}
