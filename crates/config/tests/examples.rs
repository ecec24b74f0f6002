//! The examples in packaging/examples say what they mean.

mod support;

use mvm_config::Config;
use support::good;

#[test]
fn tap_nat_spells_the_default_host_out() {
    let loaded = good(include_str!("../../../packaging/examples/tap-nat.toml"));
    assert_eq!(loaded.config, Config::default());
    assert!(loaded.set.iter().any(|key| key == "network.dhcp.range"));
}
