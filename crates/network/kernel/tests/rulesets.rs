//! The cases of tests/rulesets: rules as public firewalls have them, loaded into a real kernel and read
//! from it. One folder each: `rules.nft`, `rules.v4`, `rules.v6`, `legacy.v4`, `legacy.v6` as nft and
//! iptables-restore take them, `mvmhost.toml` where the default is not meant, `bridged` where frames of
//! bridges pass the rules of IP, and `expected`: a line for each finding, its code and its chain.
//!
//! Needs root, nft and iptables: without them it fails.

#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

use std::fmt::Write;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::{fs, thread};

use mvm_core::Roots;
use mvm_core::exec::System;
use mvm_firewalls::obstacles;
use mvm_network_kernel::firewalls;
use nix::sched::{CloneFlags, unshare};

/// What loads a file of this name.
const LOADERS: [(&str, &str); 5] = [
    ("rules.nft", "nft -f -"),
    ("rules.v4", "iptables-nft-restore"),
    ("rules.v6", "ip6tables-nft-restore"),
    ("legacy.v4", "iptables-legacy-restore"),
    ("legacy.v6", "ip6tables-legacy-restore"),
];

const MACHINE: &str = "ip link add br-mvm type bridge; ip link set br-mvm up
    ip addr add 10.42.0.1/24 dev br-mvm; ip link add up0 type veth peer name up1
    ip link set up0 up; ip link set up1 up; ip addr add 192.0.2.2/24 dev up0
    ip route add default via 192.0.2.1 dev up0";

fn shell(line: &str, input: Stdio) {
    let output = Command::new("sh").args(["-ec", line]).stdin(input).output().unwrap();
    assert!(output.status.success(), "{line}: {}", String::from_utf8_lossy(&output.stderr));
}

/// What is found in a namespace of its own.
fn found(case: &Path) -> String {
    unshare(CloneFlags::CLONE_NEWNET).unwrap();
    let folder = tempfile::tempdir().unwrap();
    for shared in ["proc", "usr", "sbin"] {
        symlink(format!("/{shared}"), folder.path().join(shared)).unwrap();
    }
    shell(MACHINE, Stdio::null());
    for family in ["iptables", "ip6tables"] {
        let switch = format!("/proc/sys/net/bridge/bridge-nf-call-{family}");
        let value = if case.join("bridged").exists() { "1" } else { "0" };
        // Without the module br_netfilter there is none.
        if Path::new(&switch).exists() {
            fs::write(switch, value).unwrap();
        }
    }
    for (name, loader) in LOADERS {
        if let Ok(file) = fs::File::open(case.join(name)) {
            shell(loader, file.into());
        }
    }
    let text = fs::read_to_string(case.join("mvmhost.toml")).unwrap_or_default();
    let source = mvm_config::Source { name: "mvmhost.toml".to_owned(), text };
    let config = mvm_config::load::parse(&[source]).unwrap().config;
    let forward = firewalls::forward(&Roots::new(folder.path()), &System, &config).unwrap();
    assert_eq!(forward.unread, []);
    let mut found_codes = String::new();
    for finding in obstacles(&config, &forward) {
        let chain = finding.evidence_text().strip_prefix("chain ").unwrap();
        let (chain, _) = chain.split_once(": hook").unwrap();
        writeln!(found_codes, "{} {chain}", finding.code()).unwrap();
        assert!(!finding.remedy().contains('{') && !finding.remedy().is_empty());
        assert!(finding.message().chars().count() <= 120, "{}", finding.message());
    }
    found_codes
}

#[test]
fn netns_every_set_of_rules_has_its_verdict() {
    let top = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../tests/rulesets");
    let entries = fs::read_dir(top).unwrap().map(|entry| entry.unwrap().path());
    let mut cases: Vec<PathBuf> = entries.filter(|path| path.is_dir()).collect();
    cases.sort();
    assert!(cases.len() >= 40, "{} cases", cases.len());
    let mut wrong = String::new();
    for case in cases {
        let expected = fs::read_to_string(case.join("expected")).unwrap();
        let bridged = case.join("bridged").exists();
        if bridged && !Path::new("/proc/sys/net/bridge/bridge-nf-call-iptables").exists() {
            shell("modprobe br_netfilter", Stdio::null());
        }
        let name = case.display().to_string();
        let found_codes =
            thread::spawn(move || found(&case)).join().unwrap_or_else(|_| "?".to_owned());
        if found_codes != expected {
            writeln!(wrong, "{name}:\n expected {expected:?}\n found    {found_codes:?}").unwrap();
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}
