//! Asking who has an address, in network namespaces of the test's own. Needs root: without it it fails.

#![allow(clippy::unwrap_used)]

use std::net::IpAddr;
use std::process::Command;
use std::thread;

use mvm_config::Config;
use mvm_config::load::{Source, parse};
use mvm_core::Roots;
use mvm_network_kernel::{Kernel, Network, address_owners};
use mvm_network_plan::network::Mac;
use nix::sched::{CloneFlags, unshare};

/// A bridge with an address, and two machines behind it that have the same ones.
const LAN: &str = "ip link set lo up
    ip link add br-mvm type bridge forward_delay 0
    ip address add 10.42.0.1/24 dev br-mvm; ip -6 address add fd00:42::1/64 dev br-mvm nodad
    ip link set br-mvm up
    for n in 1 2; do
        unshare -n sleep 60 >/dev/null 2>&1 & echo $!
        peer=$!
        until [ \"$(readlink /proc/$peer/ns/net)\" != \"$(readlink /proc/self/ns/net)\" ]; do sleep 0.05; done
        ip link add p$n type veth peer name e$n address 02:00:00:00:00:0$n netns $peer
        ip link set p$n master br-mvm up
        nsenter -t $peer -n sh -c \"ip link set e$n up; echo 0 >/proc/sys/net/ipv6/conf/e$n/accept_dad
            ip address add 10.42.0.5/24 dev e$n; ip -6 address add fd00:42::5/64 dev e$n nodad
            [ $n = 2 ] || ip address add 10.42.0.6/24 dev e$n\" >&2
    done";

fn config() -> Config {
    let text = "[network.bridge]\naddresses = [\"10.42.0.1/24\", \"fd00:42::1/64\"]\n";
    let source = Source { name: "t".to_owned(), text: text.to_owned() };
    parse(&[source]).unwrap().config
}

#[test]
fn netns_everybody_who_has_an_address_is_heard() {
    let inside = thread::spawn(|| {
        unshare(CloneFlags::CLONE_NEWNET).unwrap();
        let made = Command::new("sh").args(["-ec", LAN]).output().unwrap();
        let peers = String::from_utf8(made.stdout.clone()).unwrap();
        let observed = Kernel::connect(&Roots::new("/")).unwrap().observe().unwrap();
        let owners = |address: &str| {
            let address: IpAddr = address.parse().unwrap();
            address_owners(&config(), &observed, address).unwrap()
        };
        let found = ["10.42.0.5", "fd00:42::5", "10.42.0.6", "10.42.0.7", "10.42.0.1"].map(owners);
        for peer in peers.lines() {
            Command::new("kill").arg(peer).status().unwrap();
        }
        assert!(made.status.success(), "{made:?}");
        let (one, two) = (Mac([2, 0, 0, 0, 0, 1]), Mac([2, 0, 0, 0, 0, 2]));
        let others: Vec<&[Mac]> = found.iter().map(|one| one.others.as_slice()).collect();
        assert_eq!(others, [&[one, two][..], &[one, two], &[one], &[], &[]]);
        let own: Vec<Option<&str>> = found.iter().map(|one| one.own.as_deref()).collect();
        assert_eq!(own, [None, None, None, None, Some("br-mvm")]);
    });
    inside.join().unwrap();
}
