//! The examples in packaging/examples say what they mean.

mod support;

use mvm_config::Config;
use mvm_config::model::Explicit;
use support::good;

#[test]
fn tap_nat_spells_the_default_host_out() {
    let loaded = good(include_str!("../../../packaging/examples/tap-nat.toml"));
    // What is written is asked for; what is the default is not.
    let mut default = Config::default();
    default.network.explicit = Explicit { addresses: true, dhcp: true, nat: true };
    assert_eq!(loaded.config, default);
    assert!(loaded.set.iter().any(|key| key == "network.dhcp.range"));
}

#[test]
fn wired_nat_wifi_serves_the_port_and_goes_out_by_the_default_route() {
    let loaded = good(include_str!("../../../packaging/examples/wired-nat-wifi.toml"));
    let network = loaded.config.network;
    let interface = network.dhcp.interface.unwrap();
    assert_eq!((interface.as_str(), network.dhcp.enabled), ("eno4", true));
    assert_eq!(network.nat.sources, ["10.42.0.0/24".parse().unwrap()]);
    assert!(network.nat.enabled && network.nat.uplink.is_none());
}
