//! Refusals about containerd and flintlockd.

use super::{Refusals, TlsKeys};
use crate::defaults::state_dir_argument;
use crate::model::{Compatibility, NetworkMode, Provider};
use crate::names::AbsPath;

/// Flags that mvmhost passes by itself, each with what to do instead.
const OWN_FLAGS: [(&str, &str); 15] = [
    ("grpc-endpoint", "use [flintlockd] grpc-endpoint"),
    ("insecure", "use [flintlockd] insecure"),
    ("basic-auth-token", "use [flintlockd] basic-auth-token-file"),
    ("default-provider", "use [flintlockd] provider"),
    ("firecracker-bin", "use [flintlockd] firecracker-binary"),
    ("cloudhypervisor-bin", "use [flintlockd] cloudhypervisor-binary"),
    ("tls-cert", "use [flintlockd.tls] cert"),
    ("tls-key", "use [flintlockd.tls] key"),
    ("tls-client-ca", "use [flintlockd.tls] client-ca"),
    ("tls-client-validate", "use [flintlockd.tls] client-ca"),
    ("containerd-socket", "use [containerd] instance"),
    ("containerd-ns", "use [containerd] namespace"),
    ("containerd-kernel-ss", "leave it out: kernels are in the native snapshotter"),
    ("bridge-name", "use [network.bridge] name"),
    ("parent-iface", "use [network.macvtap] parent"),
];

pub(super) fn combinations(refusals: &mut Refusals<'_, '_, '_>, tls: TlsKeys) {
    endpoint(refusals, tls);
    extra_args(refusals);
    state_dir(refusals);
    unit(refusals);
    let config = refusals.config;
    let macvtap = config.network.mode == NetworkMode::Macvtap;
    let current = config.flintlockd.compatibility == Compatibility::Current;
    if macvtap && current && config.flintlockd.provider == Provider::Firecracker {
        refusals.refuse(
            &["network.mode", "flintlockd.provider"],
            "flintlock 0.7 and later serve macvtap with Cloud Hypervisor only",
            "add provider = \"cloudhypervisor\" below [flintlockd], or write mode = \"tap\"; \
             with an older flintlock and the fork of Firecracker compatibility = \"before-0.7\"",
        );
    }
}

fn endpoint(refusals: &mut Refusals<'_, '_, '_>, tls: TlsKeys) {
    let flintlockd = &refusals.config.flintlockd;
    if tls.cert && !tls.key {
        let paths = ["flintlockd.tls.cert", "flintlockd.tls.key"];
        refusals.refuse(&paths, "a certificate without its key", "add key = \"/...\"");
    }
    if tls.key && !tls.cert {
        let paths = ["flintlockd.tls.key", "flintlockd.tls.cert"];
        refusals.refuse(&paths, "a key without its certificate", "add cert = \"/...\"");
    }
    if tls.client_ca && !tls.cert {
        refusals.refuse(
            &["flintlockd.tls.client-ca", "flintlockd.tls.cert"],
            "clients can show certificates only to a server that has one",
            "add cert = \"/...\" and key = \"/...\", or remove client-ca",
        );
    }
    let any = tls.cert || tls.key;
    if any && flintlockd.insecure {
        refusals.refuse(
            &["flintlockd.insecure", "flintlockd.tls.cert"],
            "flintlockd takes either certificates or insecure, not both",
            "remove insecure, or remove [flintlockd.tls]",
        );
    }
    if !flintlockd.grpc_endpoint.is_loopback() && !any && !flintlockd.insecure {
        refusals.refuse(
            &["flintlockd.grpc-endpoint", "flintlockd.insecure", "flintlockd.tls.cert"],
            "everyone who reaches this address could start and delete microVMs",
            "add cert and key below [flintlockd.tls], or insecure = true if that is meant",
        );
    }
}

fn extra_args(refusals: &mut Refusals<'_, '_, '_>) {
    let config = refusals.config;
    for (index, argument) in config.flintlockd.extra_args.iter().enumerate() {
        let name = argument.trim_start_matches('-').split('=').next().unwrap_or("");
        let own = OWN_FLAGS.iter().find(|(flag, _)| *flag == name && argument.starts_with('-'));
        let (message, instead) = match (name, own) {
            // With another mode the flag is the operator's to give.
            ("bridge-name", _) if config.network.mode != NetworkMode::Tap => continue,
            ("parent-iface", _) if !config.network.macvtap.enabled => continue,
            ("containerd-kernel-ss", Some((_, use_instead))) => {
                ("mvmhost unpacks kernels for flintlockd's own default".to_owned(), use_instead)
            }
            ("basic-auth-token", Some((_, use_instead))) => {
                let message = "a token on a command line, where ps and systemctl show it";
                (message.to_owned(), use_instead)
            }
            (_, Some((_, use_instead))) => (format!("mvmhost passes --{name} itself"), use_instead),
            (_, None) => continue,
        };
        refusals.refuse_entry(&["flintlockd.extra-args"], index, "", message, *instead);
    }
}

/// An older file names the directory among the flags; both ways have to name the same one.
fn state_dir(refusals: &mut Refusals<'_, '_, '_>) {
    let flintlockd = &refusals.config.flintlockd;
    let named = state_dir_argument(&flintlockd.extra_args);
    if named.is_some_and(|named| AbsPath::parse(named).ok().as_ref() != Some(&flintlockd.state_dir))
    {
        refusals.refuse(
            &["flintlockd.extra-args", "flintlockd.state-dir"],
            "--state-dir names no absolute path, or another one than state-dir",
            "remove --state-dir and write for example state-dir = \"/var/lib/flintlock\"",
        );
    }
}

fn unit(refusals: &mut Refusals<'_, '_, '_>) {
    let name = refusals.config.flintlockd.unit.as_str();
    let own = name.starts_with("mvm-")
        || name.starts_with("mvmhost")
        || matches!(name, "containerd.service" | "containerd-dev.service" | "dnsmasq.service");
    if own {
        refusals.refuse(
            &["flintlockd.unit"],
            "the name of another service that mvmhost has to do with",
            "write for example \"flintlockd.service\"",
        );
    }
}
