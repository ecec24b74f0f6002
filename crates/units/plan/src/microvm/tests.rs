use mvm_config::load::{Source as Text, parse as parse_config};

use super::*;

const MACHINE: &str = "0123456789abcdef0123456789abcdef";

fn config(text: &str) -> Config {
    parse_config(&[Text { name: "test.toml".to_owned(), text: text.to_owned() }]).unwrap().config
}

fn named(name: &str) -> Request {
    Request { name: name.to_owned(), ..Request::default() }
}

fn made(text: &str, request: &Request) -> Result<Spec, String> {
    complete(Spec::default(), request, &config(text), MACHINE, "amd64")
}

#[test]
fn a_name_is_enough_and_the_rest_is_the_configuration_s() {
    let spec = made("", &named("one")).unwrap();
    assert_eq!((spec.id.as_str(), spec.namespace.as_str()), ("one", "default"));
    assert_eq!(spec.kernel.image, "ghcr.io/liquidmetal-dev/flintlock-kernel:5.10.77");
    assert_eq!(spec.kernel.filename.as_deref(), Some("boot/vmlinux"));
    assert!(spec.kernel.add_network_config);
    let root = spec.root_volume.unwrap().source.container_source.unwrap();
    assert_eq!(root, "ghcr.io/liquidmetal-dev/capmvm-kubernetes:1.23.10");
    assert_eq!(spec.interfaces.len(), 1);
    assert_eq!(
        (spec.interfaces[0].device_id.as_str(), spec.interfaces[0].kind),
        ("eth1", Kind::Tap)
    );
    assert_eq!(spec.provider, None);
}

#[test]
fn the_hardware_address_is_the_same_again_and_another_elsewhere() {
    let of = |machine, namespace, name, card| mac(machine, namespace, name, card);
    let first = of(MACHINE, "default", "one", "eth1");
    assert_eq!(first, of(MACHINE, "default", "one", "eth1"));
    for other in [
        of("", "default", "one", "eth1"),
        of(MACHINE, "ns", "one", "eth1"),
        of(MACHINE, "default", "two", "eth1"),
        of(MACHINE, "default", "one", "eth2"),
    ] {
        assert_ne!(first, other);
    }
    let octets = MacAddr::parse(&first).unwrap().octets();
    assert_eq!(octets[0] & 0b11, 0b10, "locally administered, and no multicast");
}

#[test]
fn a_reservation_of_the_name_gives_its_address() {
    let text = "network.dhcp.reservations = [{ mac = \"aa:fc:00:00:00:09\", address = \"10.42.0.9\", name = \"cp-0\" }]";
    let spec = made(text, &named("cp-0")).unwrap();
    assert_eq!(spec.interfaces[0].guest_mac.as_deref(), Some("aa:fc:00:00:00:09"));
    let request = Request { mac: MacAddr::parse("02:00:00:00:00:01").ok(), ..named("cp-0") };
    assert_eq!(
        made(text, &request).unwrap().interfaces[0].guest_mac.as_deref(),
        Some("02:00:00:00:00:01")
    );
}

#[test]
fn what_flintlockd_would_fail_with_is_refused() {
    let with = |change: &dyn Fn(&mut Request)| {
        let mut request = named("one");
        change(&mut request);
        made("", &request).unwrap_err()
    };
    for (says, why) in [
        ("vCPUs", with(&|one| one.vcpu = Some(65))),
        ("MiB", with(&|one| one.memory = Some(512))),
        ("provider", with(&|one| one.provider = Some("qemu".to_owned()))),
        ("reference", with(&|one| one.root = Some("not an image".to_owned()))),
        ("name", with(&|one| one.name = "../../etc".to_owned())),
        ("name", with(&|one| one.name = String::new())),
        ("namespace", with(&|one| one.namespace = "a/b".to_owned())),
        ("metadata service", with(&|one| one.user_data = Some(vec![b'x'; 60_000]))),
    ] {
        assert!(why.contains(says), "{why}");
    }
    let macvtap = "[network]\nmode = \"macvtap\"\n[flintlockd]\nprovider = \"cloudhypervisor\"\n";
    let spec = made(macvtap, &named("one")).unwrap();
    assert_eq!(spec.interfaces[0].kind, Kind::Macvtap);
    assert_eq!(spec.kernel.filename.as_deref(), Some("boot/vmlinux.bin"));
    let firecracker = Request { provider: Some("firecracker".to_owned()), ..named("one") };
    assert!(made(macvtap, &firecracker).unwrap_err().contains("macvtap"));
    assert!(made("images.root = []", &named("one")).unwrap_err().contains("--root"));
    assert!(made("images.kernel = []", &named("one")).unwrap_err().contains("--kernel"));
}

#[test]
fn an_address_of_its_own_brings_gateway_and_name_server() {
    let request = Request { address: "10.42.0.7/24".parse().ok(), ..named("one") };
    let address = made("", &request).unwrap().interfaces[0].address.clone().unwrap();
    assert_eq!(address.gateway.as_deref(), Some("10.42.0.1/24"));
    assert_eq!(address.nameservers, ["10.42.0.1"]);
}

#[test]
fn the_shipped_examples_and_both_spellings_are_read() {
    for text in [
        include_str!("../../../../../packaging/examples/microvm-tap.json"),
        include_str!("../../../../../packaging/examples/microvm-macvtap.json"),
    ] {
        let spec = parse(text).unwrap();
        let completed = complete(spec, &Request::default(), &config(""), MACHINE, "amd64").unwrap();
        assert_eq!((completed.id.as_str(), completed.namespace.as_str()), ("mvm1", "ns1"));
        assert!(completed.interfaces[0].guest_mac.is_some());
        assert_eq!(completed.memory_in_mb, 2048);
    }
    let camel = r#"{"id": "a", "memoryInMb": 1024, "interfaces": [{"deviceId": "eth1", "type": 1,
        "overrides": {}}], "rootVolume": {"id": "root", "source": {"containerSource": "r.test/a:1"}}}"#;
    let completed =
        complete(parse(camel).unwrap(), &Request::default(), &config(""), MACHINE, "arm64");
    let completed = completed.unwrap();
    assert_eq!(completed.interfaces[0].overrides, None, "an empty one ends flintlockd");
    assert_eq!(completed.kernel.filename.as_deref(), Some("boot/image"));
    for wrong in [
        "{",
        "{\"idd\": 1}",
        "{\"microvm\": {}, \"x\": 1}",
        "{\"interfaces\": [{\"type\": \"tun\"}]}",
    ] {
        assert!(parse(wrong).is_err(), "{wrong}");
    }
    let eth0 = r#"{"id": "a", "interfaces": [{"device_id": "eth0", "type": "TAP"}]}"#;
    let refused =
        complete(parse(eth0).unwrap(), &Request::default(), &config(""), MACHINE, "amd64");
    assert!(refused.unwrap_err().contains("eth1"));
}

#[test]
fn keys_become_user_data_and_nothing_else_gets_in() {
    let keys = SshKey::read("# mine\n\nssh-ed25519 AAAA \"me\": x\n").unwrap();
    let text = user_data("one", &keys);
    assert!(text.starts_with("#cloud-config\nhostname: one\n"));
    assert!(text.ends_with("      - \"ssh-ed25519 AAAA \\\"me\\\": x\"\n"), "{text}");
    for wrong in ["", "hello", "ssh-rsa", "-----BEGIN OPENSSH PRIVATE KEY-----\n"] {
        assert!(SshKey::read(wrong).is_err(), "{wrong}");
    }
}
