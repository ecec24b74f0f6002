//! Remedies typed as they are printed: a namespace of the test's own gets a rule that cuts microVMs off,
//! the finding's commands are run, and nothing is found any more. Needs root, nft and iptables: without
//! them it fails.

#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;
use std::thread;

use mvm_checks::{ObservedNetwork, routes};
use mvm_config::Config;
use mvm_core::exec::System;
use mvm_core::remedy::{Kind, line};
use mvm_core::{Finding, Roots, Severity};
use mvm_firewalls::obstacles;
use mvm_network_kernel::{Kernel, Network as _, firewalls, routed};
use mvm_network_plan::nat::desired;
use nix::sched::{CloneFlags, unshare};

const BRIDGE: &str = "br-mvm";

const MACHINE: &str = "ip link set lo up; ip link add br-mvm type bridge; ip link set br-mvm up
    ip addr add 10.42.0.1/24 dev br-mvm; ip addr add fd00:42::1/64 dev br-mvm nodad
    for name in up0 up1; do ip link add $name type veth peer name far-$name; ip link set $name up
        ip link set far-$name up; done
    ip addr add 192.0.2.2/24 dev up0; ip route add default via 192.0.2.1
    ip addr add 2001:db8::2/64 dev up0 nodad; ip route add default via 2001:db8::1 dev up0
    ip addr add 203.0.113.2/24 dev up1
    for net in ipv4 ipv6; do echo 1 >/proc/sys/net/$net/conf/all/forwarding; done
    for name in iptables ip6tables; do
        switch=/proc/sys/net/bridge/bridge-nf-call-$name; ! test -e $switch || echo 0 >$switch; done";

/// What somebody types, and the codes of what is found then.
const CASES: &[(&str, &[&str])] = &[
    ("true", &[]),
    (
        "nft 'table inet a { chain f { type filter hook forward priority 0; policy drop; }; }'",
        &["MVM-NET-410"],
    ),
    ("iptables-nft -A FORWARD -j REJECT --reject-with icmp-host-prohibited", &["MVM-NET-410"]),
    ("ip6tables-nft -P FORWARD DROP", &["MVM-NET-410"]),
    ("iptables-legacy -P FORWARD DROP", &["MVM-NET-410"]),
    (
        "nft 'table inet a { chain i { type filter hook input priority 0; policy drop; }; }'",
        &["MVM-NET-413"],
    ),
    (
        "iptables-nft -A INPUT -p tcp --dport 22 -j ACCEPT; iptables-nft -A INPUT -j REJECT",
        &["MVM-NET-413"],
    ),
    (
        "nft 'table inet a { chain o { type filter hook output priority 0; udp sport { 53, 67 } drop; }; }'",
        &["MVM-NET-415"],
    ),
    (
        "nft 'table ip r { chain p { type filter hook prerouting priority raw; iifname br-mvm notrack; }; }'",
        &["MVM-NET-425"],
    ),
    ("iptables-nft -t raw -A PREROUTING -j CT --notrack", &["MVM-NET-425"]),
    (
        "nft 'table arp a { chain i { type filter hook input priority 0; policy drop; }; }'",
        &["MVM-NET-426"],
    ),
    (
        "ip rule add from 10.42.0.0/24 lookup 100 pref 100; ip route add blackhole default table 100",
        &["MVM-NET-421"],
    ),
    ("ip rule add iif br-mvm prohibit pref 50", &["MVM-NET-421"]),
    ("ip -6 rule add from fd00::/8 unreachable pref 7", &["MVM-NET-421"]),
    (
        "ip rule add pref 10 lookup 200; ip route add 10.0.0.0/8 via 203.0.113.1 table 200",
        &["MVM-NET-423"],
    ),
    // As NetworkManager keeps an address that it took over.
    (
        "ip addr del 10.42.0.1/24 dev br-mvm; ip addr add 10.42.0.1/24 dev br-mvm noprefixroute",
        &["MVM-NET-423"],
    ),
    // The kernel looks for the way back as for one from the bridge, so that this loses nothing.
    (
        "ip rule add iif br-mvm lookup 200; ip route add default via 203.0.113.1 table 200
         echo 1 >/proc/sys/net/ipv4/conf/up1/rp_filter",
        &[],
    ),
];

fn shell(line: &str) {
    let output = Command::new("sh").args(["-ec", line]).output().unwrap();
    assert!(output.status.success(), "{line}: {}", String::from_utf8_lossy(&output.stderr));
}

fn config() -> Config {
    let text = "network.bridge.addresses = [\"10.42.0.1/24\", \"fd00:42::1/64\"]".to_owned();
    let source = mvm_config::Source { name: "mvmhost.toml".to_owned(), text };
    mvm_config::load::parse(&[source]).unwrap().config
}

/// What is wrong, without what is no trouble.
fn found(folder: &Path) -> Vec<Finding> {
    let (roots, config) = (Roots::new(folder), config());
    let forward = firewalls::forward(&roots, &System, &config).unwrap();
    assert_eq!(forward.unread, []);
    let mut findings = obstacles(&config, &forward);
    let mut kernel = Kernel::connect(&roots).unwrap();
    let observed = kernel.observe().unwrap();
    let desired = desired(&config).unwrap();
    let routes_of_microvms = routed(&roots, &kernel, &desired, &observed).unwrap();
    let observed = ObservedNetwork { routes: routes_of_microvms, ..ObservedNetwork::default() };
    findings.extend(routes(&observed, &forward.leaving, BRIDGE));
    findings.retain(|finding| finding.severity() != Severity::Info);
    findings
}

/// What was found, and what still is when the commands of its remedies were typed.
fn healed(state: &str) -> (Vec<&'static str>, Vec<String>) {
    unshare(CloneFlags::CLONE_NEWNET).unwrap();
    let folder = tempfile::tempdir().unwrap();
    for shared in ["proc", "sys", "usr", "sbin"] {
        symlink(format!("/{shared}"), folder.path().join(shared)).unwrap();
    }
    shell(MACHINE);
    shell(state);
    let wrong = found(folder.path());
    for finding in &wrong {
        for text in finding.remedy().lines() {
            let (command, kind) = line(text);
            let own = command.starts_with("mvmhost ") || command.starts_with("systemctl ");
            if kind != Kind::Words && !own {
                shell(command);
            }
        }
    }
    let line = |one: &Finding| format!("{} {}: {}", one.code(), one.message(), one.evidence_text());
    let still = found(folder.path()).iter().map(line).collect();
    let mut codes: Vec<_> = wrong.iter().map(Finding::code).collect();
    codes.dedup();
    (codes, still)
}

#[test]
fn netns_what_is_printed_heals_when_it_is_typed() {
    let mut wrong = String::new();
    for (state, expected) in CASES {
        let (codes, still) = thread::spawn(move || healed(state)).join().unwrap();
        if codes != *expected || !still.is_empty() {
            wrong.push_str(&format!("{state}:\n  found {codes:?}, and then {still:#?}\n"));
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}
