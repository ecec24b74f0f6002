//! Later files win, key by key; defaults that follow from other keys; what was written.

#![allow(clippy::panic, reason = "a helper of tests")]

mod support;

use mvm_config::load::{Source, parse};
use mvm_config::model::{Backend, NetworkMode};
use mvm_config::{Config, Loaded, to_toml};
use support::{good, lines};

fn merged(texts: &[&str]) -> Loaded {
    let sources: Vec<Source> = texts
        .iter()
        .enumerate()
        .map(|(index, text)| Source { name: format!("{index}.toml"), text: (*text).to_owned() })
        .collect();
    parse(&sources).unwrap_or_else(|problems| panic!("{}", lines(&problems).join("\n")))
}

#[test]
fn nothing_at_all_is_the_default_host() {
    for sources in
        [&[][..], &[""], &["\u{feff}"], &["# nothing\r\n\r\n"], &["[network]", "[network]"]]
    {
        let loaded = merged(sources);
        assert_eq!(loaded.config, Config::default());
        assert_eq!(loaded.set.iter().count(), 0);
    }
}

#[test]
fn tables_merge_and_arrays_replace() {
    let loaded = merged(&[
        "[thinpool.loop]\ndata-size = \"1GiB\"\nmetadata-size = \"1GiB\"\n[images]\nroot = [\"a.b/c:1\"]\nmirrors.\"a.b\" = [\"http://m1\"]\nmirrors.\"c.d\" = []\n[[network.vlan]]\nparent = \"a\"\nid = 1",
        "[thinpool.loop]\ndata-size = \"2GiB\"\n[images]\nroot = []\nmirrors.\"a.b\" = [\"http://m2/\"]\n[[network.vlan]]\nparent = \"b\"\nid = 2",
    ]);
    let config = &loaded.config;
    assert_eq!(config.thinpool.loopback.data_size.to_string(), "2GiB");
    assert_eq!(config.thinpool.loopback.metadata_size.to_string(), "1GiB");
    assert!(config.images.root.is_empty());
    assert_eq!(config.images.mirrors["a.b"], ["http://m2"]);
    assert!(config.images.mirrors.contains_key("c.d"));
    assert_eq!(config.network.vlans.len(), 1);
    assert_eq!(config.network.vlans[0].name.as_str(), "b.2");
}

#[test]
fn a_mistake_is_told_even_where_a_later_file_overrides_it() {
    let source = |name: &str, text: &str| Source { name: name.to_owned(), text: text.to_owned() };
    let sources = [
        source("/etc/mvmhost.toml", "[thinpool]\nname = \"a b\""),
        source("/etc/mvmhost.toml.d/9.toml", "\nthinpool.name = \"a\"\nthinpool.backend = \"lvm\""),
    ];
    let problems = parse(&sources).unwrap_err();
    assert_eq!(problems.len(), 2);
    assert!(lines(&problems)[0].starts_with("/etc/mvmhost.toml:2: [thinpool] name"));
    assert!(lines(&problems)[1].starts_with("/etc/mvmhost.toml.d/9.toml:3: [thinpool] backend"));
}

#[test]
fn what_was_written() {
    let set = merged(&["[network.nat]\nenabled = true", "network.vlan = []"]).set;
    assert!(set.contains("network.nat.enabled") && !set.contains("network.nat.uplink"));
    assert!(set.any_in("network.nat") && set.any_in("network") && set.any_in("network.vlan"));
    assert!(!set.any_in("network.na") && !set.any_in("thinpool"));
    assert_eq!(set.iter().collect::<Vec<_>>(), ["network.nat.enabled", "network.vlan"]);
}

#[test]
fn pool_defaults_follow() {
    let lvm = "[thinpool]\nbackend = \"lvm\"\nlvm.devices = [\"/dev/disk/by-id/x\"]\n";
    assert_eq!(good(lvm).config.thinpool.backend, Backend::Lvm);
    assert_eq!(good(lvm).config.thinpool.name.as_str(), "flintlock-thinpool");
    let other = format!("{lvm}lvm.volume-group = \"vg-0\"");
    assert_eq!(good(&other).config.thinpool.name.as_str(), "vg--0-thinpool");
    let grown = good("thinpool.loop.data-size = \"200GiB\"").config.thinpool.loopback;
    assert_eq!(grown.max_data_size, grown.data_size);
}

#[test]
fn network_defaults_follow() {
    let network = |text: &str| good(text).config.network;
    let range = |text: &str| {
        network(text).dhcp.range.map(|(first, last)| format!("{first}-{last}")).unwrap_or_default()
    };
    let plain = network("");
    assert!(plain.dhcp.enabled && plain.nat.enabled);
    assert_eq!(range(""), "10.42.0.10-10.42.0.254");
    assert_eq!(plain.dhcp.router.unwrap().to_string(), "10.42.0.1");
    assert_eq!(plain.nat.sources[0].to_string(), "10.42.0.0/24");

    let address = |net: &str| format!("network.bridge.addresses = [\"{net}\"]");
    assert_eq!(range(&address("10.0.0.254/24")), "10.0.0.10-10.0.0.253");
    assert_eq!(range(&address("10.0.0.20/24")), "10.0.0.21-10.0.0.254");
    assert_eq!(range(&address("10.0.0.1/28")), "10.0.0.10-10.0.0.14");
    assert_eq!(range(&address("10.0.0.1/8")), "10.0.0.10-10.255.255.254");

    let uplink = network("network.bridge.uplink = \"eth0\"");
    assert!(!uplink.dhcp.enabled && !uplink.nat.enabled);
    let served = network("[network]\nbridge.uplink = \"eth0\"\ndhcp.enabled = true");
    assert!(served.dhcp.enabled && !served.nat.enabled);
    assert!(!network("network.dhcp.enabled = false").nat.enabled);
    assert!(!network("network.bridge.addresses = []").dhcp.enabled);
    assert!(!network(&address("fd00::1/64")).dhcp.enabled);

    let none = network("network.mode = \"none\"");
    assert!(!none.dhcp.enabled && !none.nat.enabled && none.dhcp.interface.is_none());
}

#[test]
fn macvtap_and_vlan_defaults_follow() {
    let macvtap = "flintlockd.provider = \"cloudhypervisor\"\n[network]\nmode = \"macvtap\"\n";
    let network = good(macvtap).config.network;
    assert_eq!(network.mode, NetworkMode::Macvtap);
    assert!(!network.dhcp.enabled && network.dhcp.interface.is_none());
    let own = format!("{macvtap}macvtap.addresses = [\"10.9.0.1/24\"]\ndhcp.enabled = true");
    let network = good(&own).config.network;
    assert!(network.nat.enabled);
    assert_eq!(network.nat.sources[0].to_string(), "10.9.0.0/24");
    let vlan = format!(
        "{macvtap}macvtap.parent = \"b.7\"\ndhcp.enabled = true\n[[network.vlan]]\nparent = \"b\"\nid = 7\naddresses = [\"10.8.0.1/24\"]"
    );
    let network = good(&vlan).config.network;
    assert_eq!(network.dhcp.interface.as_ref().map(|name| name.as_str()), Some("b.7"));
    assert_eq!(network.dhcp.router.unwrap().to_string(), "10.8.0.1");
    let text = to_toml(&good(&vlan).config);
    assert_eq!(good(&text).config, good(&vlan).config);
}
