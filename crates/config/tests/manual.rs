//! man/mvmhost.toml.5.md: its example is accepted, and it has a place for the generated keys.

mod support;

use support::good;

const PAGE: &str = include_str!("../../../man/mvmhost.toml.5.md");

#[test]
fn the_example_is_right() {
    let example = PAGE.split("# EXAMPLES").nth(1).and_then(|rest| rest.split("# FILES").next());
    let lines: Vec<&str> =
        example.unwrap_or("").lines().filter_map(|line| line.strip_prefix("    ")).collect();
    let config = good(&lines.join("\n")).config;
    assert_eq!(config.network.vlans.len(), 1);
    assert_eq!(config.thinpool.lvm.devices.len(), 2);
}

#[test]
fn there_is_a_place_for_the_keys() {
    let begin = PAGE.find("<!-- BEGIN GENERATED KEYS -->\n");
    let end = PAGE.find("<!-- END GENERATED KEYS -->\n");
    assert!(begin.is_some() && begin < end);
}
