//! packaging/config/mvmhost.toml says what is so.

mod support;

use mvm_config::{Config, to_toml};
use support::good;

const SHIPPED: &str = include_str!("../../../packaging/config/mvmhost.toml");

/// A commented default: "#key = value", with nothing between "#" and the key.
fn commented(line: &str) -> Option<&str> {
    line.strip_prefix('#').filter(|rest| rest.starts_with(|c: char| c.is_ascii_lowercase()))
}

#[test]
fn as_shipped_it_is_the_default() {
    let loaded = good(SHIPPED);
    assert_eq!(loaded.config, Config::default());
    assert_eq!(loaded.set.iter().count(), 0);
}

#[test]
fn every_commented_default_is_the_default() {
    let lines: Vec<&str> = SHIPPED.lines().map(|line| commented(line).unwrap_or(line)).collect();
    let mut written = good(&lines.join("\n")).config;
    written.network.explicit = Config::default().network.explicit;
    assert_eq!(written, Config::default());
}

#[test]
fn every_key_stands_in_it_once_and_in_the_order_of_the_schema() {
    let keys = |text: &str| -> Vec<String> {
        let mut table = String::new();
        let mut keys = Vec::new();
        for line in text.lines().map(|line| commented(line).unwrap_or(line)) {
            if line.starts_with('[') {
                table = line.to_owned();
            } else if let Some((key, _)) = line.split_once(" = ").filter(|_| !line.starts_with('#'))
            {
                keys.push(format!("{table} {key}"));
            }
        }
        keys
    };
    assert_eq!(keys(SHIPPED), keys(&to_toml(&Config::default())));
}

#[test]
fn pid_1_reads_it_so_it_is_short() {
    assert!(SHIPPED.len() < 9 * 1024, "{} bytes", SHIPPED.len());
}
