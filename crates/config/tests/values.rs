//! Wrong types and wrong values, key by key, and the exact form of a message.

#![allow(clippy::too_many_lines, reason = "a table is as long as there are cases")]

mod support;

use support::{bad, good};

#[test]
fn the_message_of_the_contract() {
    let text = format!("{}[thinpool.loop]\ndata-size = \"10X\"", "\n".repeat(12));
    assert_eq!(
        bad(&text),
        [
            "/etc/mvmhost.toml:14: [thinpool.loop] data-size = \"10X\": not a size; write for example \"100GiB\""
        ]
    );
}

#[test]
fn wrong_values() {
    for (text, expected) in [
        (
            "thinpool.backend = \"zfs\"",
            "[thinpool] backend = \"zfs\": not one of the choices; write \"loop\" or \"lvm\" or \"external\"",
        ),
        ("thinpool.backend = 1", "[thinpool] backend = 1: a number where a string belongs"),
        ("thinpool = 1", "thinpool = 1: not a table; write [thinpool] in a line of its own"),
        (
            "thinpool.loop.data-size = 100",
            "[thinpool.loop] data-size = 100: a number where a size in quotes belongs; write for example \"100GiB\"",
        ),
        ("thinpool.loop.data-size = \"0\"", "[thinpool.loop] data-size = \"0\": a size of zero"),
        (
            "thinpool.loop.data-size = \"100000\"",
            "[thinpool.loop] data-size = \"100000\": not a multiple of 512 bytes",
        ),
        (
            "thinpool.loop.data-size = \"9223372036854775808\"",
            "[thinpool.loop] data-size = \"9223372036854775808\": a size beyond",
        ),
        (
            "thinpool.loop.directory = \"x\"",
            "[thinpool.loop] directory = \"x\": not an absolute path",
        ),
        ("thinpool.guard.warn-percent = 0", "[thinpool.guard] warn-percent = 0: outside 1 to 100"),
        (
            "thinpool.guard.warn-percent = 1.5",
            "[thinpool.guard] warn-percent = 1.5: a fraction where a whole number belongs",
        ),
        (
            "thinpool.guard.warn-percent = 99999999999999999999",
            "[thinpool.guard] warn-percent = 99999999999999999999: outside",
        ),
        (
            "thinpool.lvm.devices = \"/dev/disk/by-id/x\"",
            "[thinpool.lvm] devices = \"/dev/disk/by-id/x\": a string where a list belongs",
        ),
        (
            "containerd.discard-blocks = \"true\"",
            "[containerd] discard-blocks = \"true\": a string where a boolean belongs",
        ),
        (
            "containerd.namespace = \"a b\"",
            "[containerd] namespace = \"a b\": not a containerd namespace",
        ),
        (
            "containerd.metrics-address = \"127.0.0.1\"",
            "[containerd] metrics-address = \"127.0.0.1\": not an endpoint",
        ),
        ("flintlockd.unit = \"x\"", "[flintlockd] unit = \"x\": not the name of a service"),
        (
            "flintlockd.firecracker-binary = \"./x\"",
            "[flintlockd] firecracker-binary = \"./x\": not an absolute path",
        ),
        (
            "flintlockd.firecracker-binary = \"a b\"",
            "[flintlockd] firecracker-binary = \"a b\": neither an absolute path nor",
        ),
        ("network.bridge.mtu = 67", "[network.bridge] mtu = 67: an MTU below 68"),
        ("network.bridge.mtu = 65536", "[network.bridge] mtu = 65536: outside 0 to 65535"),
        ("network.dhcp.lease-time = \"1d\"", "[network.dhcp] lease-time = \"1d\": not a duration"),
        ("network.dhcp.dns = [\"x\"]", "[network.dhcp] dns = \"x\": not the IP address of a host"),
        ("network.vlan = {}", "[[network.vlan]] = {}: a table where a list belongs"),
        (
            "images.root = [\"alpine\"]",
            "[images] root = \"alpine\": an image reference without its registry",
        ),
        (
            "images.platform = \"windows/amd64\"",
            "[images] platform = \"windows/amd64\": not a platform of Linux",
        ),
        (
            "images.insecure-registries = [\"http://a\"]",
            "[images] insecure-registries = \"http://a\": not a registry",
        ),
        ("images.mirrors = { \"a b\" = [] }", "[images] mirrors = \"a b\": not a registry"),
        (
            "images.mirrors = { \"ghcr.io\" = [\"ftp://a\"] }",
            "[images] mirrors = \"ftp://a\": not the URL of a mirror",
        ),
        ("images.timeout = \"0s\"", "[images] timeout = \"0s\": no time at all"),
        ("images.parallel = 65", "[images] parallel = 65: outside 1 to 64"),
        (
            "images.auth-file = \"/a\\nb\"",
            "[images] auth-file = \"/a\\nb\": a path with a control character",
        ),
    ] {
        let problems = bad(text);
        assert_eq!(problems.len(), 1, "{text}\n{}", problems.join("\n"));
        let expected = format!("/etc/mvmhost.toml:1: {expected}");
        assert!(
            problems[0].starts_with(&expected),
            "expected {expected}\n   found {}",
            problems[0]
        );
    }
}

#[test]
fn unknown_keys() {
    for (text, expected) in [
        (
            "[thinpool.loop]\ndata_size = \"1GiB\"",
            "2: [thinpool.loop] data_size = \"1GiB\": unknown key; write data-size",
        ),
        (
            "[thinpool.loop]\ndata-sise = \"1GiB\"",
            "2: [thinpool.loop] data-sise = \"1GiB\": unknown key; write data-size",
        ),
        (
            "[thinpool]\ndata-size = \"1GiB\"",
            "2: [thinpool] data-size = \"1GiB\": unknown key; write data-size below [thinpool.loop]",
        ),
        ("[thinpol]\nname = \"x\"", "1: [thinpol]: unknown key; write thinpool"),
        ("[thinpool.lop]", "1: [thinpool.lop]: unknown key; write loop"),
        ("[network]\nbrige.mtu = 0", "2: [network.brige]: unknown key; write bridge"),
        ("completely-else = 1", "1: completely-else = 1: unknown key; see mvmhost.toml(5)"),
        ("\"a\\nb\" = 1", "1: a\\nb = 1: unknown key"),
        (
            "[containerd]\ngrpc_endpoint = \":1\"",
            "2: [containerd] grpc_endpoint = \":1\": unknown key; write grpc-endpoint below [flintlockd]",
        ),
    ] {
        let problems = bad(text);
        let expected = format!("/etc/mvmhost.toml:{expected}");
        assert_eq!(problems.len(), 1, "{text}\n{}", problems.join("\n"));
        assert!(
            problems[0].starts_with(&expected),
            "expected {expected}\n   found {}",
            problems[0]
        );
    }
}

#[test]
fn everything_wrong_is_told_in_one_go() {
    let text = "\
[thinpool]
backend = \"zfs\"
nmae = \"x\"
[thinpool.loop]
data-size = 10 GiB
metadata-size = \"17GiB\"
[network]
mode = \"macvtap\"
bridge.mtu = true
[flintlockd]
provider = \"firecracker\"
extra-args = [\"--insecure\",
  \"--tls-key=x\", 7]
";
    let lines: Vec<String> = bad(text)
        .iter()
        .map(|line| line.split(": ").take(2).collect::<Vec<_>>().join(" "))
        .collect();
    assert_eq!(
        lines,
        [
            "/etc/mvmhost.toml:2 [thinpool] backend = \"zfs\"",
            "/etc/mvmhost.toml:3 [thinpool] nmae = \"x\"",
            "/etc/mvmhost.toml:5 not TOML",
            "/etc/mvmhost.toml:6 [thinpool.loop] metadata-size = \"17GiB\"",
            "/etc/mvmhost.toml:8 [network] mode = \"macvtap\"",
            "/etc/mvmhost.toml:9 [network.bridge] mtu = true",
            "/etc/mvmhost.toml:13 [flintlockd] extra-args = 7",
        ]
    );
}

#[test]
fn a_key_that_could_not_be_read_causes_no_second_complaint() {
    assert_eq!(bad("[thinpool]\nbackend = \"lvm\"\nlvm.devices = [\"sda\"]").len(), 1);
    assert_eq!(bad("[thinpool]\nbackend = \"lvm\"\nlvm.devices = [sda]").len(), 1);
}

#[test]
fn empty_texts_and_numbers_in_any_notation() {
    let loaded = good(
        "[thinpool.guard]\nwarn-percent = 0x3c\nbrake-percent = 9_0\n[containerd]\nmetrics-address = \"\"",
    );
    assert_eq!(loaded.config.thinpool.guard.warn_percent.0, 60);
    assert_eq!(loaded.config.thinpool.guard.brake_percent.0, 90);
    assert_eq!(loaded.config.containerd.metrics_address, None);
}
