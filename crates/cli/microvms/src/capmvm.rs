//! `mvmhost capmvm`: this host as Cluster API's provider for microVMs wants it.

use std::net::{IpAddr, UdpSocket};

use mvm_cli::cli::CapmvmArguments;
use mvm_cli::context::Context;
use mvm_cli::output::{self, Exit};
use mvm_config::Config;
use mvm_config::last_good::load_or_last_good;
use mvm_core::catalogue::{tls as tls_messages, vm as messages};
use mvm_core::{Finding, Severity, chain};
use mvm_images_plan::Platform;
use mvm_network_kernel::{Kernel, Network as _, address_owners};
use mvm_network_plan::reserved;
use mvm_tls::plan::CLUSTER_CLIENT;
use mvm_tls::{Opaque, material, secret};
use mvm_units_plan::capmvm::{Cluster, findings, render, tls_secret, token_secret, vip};
use mvm_validate::handover;

/// Prints the documents; exit 1 where this host does not fit.
pub fn run(context: &Context, arguments: &CapmvmArguments) -> Exit {
    let config = match load_or_last_good(&context.roots, context.config.as_deref()) {
        Ok((loaded, _)) => loaded.config,
        Err(findings) => {
            output::findings(context.json, &findings);
            return Exit::Config;
        }
    };
    let Some(address) = address(&config, arguments.address) else {
        let endpoint = config.flintlockd.grpc_endpoint.to_string();
        output::findings(context.json, &[messages::no_address(endpoint)]);
        return Exit::Findings;
    };
    let port = config.flintlockd.grpc_endpoint.port();
    let endpoint = match address.contains(':') {
        true => format!("[{address}]:{port}"),
        false => format!("{address}:{port}"),
    };
    let vip = vip(&config, &arguments.name, arguments.vip);
    let mut found = findings(&config, &endpoint, vip);
    if found.iter().any(|one| one.severity() == Severity::Error) {
        output::findings(context.json, &found);
        return Exit::Findings;
    }
    found.extend(vip.and_then(|vip| vip_owner(context, &config, vip)));
    let host = nix::unistd::gethostname().ok().and_then(|name| name.into_string().ok());
    let cluster = Cluster {
        name: &arguments.name,
        namespace: &arguments.namespace,
        host: host.as_deref().unwrap_or(&address),
        endpoint: &endpoint,
        vip,
        architecture: &Platform::of_machine(std::env::consts::ARCH).architecture,
    };
    let mut text = render(&config, &cluster);
    if arguments.secrets {
        match secrets(context, &config, arguments, &address) {
            Ok(more) => text.push_str(&more),
            Err(finding) => found.push(finding),
        }
    }
    if found.iter().all(|one| one.severity() != Severity::Error) {
        output::print(&text);
    }
    // Standard output is for kubectl.
    found.iter().for_each(mvm_core::sink::report);
    output::exit_for(&found)
}

/// Who has the control plane's address already. Where nobody can be asked, the cluster is to find out.
fn vip_owner(context: &Context, config: &Config, vip: IpAddr) -> Option<Finding> {
    let observed = Kernel::connect(&context.roots).ok()?.observe().ok()?;
    let owners = address_owners(config, &observed, vip)
        .inspect_err(|error| log::debug!("{}", chain(error)))
        .ok()?;
    if owners.own.is_some() || owners.others.len() > 1 {
        return Some(reserved::finding(&owners));
    }
    let mac = owners.others.first()?;
    Some(messages::vip_answers(vip.to_string(), mac))
}

/// As asked; else that of the endpoint; else this host's on the default route.
fn address(config: &Config, requested: Option<IpAddr>) -> Option<String> {
    let host = config.flintlockd.grpc_endpoint.host();
    match requested {
        Some(requested) => Some(requested.to_string()),
        None if !["", "0.0.0.0", "::"].contains(&host) => Some(host.to_owned()),
        None => on_default_route().map(|address| address.to_string()),
    }
}

/// The kernel chooses it for a socket; nothing is sent. The target is of RFC 5737, nobody's.
fn on_default_route() -> Option<IpAddr> {
    let socket = UdpSocket::bind("0.0.0.0:0").ok()?;
    socket.connect("192.0.2.1:9").ok()?;
    let address = socket.local_addr().ok()?.ip();
    (!address.is_unspecified() && !address.is_loopback()).then_some(address)
}

fn secrets(
    context: &Context,
    config: &Config,
    arguments: &CapmvmArguments,
    address: &str,
) -> Result<String, Finding> {
    let CapmvmArguments { name, namespace, .. } = arguments;
    let mut text = String::new();
    if config.flintlockd.tls.is_some() {
        let data = material(&context.roots, CLUSTER_CLIENT)
            .map_err(|error| tls_messages::no_client(CLUSTER_CLIENT).evidence(chain(&error)))?;
        let name = &tls_secret(name);
        text.push_str(&format!("---\n{}", secret(Opaque { name, namespace, data: &data })));
    }
    if let Some(file) = &config.flintlockd.basic_auth_token_file {
        let token = handover::token(&context.roots.at(file.as_str()))
            .map_err(|why| messages::file_unreadable(file.as_str(), why))?;
        // The provider looks a token up by what stands before the first colon of the endpoint.
        let key = address.split(':').next().unwrap_or_default();
        let data = [(key, token.into_bytes())];
        let name = &token_secret(name);
        text.push_str(&format!("---\n{}", secret(Opaque { name, namespace, data: &data })));
    }
    Ok(text)
}
