//! Real nftables and the kernel's switches, in a network namespace of the test's own thread.
//! Needs root and nft: without them they fail.

#![allow(clippy::unwrap_used)]

use std::os::unix::fs::symlink;
use std::process::Command;
use std::thread;

use mvm_config::model::Explicit;
use mvm_core::Roots;
use mvm_core::exec::{Recording, System};
use mvm_firewalls::obstacles;
use mvm_network_kernel::nat::{Nat, bring_up};
use mvm_network_kernel::{Kernel, Network, firewalls};
use mvm_network_plan::nat::{Carries, Desired, Egress};
use nix::sched::{CloneFlags, unshare};

/// Runs the test in a fresh namespace, with a /run of its own.
fn in_namespace(test: fn(&Roots)) {
    let inside = thread::spawn(move || {
        unshare(CloneFlags::CLONE_NEWNET).unwrap();
        let folder = tempfile::tempdir().unwrap();
        for shared in ["proc", "usr", "sbin"] {
            symlink(format!("/{shared}"), folder.path().join(shared)).unwrap();
        }
        test(&Roots::new(folder.path()));
    });
    inside.join().unwrap();
}

fn shell(line: &str) -> String {
    let output = Command::new("sh").args(["-ec", line]).output().unwrap();
    assert!(output.status.success(), "{line}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

fn desired() -> Desired {
    Desired {
        interface: "br-mvm".to_owned(),
        sources: vec!["10.42.0.0/24".parse().unwrap(), "fd00:42::/64".parse().unwrap()],
        uplink: None,
        dhcp: true,
        tailnet: false,
        carries: Carries::MicroVms,
        requested: Explicit::default(),
        own: vec!["10.42.0.1/24".parse().unwrap()],
        egress: Egress::default(),
        withheld: false,
        more: Vec::new(),
    }
}

fn run(roots: &Roots, desired: Option<&Desired>, watched: bool) -> Vec<&'static str> {
    let network = Kernel::connect(&Roots::new("/")).unwrap().observe().unwrap();
    let nat = Nat { roots, programs: &System };
    let findings = bring_up(&nat, desired, &network, watched).findings;
    findings.iter().map(|finding| finding.code()).collect()
}

fn machine() {
    // A namespace begins with what this machine has set.
    shell(
        "for net in ipv4 ipv6; do
            echo 0 >/proc/sys/net/$net/conf/all/forwarding
            echo 0 >/proc/sys/net/$net/conf/default/forwarding
        done
        ip link add br-mvm type bridge; ip link set br-mvm up; ip addr add 10.42.0.1/24 dev br-mvm
        ip link add up0 type veth peer name up1; ip link set up0 up; ip link set up1 up
        ip addr add 192.0.2.2/24 dev up0; ip route add default via 192.0.2.1 dev up0
        ip addr add 2001:db8::2/64 dev up0 nodad; ip route add default via 2001:db8::1 dev up0",
    );
}

#[test]
fn netns_loads_the_table_once_and_again_when_it_was_flushed() {
    in_namespace(|roots| {
        machine();
        let desired = desired();
        assert_eq!(run(roots, Some(&desired), false), ["MVM-NET-041"]);
        let table = shell("nft list table inet mvmhost");
        assert!(table.contains("masquerade") && table.contains("udp checksum set 0"), "{table}");
        for switch in ["ipv4/conf/br-mvm/forwarding", "ipv4/conf/up0/forwarding"] {
            assert_eq!(shell(&format!("cat /proc/sys/net/{switch}")).trim(), "1", "{switch}");
        }
        assert_eq!(shell("cat /proc/sys/net/ipv4/conf/up1/forwarding").trim(), "0");
        assert_eq!(shell("cat /proc/sys/net/ipv6/conf/up0/accept_ra").trim(), "2");
        assert_eq!(shell("cat /proc/sys/net/ipv6/conf/all/forwarding").trim(), "1");
        assert_eq!(run(roots, Some(&desired), false), [""; 0]);

        for harm in [
            "nft flush ruleset",
            "nft delete chain inet mvmhost dhcp",
            "nft insert rule inet mvmhost postrouting accept",
            "nft add rule inet mvmhost dhcp counter",
            "nft delete rule inet mvmhost postrouting handle $(nft -a list table inet mvmhost \
                | sed -n 's/.*fd00.*handle //p')",
            "nft add chain inet mvmhost idle",
            "nft add set inet mvmhost hosts '{ type ipv4_addr; }'",
            "nft add counter inet mvmhost https",
            "nft add table inet mvmhost '{ flags dormant; }'",
            "nft delete table inet mvmhost; nft add table inet mvmhost '{ comment \"mine\"; }'",
        ] {
            shell(harm);
            assert_eq!(run(roots, Some(&desired), true), ["MVM-NET-044"], "{harm}");
            assert_eq!(shell("nft list table inet mvmhost"), table, "{harm}");
        }
        // Somebody else's tables are somebody else's.
        shell("nft add table inet other");
        assert_eq!(run(roots, Some(&desired), false), [""; 0]);
        let switches = roots.at("/run/sysctl.d/80-mvmhost.conf");
        assert!(switches.exists());
        assert_eq!(run(roots, None, false), ["MVM-NET-041"]);
        assert!(!switches.exists());
        assert!(!shell("nft list tables").contains("mvmhost"));
        assert!(shell("nft list tables").contains("other"));
    });
}

/// What is loaded is what the text in /run says, in nft's own reading of both.
#[test]
fn netns_the_table_is_what_its_text_says() {
    in_namespace(|roots| {
        machine();
        let nets = ["10.42.0.0/20", "192.0.2.7/32", "172.16.0.0/12", "fd00:42::/61", "::/0"];
        let sources: Vec<_> = nets.iter().map(|net| net.parse().unwrap()).collect();
        for uplink in [None, Some("wlan0".to_owned())] {
            let desired = Desired { sources: sources.clone(), uplink, ..desired() };
            assert_eq!(run(roots, Some(&desired), false), ["MVM-NET-041"]);
            let loaded = shell("nft list table inet mvmhost");
            let text = roots.runtime().join("nat.nft");
            shell(&format!("nft delete table inet mvmhost; nft -f {}", text.display()));
            assert_eq!(loaded, shell("nft list table inet mvmhost"));
        }
    });
}

#[test]
fn netns_a_new_way_out_forwards_too() {
    in_namespace(|roots| {
        machine();
        let desired = Desired { sources: vec!["10.42.0.0/24".parse().unwrap()], ..desired() };
        assert_eq!(run(roots, Some(&desired), false), ["MVM-NET-041"]);
        shell(
            "ip link add wwan0 type veth peer name wwan1; ip link set wwan0 up; ip link set wwan1 up
            ip addr add 198.51.100.2/24 dev wwan0
            ip route replace default via 198.51.100.1 dev wwan0",
        );
        assert_eq!(run(roots, Some(&desired), true), ["MVM-NET-041"]);
        assert_eq!(shell("cat /proc/sys/net/ipv4/conf/wwan0/forwarding").trim(), "1");
    });
}

#[test]
fn netns_a_packet_gets_out_under_another_address_and_back() {
    in_namespace(|roots| {
        machine();
        assert_eq!(run(roots, Some(&desired()), false), ["MVM-NET-041"]);
        // A guest on the bridge, and the outside behind the uplink, which knows no way to the guest.
        shell(
            "unshare -n sleep 60 & g=$!; unshare -n sleep 60 & o=$!; sleep 0.3
            trap 'kill $g $o' EXIT
            ip link add g0 type veth peer name eth0 netns $g; ip link set g0 master br-mvm up
            in_guest() { nsenter -t $g -n \"$@\"; }
            in_guest ip addr add 10.42.0.10/24 dev eth0; in_guest ip link set eth0 up
            in_guest ip route add default via 10.42.0.1
            ip link set up1 netns $o; nsenter -t $o -n ip addr add 192.0.2.1/24 dev up1
            nsenter -t $o -n ip link set up1 up
            for i in 1 2 3 4 5 6 7 8 9 10; do
                if in_guest ping -c 1 -W 1 192.0.2.1 >/dev/null; then exit 0; fi
            done
            exit 1",
        );
    });
}

#[test]
fn netns_what_other_firewalls_drop_is_named() {
    in_namespace(|roots| {
        let source = mvm_config::Source { name: "t".to_owned(), text: String::new() };
        let config = mvm_config::load::parse(&[source]).unwrap().config;
        let codes = || -> Vec<&'static str> {
            let forward = firewalls::forward(roots, &System, &config).unwrap();
            obstacles(&config, &forward).iter().map(|finding| finding.code()).collect()
        };
        assert_eq!(codes(), [""; 0]);
        shell(
            "nft add table inet fw; nft add chain inet fw in \
            '{ type filter hook input priority 0; policy drop; }'",
        );
        let dropped = codes();
        assert!(
            !dropped.is_empty() && dropped.iter().all(|code| *code == "MVM-NET-413"),
            "{dropped:?}"
        );
        shell(
            "nft insert rule inet fw in iifname br-mvm udp dport 67 accept
            nft insert rule inet fw in iifname br-mvm udp dport 53 accept
            nft insert rule inet fw in iifname br-mvm tcp dport 53 accept",
        );
        assert_eq!(codes(), [""; 0]);
    });
}

/// What is printed for a rule that drops, typed as it is, lets microVMs through.
#[test]
fn netns_a_printed_remedy_lets_microvms_through() {
    in_namespace(|roots| {
        let source = mvm_config::Source { name: "t".to_owned(), text: String::new() };
        let config = mvm_config::load::parse(&[source]).unwrap().config;
        let found = || {
            let forward = firewalls::forward(roots, &System, &config).unwrap();
            obstacles(&config, &forward)
        };
        for (code, hook, rule) in [
            ("MVM-NET-410", "forward", "iifname br-mvm oifname != br-mvm drop"),
            ("MVM-NET-413", "input", "iifname br-mvm udp dport 67 drop"),
            ("MVM-NET-415", "output", "oifname br-mvm drop"),
        ] {
            shell(&format!(
                "nft add table inet lab
                nft add chain inet lab c '{{ type filter hook {hook} priority 5; }}'
                nft add rule inet lab c {rule}"
            ));
            let findings = found();
            let codes: Vec<_> = findings.iter().map(|finding| finding.code()).collect();
            assert!(!codes.is_empty() && codes.iter().all(|one| *one == code), "{rule}: {codes:?}");
            for finding in &findings {
                let typed = finding.remedy().replace("mvmhost check", "true");
                shell(&typed);
            }
            let left: Vec<_> = found().iter().map(|finding| finding.code()).collect();
            assert_eq!(left, [""; 0], "{rule}: {}", findings[0].remedy());
            shell("nft delete table inet lab");
        }
    });
}

#[test]
fn netns_iptables_is_asked_only_where_docker_has_its_chain() {
    in_namespace(|roots| {
        let network = Kernel::connect(&Roots::new("/")).unwrap().observe().unwrap();
        let requests = || {
            let programs = Recording::default();
            Nat { roots, programs: &programs }.plan(Some(&desired()), &network).unwrap();
            programs.calls().len()
        };
        assert_eq!(requests(), 0);
        shell("nft add table ip filter; nft add chain ip filter FORWARD");
        assert_eq!(requests(), 0);
        shell("nft add chain ip filter DOCKER-USER");
        // Whether there is such a chain, and whether it has each of three rules.
        assert_eq!(requests(), 4);
        shell("nft add table ip6 filter; nft add chain ip6 filter DOCKER-USER");
        assert_eq!(requests(), 8);
    });
}

#[test]
fn netns_what_docker_was_told_goes_with_what_the_file_asks_for() {
    const USERS: &str = "iptables -S DOCKER-USER | grep -o -e '-[io] br-[a-z]*' | sort";
    in_namespace(|roots| {
        machine();
        shell("iptables -N DOCKER-USER; ip link add br-other type bridge");
        assert_eq!(run(roots, Some(&desired()), false), ["MVM-NET-041"]);
        assert_eq!(shell(USERS), "-i br-mvm\n-o br-mvm\n");
        let elsewhere = Desired { interface: "br-other".to_owned(), ..desired() };
        assert_eq!(run(roots, Some(&elsewhere), false), ["MVM-NET-041"]);
        assert_eq!(shell(USERS), "-i br-other\n-o br-other\n");
        // A bridge that is only a bridge has no table.
        let sources = Vec::new();
        let alone = Desired { sources, dhcp: false, uplink: None, ..elsewhere };
        assert_eq!(run(roots, Some(&alone), false), ["MVM-NET-041"]);
        assert_eq!(shell(USERS), "-i br-other\n-o br-other\n");
        assert_eq!(shell("iptables -S DOCKER-USER | grep -c br-other"), "1\n");
        assert_eq!(shell("nft list tables | grep mvmhost || true"), "");
        assert_eq!(run(roots, Some(&alone), false), [""; 0]);
        assert_eq!(run(roots, None, false), ["MVM-NET-041"]);
        assert_eq!(shell(USERS), "");
        assert_eq!(run(roots, None, false), [""; 0]);
    });
}
