//! What `check --deep` sends where microVMs are not on a bridge: beyond an interface that this host
//! serves, and on macvtaps. In network namespaces of the test's own. Needs root, nft and macvtap: without
//! them it fails.

#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

use std::fs;
use std::net::UdpSocket;
use std::os::unix::fs::symlink;
use std::process::Command;
use std::thread;

use mvm_config::Config;
use mvm_core::Roots;
use mvm_core::exec::System;
use mvm_firewalls::{Dropped, End, Passage};
use mvm_network_traffic::traffic;
use nix::sched::{CloneFlags, unshare};
use nix::sys::socket::{setsockopt, sockopt};

const HUB: &str = "hub0";

/// A hub that forwards from its wire to a gateway that never answers.
const MACHINE: &str = "ip link set lo up; ip link add hub0 type veth peer name wire
    ip link set hub0 up; ip link set wire up; ip addr add 10.0.7.1/24 dev hub0
    ip link add up0 type veth peer name up1; ip link set up0 up; ip link set up1 up
    ip addr add 192.0.2.2/24 dev up0; ip route add default via 192.0.2.1
    ip neigh add 192.0.2.1 lladdr 02:00:00:00:00:01 dev up0 nud permanent
    echo 1 >/proc/sys/net/ipv4/conf/all/forwarding";
const TRANSLATED: &str = "nft 'table inet nat { chain out { type nat hook postrouting priority srcnat; oifname up0 masquerade; }; }'";

const SERVED: &str = "network.mode = \"macvtap\"\nflintlockd.provider = \"cloudhypervisor\"\n\
                      network.macvtap = { parent = \"hub0\", addresses = [\"10.0.7.1/24\"] }\n\
                      network.dhcp.enabled = true\nnetwork.nat = { enabled = true, uplink = \"up0\" }";
const OF_OTHERS: &str = "network.mode = \"macvtap\"\nflintlockd.provider = \"cloudhypervisor\"\n\
                         network.macvtap.parent = \"hub0\"";

fn shell(line: &str) -> String {
    let output = Command::new("sh").args(["-ec", line]).output().unwrap();
    assert!(output.status.success(), "{line}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

fn config(text: &str) -> Config {
    let source = mvm_config::Source { name: "mvmhost.toml".to_owned(), text: text.to_owned() };
    mvm_config::load::parse(&[source]).unwrap().config
}

/// A server of addresses and one of names, for as long as the namespace is there.
fn serve() {
    let addresses = UdpSocket::bind(("0.0.0.0", 67)).unwrap();
    addresses.set_broadcast(true).unwrap();
    setsockopt(&addresses, sockopt::BindToDevice, &HUB.into()).unwrap();
    thread::spawn(move || {
        let mut frame = [0; 1500];
        while let Ok(length) = addresses.recv(&mut frame) {
            let mut answer = frame[..length].to_vec();
            answer[0] = 2;
            answer[16..20].copy_from_slice(&[10, 0, 7, 99]);
            answer.truncate(240);
            answer.extend([53, 1, 2, 54, 4, 10, 0, 7, 1, 255]);
            // A rule may say no.
            let _ = addresses.send_to(&answer, ("255.255.255.255", 68));
        }
    });
    let names = UdpSocket::bind(("10.0.7.1", 53)).unwrap();
    thread::spawn(move || {
        let mut message = [0; 512];
        while let Ok((length, from)) = names.recv_from(&mut message) {
            message[2] |= 0x80;
            let _ = names.send_to(&message[..length], from);
        }
    });
}

fn line(Passage { way, end, .. }: &Passage) -> String {
    match end {
        End::Arrived(Some(by)) => format!("{way:?} by {by}"),
        End::Arrived(None) => format!("{way:?} arrived"),
        End::Untranslated(by) => format!("{way:?} untranslated by {by}"),
        End::Dropped(Dropped { family, table, chain, .. }) => {
            format!("{way:?} dropped in {family} {table} {chain}")
        }
        End::Lost(_) => format!("{way:?} lost"),
        End::Untried(why) => format!("{way:?} untried: {why}"),
    }
}

/// What becomes of packets on a hub with these commands typed before, by a file.
fn sent(rules: &str, text: &str) -> (usize, Vec<String>) {
    unshare(CloneFlags::CLONE_NEWNET).unwrap();
    shell(MACHINE);
    shell(rules);
    serve();
    let folder = tempfile::tempdir().unwrap();
    for shared in ["proc", "sys", "usr", "sbin"] {
        symlink(format!("/{shared}"), folder.path().join(shared)).unwrap();
    }
    fs::create_dir_all(folder.path().join("run/mvmhost")).unwrap();
    let answers = r#"{"interface": "hub0", "ports": [], "servers": []}"#;
    fs::write(folder.path().join("run/mvmhost/dhcp.asked"), answers).unwrap();
    let sent = traffic(&Roots::new(folder.path()), &System, &config(text)).unwrap();
    let neighbours = shell("ip neigh show dev hub0");
    assert!(!neighbours.contains("02:6d:76:6d:00:77"), "{neighbours}");
    (sent.offers.len(), sent.passages.iter().map(line).collect())
}

fn in_namespace(rules: &'static str, text: &'static str) -> (usize, Vec<String>) {
    thread::spawn(move || sent(rules, text)).join().unwrap()
}

#[test]
fn netns_a_hub_is_tried_both_ways_without_anybody_beyond_it() {
    let all = ["Address arrived", "Name arrived", "Out by up0", "Back arrived"];
    let (offers, ends) = in_namespace(TRANSLATED, SERVED);
    assert_eq!((offers, ends), (1, all.map(str::to_owned).to_vec()));
}

#[test]
fn netns_what_a_hub_drops_is_named() {
    let forward = "nft 'table inet nat { chain out { type nat hook postrouting priority srcnat; oifname up0 masquerade; }
        chain f { type filter hook forward priority 0; iifname up0 drop; }
        chain i { type filter hook input priority 0; udp dport 67 drop; }; }'";
    let (offers, ends) = in_namespace(forward, SERVED);
    let all = [
        "Address dropped in inet nat i",
        "Name arrived",
        "Out by up0",
        "Back dropped in inet nat f",
    ];
    assert_eq!((offers, ends), (0, all.map(str::to_owned).to_vec()));
    let (_, ends) = in_namespace("true", SERVED);
    assert_eq!(ends.last().map(String::as_str), Some("Out untranslated by up0"), "{ends:?}");
}

#[test]
fn netns_macvtaps_reach_each_other() {
    let (offers, ends) = in_namespace("true", OF_OTHERS);
    assert_eq!((offers, ends), (0, vec!["Between arrived".to_owned()]));
}
