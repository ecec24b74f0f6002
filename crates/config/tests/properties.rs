//! For any text: no panic; and what is accepted is shown as a text that means the same.

mod support;

use mvm_config::to_toml;
use proptest::collection::vec;
use proptest::prelude::{Just, Strategy, prop_assert_eq, prop_oneof, proptest};
use proptest::sample::select;
use support::{read, source};

const SHIPPED: &str = include_str!("../../../packaging/config/mvmhost.toml");

/// Lines of the shipped file, some with their default in force, some spoilt.
fn line() -> impl Strategy<Value = String> {
    let lines: Vec<&'static str> = SHIPPED.lines().collect();
    let value = prop_oneof![
        Just("true".to_owned()),
        Just("[]".to_owned()),
        Just("{}".to_owned()),
        Just("1".to_owned()),
        Just("\"\"".to_owned()),
        Just("2027-01-01".to_owned()),
        "\"[a-z0-9/:.-]{0,12}\"",
        "[0-9]{1,20}",
        "\\PC{0,8}",
    ];
    (select(lines), value, 0..6_u8).prop_map(|(line, value, how)| match how {
        0 => line.to_owned(),
        1 => format!("{} = {value}", line.trim_start_matches('#').split(' ').next().unwrap_or("")),
        2 => value,
        _ => line.strip_prefix('#').unwrap_or(line).to_owned(),
    })
}

/// Keys with values that are often right.
fn pair() -> impl Strategy<Value = String> {
    let size = "[1-9][0-9]{0,3}(MiB|GiB|GB|G)";
    prop_oneof![
        size.prop_map(|size| format!("thinpool.loop.data-size = \"{size}\"")),
        size.prop_map(|size| format!("thinpool.loop.max-data-size = \"{size}\"")),
        (1..100_u8).prop_map(|percent| format!("thinpool.guard.warn-percent = {percent}")),
        "[a-z]{1,20}".prop_map(|name| format!("thinpool.name = \"{name}\"")),
        "[a-z\\\\\"%$ '/-]{0,9}".prop_map(|text| format!("flintlockd.extra-args = [{text:?}]")),
        (0..256_u16, 0..256_u16, 8..31_u8).prop_map(|(a, b, length)| format!(
            "network.bridge.addresses = [\"10.{a}.0.{b}/{length}\"]"
        )),
        select(vec!["true", "false"]).prop_map(|on| format!("network.dhcp.enabled = {on}")),
        select(vec!["true", "false"]).prop_map(|on| format!("network.nat.enabled = {on}")),
        select(vec!["tap", "macvtap", "none"]).prop_map(|mode| format!("network.mode = \"{mode}\"")),
        Just("flintlockd.provider = \"cloudhypervisor\"".to_owned()),
        Just("flintlockd.tls = { cert = \"/a\", key = \"/b\" }".to_owned()),
        Just("network.bridge.uplink = \"eth0\"".to_owned()),
        (1..4095_u16, 0..256_u16).prop_map(|(id, net)| format!(
            "network.vlan = [{{ parent = \"bond0\", id = {id}, addresses = [\"10.9.{net}.1/24\"] }}]"
        )),
        "[1-9][0-9]{0,3}[smh]".prop_map(|time| format!("images.timeout = \"{time}\"")),
        Just("images.mirrors = { \"ghcr.io\" = [\"https://m.example\"] }".to_owned()),
        "[a-z \"\\\\é]{1,9}".prop_map(|reason| format!(
            "validate.ignore = [{{ code = \"MVM-NET-020\", reason = {reason:?} }}]"
        )),
    ]
}

fn reads_back(text: &str) -> Result<(), proptest::test_runner::TestCaseError> {
    if let Ok(loaded) = read(text) {
        let shown = to_toml(&loaded.config);
        prop_assert_eq!(read(&shown).map(|loaded| loaded.config), Ok(loaded.config));
    }
    Ok(())
}

proptest! {
    #[test]
    fn any_text(text in "\\PC*|(\\PC|\n){0,200}") {
        reads_back(&text)?;
    }

    #[test]
    fn lines_of_the_shipped_file(lines in vec(line(), 0..40)) {
        reads_back(&lines.join("\n"))?;
    }

    #[test]
    fn mostly_right_keys(pairs in vec(pair(), 0..8)) {
        reads_back(&pairs.join("\n"))?;
        // Each in a file of its own, so that none is a duplicate.
        let sources: Vec<_> = pairs.iter().map(|pair| source(pair)).collect();
        if let Ok(loaded) = mvm_config::load::parse(&sources) {
            reads_back(&to_toml(&loaded.config))?;
            let again = read(&to_toml(&loaded.config)).map(|loaded| loaded.config);
            prop_assert_eq!(again, Ok(loaded.config));
        }
    }
}
