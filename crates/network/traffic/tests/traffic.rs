//! Real packets through real rules, in network namespaces of the test's own with servers of the test's
//! own. Needs root, nft and iptables-legacy: without them it fails.

#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::process::Command;
use std::thread;
use std::time::Duration;

use mvm_config::Config;
use mvm_core::Roots;
use mvm_core::exec::System;
use mvm_firewalls::{Dropped, End, Passage};
use mvm_network_traffic::traffic;
use nix::sched::{CloneFlags, unshare};
use nix::sys::socket::{setsockopt, sockopt};

const BRIDGE: &str = "br-mvm";

/// A host that forwards, with a gateway that is known and never answers.
const MACHINE: &str = "ip link set lo up; ip link add br-mvm type bridge; ip link set br-mvm up
    ip addr add 10.42.0.1/24 dev br-mvm; ip addr add fd00:42::1/64 dev br-mvm nodad
    ip link add up0 type veth peer name up1; ip link set up0 up; ip link set up1 up
    ip addr add 192.0.2.2/24 dev up0; ip addr add 2001:db8::2/64 dev up0 nodad
    ip route add default via 192.0.2.1; ip route add default via 2001:db8::1 dev up0
    ip neigh add 192.0.2.1 lladdr 02:00:00:00:00:01 dev up0 nud permanent
    ip neigh add 2001:db8::1 lladdr 02:00:00:00:00:01 dev up0 nud permanent
    for net in ipv4 ipv6; do echo 1 >/proc/sys/net/$net/conf/all/forwarding; done
    for name in iptables ip6tables; do
        switch=/proc/sys/net/bridge/bridge-nf-call-$name; ! test -e $switch || echo 0 >$switch; done
    nft 'table inet nat { chain out { type nat hook postrouting priority srcnat; oifname up0 masquerade; }; }'";

fn shell(line: &str) -> String {
    let output = Command::new("sh").args(["-ec", line]).output().unwrap();
    assert!(output.status.success(), "{line}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// A server of addresses and one of names, for as long as the namespace is there.
fn serve() {
    let socket = UdpSocket::bind(("0.0.0.0", 67)).unwrap();
    socket.set_broadcast(true).unwrap();
    setsockopt(&socket, sockopt::BindToDevice, &BRIDGE.into()).unwrap();
    thread::spawn(move || {
        let mut frame = [0; 1500];
        while let Ok(length) = socket.recv(&mut frame) {
            let mut answer = frame[..length].to_vec();
            answer[0] = 2;
            answer[16..20].copy_from_slice(&[10, 42, 0, 99]);
            answer.truncate(240);
            answer.extend([53, 1, 2, 54, 4, 10, 42, 0, 1, 255]);
            // A rule may say no.
            let _ = socket.send_to(&answer, ("255.255.255.255", 68));
        }
    });
    for own in ["10.42.0.1", "fd00:42::1"] {
        let own: IpAddr = own.parse().unwrap();
        let socket = UdpSocket::bind(SocketAddr::new(own, 53)).unwrap();
        thread::spawn(move || {
            let mut message = [0; 512];
            while let Ok((length, from)) = socket.recv_from(&mut message) {
                message[2] |= 0x80;
                let _ = socket.send_to(&message[..length], from);
            }
        });
    }
}

fn config() -> Config {
    let text = "network.bridge.addresses = [\"10.42.0.1/24\", \"fd00:42::1/64\"]".to_owned();
    let source = mvm_config::Source { name: "mvmhost.toml".to_owned(), text };
    mvm_config::load::parse(&[source]).unwrap().config
}

fn line(Passage { way, v6, end }: &Passage) -> String {
    let end = match end {
        End::Arrived(Some(by)) => format!("by {by}"),
        End::Arrived(None) => "arrived".to_owned(),
        End::Untranslated(by) => format!("untranslated by {by}"),
        End::Dropped(Dropped { family, table, chain, rule, through }) => {
            format!("dropped in {family} {table} {chain} after {through:?}: {rule}")
        }
        End::Lost(why) => format!("lost, {why}"),
        End::Untried(why) => format!("untried, {why}"),
    };
    format!("{way:?}{} {end}", if *v6 { "6" } else { "" })
}

/// What becomes of the packets behind these rules.
fn sent(rules: &str) -> Vec<String> {
    unshare(CloneFlags::CLONE_NEWNET).unwrap();
    shell(MACHINE);
    shell(rules);
    serve();
    let before = shell("nft list tables; ip -o link show | wc -l");
    let sent = traffic(&Roots::new("/"), &System, &config()).unwrap();
    // The kernel takes the namespace away when it comes to it.
    let gone = (0..100).any(|_| {
        thread::sleep(Duration::from_millis(100));
        shell("nft list tables; ip -o link show | wc -l") == before
    });
    assert!(gone, "{before} became {}", shell("nft list tables; ip -o link show"));
    let neighbours = shell("ip neigh show dev br-mvm");
    assert!(!neighbours.contains("10.42.0.") && !neighbours.contains("fd00:"), "{neighbours}");
    sent.passages.iter().map(line).collect()
}

/// Rules, and what becomes otherwise of some packets than without them.
const CASES: &[(&str, &[(&str, &str)])] = &[
    ("true", &[]),
    (
        "nft 'table inet a { set bad { type ipv4_addr; flags interval; elements = { 10.42.0.0/25 } }
            chain f { type filter hook forward priority 0; ip saddr @bad drop; }; }'",
        &[("Out", "dropped in inet a f after []: ip saddr @bad drop"), ("Back", "")],
    ),
    (
        "nft 'table inet a { chain back { iifname up0 drop; }
            chain f { type filter hook forward priority 0; jump back; }; }'",
        &[
            ("Back", "dropped in inet a back after [\"f\"]: iifname \"up0\" drop"),
            ("Back6", "dropped in inet a back after [\"f\"]: iifname \"up0\" drop"),
        ],
    ),
    (
        "nft 'table ip6 filter { chain FORWARD { type filter hook forward priority 0; policy drop; }; }'",
        &[("Out6", "dropped in ip6 filter FORWARD after []: policy drop"), ("Back6", "")],
    ),
    (
        "nft 'table inet a { chain i { type filter hook input priority 0; udp dport { 53, 67 } reject; }; }'",
        &[
            ("Address", "dropped in inet a i after []: udp dport { 53, 67 } reject"),
            ("Name", "dropped in inet a i after []: udp dport { 53, 67 } reject"),
            ("Name6", "dropped in inet a i after []: udp dport { 53, 67 } reject"),
        ],
    ),
    (
        "nft 'table inet a { chain o { type filter hook output priority 0; udp sport { 53, 67 } drop; }; }'",
        &[
            ("Address", "dropped in inet a o after []: udp sport { 53, 67 } drop"),
            ("Name", "dropped in inet a o after []: udp sport { 53, 67 } drop"),
            ("Name6", "dropped in inet a o after []: udp sport { 53, 67 } drop"),
        ],
    ),
    (
        "nft 'table bridge a { chain f { type filter hook forward priority 0; ip protocol tcp drop; }; }'",
        &[("Between", "dropped in bridge a f after []: ip protocol tcp drop")],
    ),
    (
        "iptables-legacy -A FORWARD -i br-mvm -j DROP",
        &[("Out", "lost, it came to the rules, and no chain of nftables has seen it"), ("Back", "")],
    ),
    (
        "nft 'table ip r { chain p { type filter hook prerouting priority raw; iifname br-mvm notrack; }; }'",
        &[("Out", "untranslated by up0"), ("Back", "")],
    ),
    ("ip route del default via 192.0.2.1", &[("Out", "lost, "), ("Back", "")]),
];

const WITHOUT: [(&str, &str); 10] = [
    ("Address", "arrived"),
    ("Between", "arrived"),
    ("Name", "arrived"),
    ("Out", "by up0"),
    ("Back", "arrived"),
    // Nobody sends advertisements here.
    ("Router6", "lost, "),
    ("Between6", "arrived"),
    ("Name6", "arrived"),
    ("Out6", "by up0"),
    ("Back6", "arrived"),
];

#[test]
fn netns_the_kernel_decides_and_names_the_rule() {
    let running: Vec<_> =
        CASES.iter().map(|(rules, _)| thread::spawn(move || sent(rules))).collect();
    let mut wrong = String::new();
    for ((rules, changes), running) in CASES.iter().zip(running) {
        let lines = running.join().unwrap_or_else(|_| vec!["it panicked".to_owned()]);
        let expected = WITHOUT.iter().map(|(way, end)| {
            let changed = changes.iter().find(|(changed, _)| changed == way);
            (*way, changed.map_or(*end, |(_, end)| *end))
        });
        // A way that ends before has no more.
        let expected: Vec<_> = expected.filter(|(_, end)| !end.is_empty()).collect();
        let fits = |(line, (way, end)): (&String, &(&str, &str))| {
            let begin = format!("{way} {end}");
            if end.ends_with(", ") { line.starts_with(&begin) } else { *line == begin }
        };
        if lines.len() != expected.len() || !lines.iter().zip(&expected).all(fits) {
            wrong.push_str(&format!("{rules}:\n  {}\n", lines.join("\n  ")));
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}
