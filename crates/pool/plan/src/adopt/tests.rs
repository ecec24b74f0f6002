//! Hosts as provision.sh leaves them.

use mvm_config::{Config, Source};

use super::*;
use crate::Backend;

/// What provision.sh writes for `all --dev`.
const CONTAINERD: &str = "version = 2\n\nroot = \"/var/lib/containerd-dev\"\n\n[plugins]\n  [plugins.\"io.containerd.snapshotter.v1.devmapper\"]\n    pool_name = \"mine-thinpool\"\n    root_path = \"/var/lib/containerd-dev/snapshotter/devmapper\"\n";
const FLINTLOCKD: &str =
    "---\ninsecure: true\ngrpc-endpoint: 192.168.1.5:9090\nverbosity: 9\nparent-iface: eth0\n\n";

fn devpool() -> HostFacts {
    HostFacts {
        data: Some(100 << 30),
        metadata: Some(10 << 30),
        databases: vec!["metadata".to_owned(), "mine-thinpool".to_owned()],
        ..HostFacts::default()
    }
}

fn config(fragment: &str) -> Config {
    let source = Source { name: FRAGMENT.to_owned(), text: fragment.to_owned() };
    mvm_config::load::parse(&[source]).unwrap().config
}

#[test]
fn the_name_is_found_live_configured_or_beside_the_files() {
    let found = |host: &HostFacts| find(host).map(|found| found.name);
    assert_eq!(found(&devpool()).as_deref(), Ok("mine-thinpool"));
    let bare = HostFacts { databases: Vec::new(), ..devpool() };
    assert_eq!(found(&bare).as_deref(), Ok(NAME));
    let configured = HostFacts { containerd: Some(CONTAINERD.to_owned()), ..bare.clone() };
    assert_eq!(found(&configured).as_deref(), Ok("mine-thinpool"));
    let live = HostFacts { live: vec!["mine-thinpool".to_owned(); 2], ..configured };
    assert_eq!(found(&live).as_deref(), Ok("mine-thinpool"));
    let code = |host: &HostFacts| find(host).unwrap_err()[0].code();
    let several = HostFacts { live: vec!["other".to_owned()], ..live };
    assert_eq!(code(&several), messages::several_names::ROW.code);
    assert_eq!(code(&HostFacts { data: None, ..devpool() }), messages::nothing::ROW.code);
}

fn on_disk(name: &str) -> LvmPool {
    let devices = Ok(vec![format!("/dev/disk/by-id/virtio-{name}")]);
    LvmPool { name: name.to_owned(), devices }
}

#[test]
fn a_pool_on_a_disk_is_found_by_what_containerd_is_told() {
    let two = vec![on_disk("a--b-thinpool"), on_disk("mine-thinpool")];
    let code = |host: &HostFacts| find(host).unwrap_err()[0].code();
    let several = HostFacts { lvm: two, ..HostFacts::default() };
    assert_eq!(code(&several), messages::several_names::ROW.code);
    let nameless = LvmPool { devices: Err("vdb".to_owned()), ..on_disk("a-thinpool") };
    let nameless = HostFacts { lvm: vec![nameless], ..HostFacts::default() };
    assert_eq!(code(&nameless), messages::no_lasting_name::ROW.code);

    let configured = HostFacts { system_containerd: Some(CONTAINERD.to_owned()), ..several };
    let found = find(&configured).unwrap();
    let config = config(&fragment(&found, &configured, |_| false));
    let Backend::Lvm(desired) = Backend::new(&config, None) else { panic!("{config:?}") };
    assert_eq!(
        (desired.pool.name.as_str(), desired.volume.path().as_str()),
        ("mine-thinpool", "mine/thinpool")
    );
    assert_eq!(desired.volume.devices, ["/dev/disk/by-id/virtio-mine-thinpool"]);
    assert_eq!(desired.pool.instance, Instance::System);
    // The files of devpool are found first: a host has but one of both.
    assert!(matches!(
        find(&HostFacts { data: Some(1), metadata: Some(1), ..configured }),
        Ok(Found { place: Place::Files { .. }, .. })
    ));

    let only = HostFacts { lvm: vec![on_disk("a--b-thinpool")], ..HostFacts::default() };
    let text = fragment(&find(&only).unwrap(), &only, |_| false);
    assert!(text.contains("volume-group = \"a-b\"") && !text.contains("instance"), "{text}");
}

#[test]
fn the_fragment_says_what_is_there() {
    let host = HostFacts { flintlockd: Some(FLINTLOCKD.to_owned()), ..devpool() };
    let found = find(&host).unwrap();
    let text = fragment(&found, &host, |_| false);
    assert!(is_ours(&text) && !is_ours("[thinpool]\n"));
    let config = config(&text);
    let Backend::Loop(desired) = Backend::new(&config, None) else { panic!("{config:?}") };
    assert_eq!((desired.pool.name.as_str(), desired.data_size), ("mine-thinpool", 100 << 30));
    assert_eq!(desired.metadata_size, 10 << 30);
    assert_eq!(config.flintlockd.grpc_endpoint.to_string(), "192.168.1.5:9090");
    assert!(config.flintlockd.insecure);
    assert_eq!(config.network.mode, mvm_config::model::NetworkMode::None);
}

#[test]
fn what_the_operator_wrote_is_left_to_him() {
    let host = HostFacts { flintlockd: Some(FLINTLOCKD.to_owned()), ..devpool() };
    let own = ["network.mode", "flintlockd.grpc-endpoint", "flintlockd.insecure", "thinpool.name"];
    let text = fragment(&find(&host).unwrap(), &host, |key| own.contains(&key));
    assert!(!text.contains("[network]") && !text.contains("[flintlockd]"), "{text}");
    assert!(!text.contains("name =") && text.contains("backend = \"loop\""), "{text}");
}

#[test]
fn a_name_cannot_end_its_string() {
    let found =
        Found { name: "a\"\n[x]\ny = \"".to_owned(), place: Place::Files { data: 1, metadata: 1 } };
    let text = fragment(&found, &HostFacts::default(), |_| false);
    let table: toml::Table = text.parse().unwrap();
    assert_eq!(table["thinpool"]["name"].as_str(), Some(found.name.as_str()));
    assert!(table.get("x").is_none());
}

#[test]
fn drop_ins_that_decide_are_named() {
    let file = |path: &str, text: &str| (PathBuf::from(path), text.to_owned());
    let units = vec![
        file(
            "/etc/systemd/system/flintlockd.service.d/x.conf",
            "[Service]\nExecStart=\nExecStart=/usr/local/bin/flintlockd run\n",
        ),
        file("/etc/systemd/system/flintlockd.service.d/y.conf", "[Service]\nNice=5\nExecStart=\n"),
    ];
    let findings = conflicts(&HostFacts { units, ..HostFacts::default() });
    assert_eq!(findings.len(), 1);
    assert_eq!(findings[0].evidence_text(), "ExecStart=/usr/local/bin/flintlockd run");
    assert!(findings[0].remedy().contains("mv /etc/systemd/system/flintlockd.service.d/x.conf"));
}
