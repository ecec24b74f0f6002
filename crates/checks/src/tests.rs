//! Every check speaks for what it is there for, and only then.

use mvm_config::Config;
use mvm_config::load::{Source, parse};
use mvm_pool_plan::thinpool::LiveState;

use super::*;

pub(super) fn config(text: &str) -> Config {
    let source = Source { name: "test.toml".to_owned(), text: text.to_owned() };
    parse(&[source]).unwrap().config
}

/// A host on which nothing is wrong.
pub(super) fn sound() -> Observed {
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
        second_vmm: None,
        containerd_version: Some("1.7.24~ds1".to_owned()),
        kernel: Some("6.12.48+deb13-amd64".to_owned()),
        systemd: Some("systemd 257 (257.9-1~deb13u1)".to_owned()),
        endpoint: Endpoint::Free,
        unreadable: Vec::new(),
        flintlockd_config: false,
        kvm: Kvm::Opened { version: 12, no_vm: None, missing: Vec::new() },
        default_interface: None,
        interface: Some(Interface {
            bridge: true,
            up: true,
            carrier: true,
            ..Interface::default()
        }),
        parent: None,
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

fn codes(text: &str, observed: &Observed) -> Vec<&'static str> {
    run(&config(text), observed).iter().map(Finding::code).collect()
}

#[test]
fn a_sound_host_has_no_findings() {
    assert_eq!(codes("", &sound()), [""; 0]);
    // flintlockd's own file is only in the way of a token.
    assert_eq!(codes("", &Observed { flintlockd_config: true, ..sound() }), [""; 0]);
}

#[test]
fn pool_and_plugin_are_proven() {
    let absent = Observed { pool: Ok(PoolState::Absent), ..sound() };
    assert_eq!(codes("", &absent), ["MVM-POOL-050"]);
    let unasked = Observed { pool: Err("ENODEV".to_owned()), ..sound() };
    assert_eq!(codes("", &unasked), ["MVM-POOL-035"]);
    let mut full = sound();
    if let Ok(PoolState::Live(live)) = &mut full.pool {
        live.status = "0 1/2 4/4 - out_of_data_space".to_owned();
    }
    assert_eq!(codes("", &full), ["MVM-POOL-008"]);
    let unbraked = "[thinpool.guard]\nbrake-percent = 100\n";
    assert_eq!(codes(unbraked, &full), ["MVM-POOL-052"], "so that microVMs can be deleted");
    let not_loaded =
        Observed { plugin: Plugin::NotOk("failed to query pool".to_owned()), ..sound() };
    assert_eq!(codes("", &not_loaded), ["MVM-CTRD-003"]);
    let silent = Observed { plugin: Plugin::NoAnswer("no such file".to_owned()), ..sound() };
    assert_eq!(codes("", &silent), ["MVM-CTRD-004"]);
}

#[test]
fn programs_are_there_and_new_enough() {
    let nowhere =
        |name: &str| Program { name: name.to_owned(), path: None, version: None, flaw: None };
    let neither = Observed {
        flintlockd: nowhere("/usr/local/bin/flintlockd"),
        vmm: nowhere("firecracker"),
        ..sound()
    };
    assert_eq!(codes("", &neither), ["MVM-FLK-001", "MVM-FLK-002"]);
    let mut old = sound();
    old.flintlockd.version = Some("v0.5.0".to_owned());
    assert_eq!(codes("", &old), [""; 0]);
    let cloud = "[flintlockd]\nprovider = \"cloudhypervisor\"\n";
    old.vmm.version = Some("cloud-hypervisor v41.0".to_owned());
    assert_eq!(codes(cloud, &old), ["MVM-FLK-011"]);
    // A build without a version is not refused for that.
    old.flintlockd.version = Some("undefined".to_owned());
    assert_eq!(codes(cloud, &old), [""; 0]);
}

#[test]
fn the_endpoint_can_be_listened_on() {
    for (endpoint, code) in [
        (Endpoint::Taken("cockpit (pid 7)".to_owned()), "MVM-FLK-003"),
        (Endpoint::NoAddress, "MVM-FLK-004"),
        (Endpoint::Refused("Permission denied".to_owned()), "MVM-FLK-012"),
    ] {
        assert_eq!(codes("", &Observed { endpoint, ..sound() }), [code]);
    }
}

#[test]
fn secrets_can_be_read_where_flintlockd_looks() {
    let unreadable = vec![
        (FileSetting::Token, "/t".to_owned(), "it is empty".to_owned()),
        (FileSetting::Tls, "/c".to_owned(), "no such file".to_owned()),
    ];
    let found = codes("", &Observed { unreadable, ..sound() });
    assert_eq!(found, ["MVM-FLK-007", "MVM-FLK-009"]);
    let token = "[flintlockd]\nbasic-auth-token-file = \"/t\"\n";
    let hidden = Observed { flintlockd_config: true, ..sound() };
    assert_eq!(codes(token, &hidden), ["MVM-FLK-008"]);
}

#[test]
fn the_brake_keeps_flintlockd_from_starting() {
    let observed = Observed { brake: Some("its data is 96 % full".to_owned()), ..sound() };
    let findings = run(&config(""), &observed);
    assert_eq!(findings.iter().map(Finding::code).collect::<Vec<_>>(), ["MVM-POOL-105"]);
    assert!(findings[0].message().ends_with(": its data is 96 % full"));
}
