//! The cases of tests/checks, one folder each: `CHECK/CASE/{mvmhost.toml,facts.json,expected}`.
//!
//! facts.json holds what differs from a host on which nothing is wrong; a missing mvmhost.toml is an
//! empty one; `expected` lists the codes that this check says, none for a case in which it is
//! silent.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail by panicking")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use mvm_checks as checks;
use mvm_checks::{
    ALL, Endpoint, FileSetting, Interface, Kvm, Observed, ObservedNetwork, Plugin, Program,
    Services, Validity,
};
use mvm_config::Config;
use mvm_config::load::{Source, parse};
use mvm_core::{Finding, Severity, catalogue};
use mvm_firewalls::Forward;
use mvm_images_plan::{State, requested_images};
use mvm_pool_plan::thinpool::{LiveState, PoolState};
use mvm_units_plan::overrides::Override;
use serde::Deserialize;

/// What a case may give; everything else is as on a sound host.
#[derive(Deserialize, Default)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
struct Facts {
    /// The status line of a live pool, `absent`, or `unasked: WHY`.
    pool: Option<String>,
    brake: Option<String>,
    brake_off: Option<(u64, Option<String>)>,
    plugin: Option<Plugin>,
    flintlockd: Option<Program>,
    vmm: Option<Program>,
    containerd_version: Option<String>,
    kernel: Option<String>,
    systemd: Option<String>,
    endpoint: Option<Endpoint>,
    unreadable: Vec<(FileSetting, String, String)>,
    flintlockd_config: bool,
    kvm: Option<Kvm>,
    default_interface: Option<String>,
    interface: Option<Interface>,
    parent: Option<Interface>,
    second_vmm: Option<Program>,
    no_interface: bool,
    no_tun: Option<String>,
    stale_taps: Vec<String>,
    /// nft's JSON of tables.
    filters: Vec<serde_json::Value>,
    bridged: bool,
    network: ObservedNetwork,
    no_dhcp: bool,
    missing_tools: Vec<String>,
    certificates: BTreeMap<String, Validity>,
    no_certificates: BTreeMap<String, String>,
    secret_modes: Vec<(String, u32)>,
    /// By name, of the images in mvmhost.toml.
    images: BTreeMap<String, State>,
    now: Option<i64>,
    newest: Option<(String, i64)>,
    ends_microvms: Option<String>,
    without_vmm: Vec<(String, String)>,
    overrides: Vec<Override>,
    /// Why a database of containerd is damaged.
    damaged: Option<String>,
    containerd_flaw: Option<String>,
    /// What only `mvmhost check` observes.
    services: Option<Services>,
    unasked: Vec<(String, String)>,
}

fn pool(text: &str) -> Result<PoolState, String> {
    if let Some(why) = text.strip_prefix("unasked: ") {
        return Err(why.to_owned());
    }
    if text == "absent" {
        return Ok(PoolState::Absent);
    }
    let table = "0 209715200 thin-pool 7:1 7:0 128 32768".parse().unwrap();
    let status = text.to_owned();
    Ok(PoolState::Live(LiveState { table, status, suspended: false, second_table: false }))
}

fn config(text: &str) -> Config {
    let source = Source { name: "test.toml".to_owned(), text: text.to_owned() };
    parse(&[source]).unwrap().config
}

/// A host on which nothing is wrong.
fn sound() -> Observed {
    let table = "0 209715200 thin-pool 7:1 7:0 128 32768".parse().unwrap();
    let status = "0 10/2621440 0/1638400 - rw discard_passdown queue_if_no_space - 1024".to_owned();
    let live = LiveState { table, status, suspended: false, second_table: false };
    let found = |name: &str, version: &str| Program {
        name: name.to_owned(),
        path: Some(format!("/usr/local/bin/{name}")),
        version: Some(version.to_owned()),
        flaw: None,
    };
    Observed {
        brake: None,
        brake_off: None,
        pool: Ok(PoolState::Live(live)),
        plugin: Plugin::Ok,
        flintlockd: found("flintlockd", "v0.11.0"),
        vmm: found("firecracker", "Firecracker v1.14.4"),
        containerd_version: Some("1.7.24~ds1".to_owned()),
        kernel: Some("6.12.48+deb13-amd64".to_owned()),
        systemd: Some("systemd 257 (257.9-1~deb13u1)".to_owned()),
        endpoint: Endpoint::Free,
        unreadable: Vec::new(),
        flintlockd_config: false,
        default_interface: None,
        kvm: Kvm::Opened { version: 12, no_vm: None, missing: Vec::new() },
        interface: Some(Interface {
            bridge: true,
            up: true,
            carrier: true,
            ..Interface::default()
        }),
        parent: None,
        second_vmm: None,
        no_tun: None,
        stale_taps: Vec::new(),
        forward: Forward::default(),
        network: ObservedNetwork::default(),
        dhcp_served: true,
        missing_tools: Vec::new(),
        certificates: Vec::new(),
        secret_modes: Vec::new(),
        images: Vec::new(),
        now: 1_795_262_400,
        newest: Some(("/usr/bin/mvmhost".to_owned(), 1_795_000_000)),
        ends_microvms: None,
        without_vmm: Vec::new(),
        overrides: Vec::new(),
        databases: Vec::new(),
        containerd_flaw: None,
        services: None,
        unasked: Vec::new(),
    }
}

fn damaged(why: &str) -> Finding {
    catalogue::database::unsound(
        "/var/lib/containerd-dev/meta.db",
        why,
        "/var/lib/containerd-dev",
        "flintlockd.service",
        "true",
    )
}

fn observed(facts: Facts, config: &Config) -> Observed {
    let sound = sound();
    let certificates = facts.certificates.into_iter().map(|(file, validity)| (file, Ok(validity)));
    let state = |name: &str| facts.images.get(name).cloned().unwrap_or(State::Complete);
    let images = requested_images(config).into_iter();
    let images = images.map(|wanted| (wanted.clone(), state(wanted.reference.as_str()))).collect();
    let none = facts.no_certificates.into_iter().map(|(file, why)| (file, Err(why)));
    Observed {
        brake: facts.brake,
        brake_off: facts.brake_off,
        pool: facts.pool.map_or(sound.pool, |text| pool(&text)),
        plugin: facts.plugin.unwrap_or(sound.plugin),
        flintlockd: facts.flintlockd.unwrap_or(sound.flintlockd),
        vmm: facts.vmm.unwrap_or(sound.vmm),
        containerd_version: facts.containerd_version.or(sound.containerd_version),
        kernel: facts.kernel.or(sound.kernel),
        systemd: facts.systemd.or(sound.systemd),
        endpoint: facts.endpoint.unwrap_or(sound.endpoint),
        unreadable: facts.unreadable,
        flintlockd_config: facts.flintlockd_config,
        default_interface: facts.default_interface,
        kvm: facts.kvm.unwrap_or(sound.kvm),
        interface: facts.interface.or(sound.interface).filter(|_| !facts.no_interface),
        parent: facts.parent,
        second_vmm: facts.second_vmm,
        no_tun: facts.no_tun,
        stale_taps: facts.stale_taps,
        forward: Forward {
            bridged: facts.bridged,
            tables: facts.filters.iter().map(ToString::to_string).collect(),
            ..Forward::default()
        },
        network: facts.network,
        dhcp_served: !facts.no_dhcp,
        missing_tools: facts.missing_tools,
        certificates: certificates.chain(none).collect(),
        secret_modes: facts.secret_modes,
        images,
        now: facts.now.unwrap_or(sound.now),
        newest: facts.newest.or(sound.newest),
        ends_microvms: facts.ends_microvms,
        without_vmm: facts.without_vmm,
        overrides: facts.overrides,
        databases: facts.damaged.iter().map(|why| damaged(why)).collect(),
        containerd_flaw: facts.containerd_flaw,
        services: facts.services,
        unasked: facts.unasked,
    }
}

fn folders(path: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path());
    let mut found: Vec<_> = entries.filter(|path| path.is_dir()).collect();
    found.sort();
    found
}

fn text(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_default()
}

#[test]
fn every_check_speaks_in_one_case_and_is_silent_in_another() {
    let top = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../tests/checks");
    let (mut speaks, mut silent) = (Vec::new(), Vec::new());
    for folder in folders(&top) {
        let name = folder.file_name().unwrap().to_str().unwrap();
        for case in folders(&folder) {
            let config = config(&text(&case.join("mvmhost.toml")));
            let facts = serde_json::from_str(&text(&case.join("facts.json")));
            let facts = facts.unwrap_or_else(|error| panic!("{}: {error}", case.display()));
            let observed = observed(facts, &config);
            let found = match ALL.iter().find(|(known, _)| *known == name) {
                Some((_, check)) => check(&config, &observed),
                None => checks::run(&config, &observed),
            };
            let codes: String = found.iter().map(|found| format!("{}\n", found.code())).collect();
            assert_eq!(codes, text(&case.join("expected")), "{}", case.display());
            // Templates are filled without a gap, and say what to do.
            for finding in &found {
                assert!(!finding.message().contains('{') && !finding.remedy().contains('{'));
                let info = finding.severity() == Severity::Info;
                assert!(info || !finding.remedy().is_empty(), "{}", finding.code());
            }
            if found.is_empty() {
                silent.push(name.to_owned())
            } else {
                speaks.push(name.to_owned())
            }
        }
    }
    for name in ALL.iter().map(|(name, _)| *name).chain(["services"]) {
        assert!(speaks.iter().any(|known| known == name), "{name} speaks in no case");
        assert!(silent.iter().any(|known| known == name), "{name} is silent in no case");
    }
}
