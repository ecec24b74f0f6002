//! From configuration and machine to switches, table and steps.

use mvm_core::catalogue::nat;

use super::*;
use crate::dhcp::Answers;
use crate::network::{MAIN_TABLE, Route};

fn configured(text: &str) -> Option<Desired> {
    let source = mvm_config::Source { name: "t".to_owned(), text: text.to_owned() };
    let loaded = mvm_config::load::parse(&[source]).unwrap();
    desired(&loaded.config).map(|desired| desired.on_network(&machine(), None))
}

fn machine() -> network::Observed {
    let link = |name: &str| network::Link {
        name: name.to_owned(),
        up: true,
        mtu: 1500,
        ..network::Link::default()
    };
    let bridge = Some(network::BridgeOptions { stp: false, forward_delay: 0 });
    network::Observed {
        links: vec![
            link("lo"),
            link("eth0"),
            link("eth1"),
            network::Link { bridge, ..link("br-mvm") },
        ],
        routes: vec![
            Route {
                destination: "0.0.0.0/0".parse().unwrap(),
                interface: "eth0".to_owned(),
                gateway: None,
                metric: 0,
                table: MAIN_TABLE,
            },
            Route {
                destination: "::/0".parse().unwrap(),
                interface: "eth1".to_owned(),
                gateway: None,
                metric: 0,
                table: MAIN_TABLE,
            },
        ],
        ..network::Observed::default()
    }
}

/// What firewalls hold where iptables has Docker's chain.
fn docker(lacks: Vec<usize>, firewalld: Firewalld) -> Firewalls {
    let docker_lacks = vec![(Iptables::V4, lacks)];
    Firewalls { firewalld, docker_lacks, ..Firewalls::default() }
}

fn up(desired: &Desired) -> (Vec<Switch>, Observed) {
    let switches = switches(desired, &machine(), &["eth0".to_owned(), "br-mvm".to_owned()]);
    let table = Table::new(desired);
    let listing = (!table.chains.is_empty()).then(|| "as listed".to_owned());
    let loaded = listing.clone().map(|listing| LoadedTable { table: table.to_string(), listing });
    let observed = Observed {
        listing,
        loaded,
        switches: switches.iter().map(|s| (s.path.clone(), format!("{}\n", s.value))).collect(),
        sysctl: (!switches.is_empty()).then(|| sysctl(&switches)),
        ..Observed::default()
    };
    (switches, observed)
}

#[test]
fn the_default_host_translates_towards_whatever_leads_out() {
    let desired = configured("").unwrap();
    assert_eq!(
        Table::new(&desired).to_string(),
        "table inet mvmhost {\n\
         \tchain postrouting {\n\
         \t\ttype nat hook postrouting priority srcnat; policy accept;\n\
         \t\tip saddr 10.42.0.0/24 ip daddr != 10.42.0.0/24 oifname \"eth0\" masquerade\n\
         \t}\n\
         \tchain mss {\n\
         \t\ttype filter hook forward priority mangle; policy accept;\n\
         \t\tiifname \"br-mvm\" tcp flags syn tcp option maxseg size set rt mtu\n\
         \t\toifname \"br-mvm\" tcp flags syn tcp option maxseg size set rt mtu\n\
         \t}\n\
         \tchain dhcp {\n\
         \t\ttype filter hook postrouting priority filter; policy accept;\n\
         \t\toifname \"br-mvm\" udp sport 67 udp dport 68 udp checksum set 0\n\
         \t}\n\
         }\n"
    );
    let paths: Vec<String> = up(&desired).0.iter().map(ToString::to_string).collect();
    let expected = ["net/ipv4/conf/br-mvm/forwarding = 1", "net/ipv4/conf/eth0/forwarding = 1"];
    assert_eq!(paths, expected);
}

#[test]
fn ipv6_keeps_advertisements_before_it_forwards() {
    let desired =
        configured("network.bridge.addresses = [\"10.1.0.1/24\", \"fd00:1::1/64\"]").unwrap();
    let (switches, _) = up(&desired);
    let last: Vec<String> = switches.iter().skip(2).map(ToString::to_string).collect();
    let expected = ["net/ipv6/conf/eth0/accept_ra = 2", "net/ipv6/conf/all/forwarding = 1"];
    assert_eq!(last, expected);
    assert!(
        Table::new(&desired).to_string().contains("ip6 saddr fd00:1::/64 ip6 daddr != fd00:1::/64")
    );
}

#[test]
fn a_named_uplink_is_the_only_way_out() {
    let desired = configured("network.nat.uplink = \"wlan0\"").unwrap();
    assert!(Table::new(&desired).to_string().contains("oifname \"wlan0\" masquerade"));
    // It is not there yet, so nothing is switched on it.
    assert_eq!(up(&desired).0.len(), 1);
}

#[test]
fn what_comes_from_the_tailnet_is_forwarded() {
    let text = "network.tailscale.advertise-routes = [\"10.42.0.0/24\"]";
    let desired = configured(text).unwrap();
    let with = |name: &str| {
        let mut machine = machine();
        let link = network::Link { name: name.to_owned(), ..network::Link::default() };
        machine.links.push(link);
        let switches = switches(&desired, &machine, &[]);
        switches.iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    let forwards = |name: &str| format!("net/ipv4/conf/{name}/forwarding = 1");
    let both = [forwards("br-mvm"), forwards("eth0")];
    assert_eq!(with("tailscale1"), both);
    let [first, second] = both;
    assert_eq!(with("tailscale0"), [first, second, forwards("tailscale0")]);
}

#[test]
fn what_is_as_asked_is_left_alone() {
    let desired = configured("").unwrap();
    let (switches, observed) = up(&desired);
    assert!(plan(Some(&desired), &switches, &observed).is_settled());
}

#[test]
fn a_table_that_was_flushed_or_changed_is_loaded_again() {
    let desired = configured("").unwrap();
    let (switches, observed) = up(&desired);
    for listing in [None, Some("another rule".to_owned())] {
        // Only what is there is replaced.
        let there = listing.is_some();
        let changed = Observed { listing, ..observed.clone() };
        let steps = plan(Some(&desired), &switches, &changed).steps;
        let [Step::Load { replace, lost, .. }] = steps.as_slice() else { panic!("{steps:?}") };
        assert_eq!((*replace, *lost), (there, true));
    }
    // A table that nobody touched, for a default route that is another one by now.
    let mut moved = desired.clone();
    moved.egress.v4 = vec!["wwan0".to_owned()];
    let steps = plan(Some(&moved), &switches, &observed).steps;
    assert!(matches!(steps.as_slice(), [Step::Load { lost: false, .. }]), "{steps:?}");
    let steps = plan(Some(&desired), &switches, &Observed { loaded: None, ..observed }).steps;
    assert!(matches!(steps.as_slice(), [Step::Load { lost: false, .. }]), "{steps:?}");
}

#[test]
fn from_nothing_the_switches_come_before_the_table() {
    let desired = configured("").unwrap();
    let (switches, _) = up(&desired);
    let plan = plan(Some(&desired), &switches, &Observed::default());
    let lines: Vec<String> = plan.steps.iter().map(ToString::to_string).collect();
    assert_eq!(
        lines,
        [
            "write the switches for sysctl",
            "set net/ipv4/conf/br-mvm/forwarding = 1",
            "set net/ipv4/conf/eth0/forwarding = 1",
            "load the nftables table inet mvmhost",
        ]
    );
}

#[test]
fn a_host_that_wants_none_has_none() {
    assert_eq!(configured("network.mode = \"none\""), None);
    let macvtap = "network.mode = \"macvtap\"\nflintlockd.provider = \"cloudhypervisor\"";
    assert_eq!(configured(macvtap), None);
    let loaded = Observed { listing: Some(String::new()), ..Observed::default() };
    assert_eq!(plan(None, &[], &loaded).steps, [Step::Remove]);
    let loaded = Observed { sysctl: Some(String::new()), ..loaded };
    assert_eq!(plan(None, &[], &loaded).steps, [Step::Remove, Step::RemoveSysctl]);
    assert!(plan(None, &[], &Observed::default()).is_settled());
}

#[test]
fn docker_lets_the_bridge_pass() {
    let desired = configured("").unwrap();
    let (switches, observed) = up(&desired);
    let firewalls = docker(vec![1, 2], Firewalld::Absent);
    let steps = plan(Some(&desired), &switches, &Observed { firewalls, ..observed }).steps;
    let lines: Vec<String> = steps.iter().map(ToString::to_string).collect();
    let rule = "-o br-mvm -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT";
    assert_eq!(lines, [format!("insert into iptables's chain DOCKER-USER: {rule}")]);
}

#[test]
fn docker_lets_a_bridge_pass_that_is_only_a_bridge() {
    let alone = "network.dhcp.enabled = false\nnetwork.nat.enabled = false";
    let uplink = include_str!("../../../../../packaging/examples/tap-uplink.toml");
    for text in [alone, uplink] {
        let desired = configured(text).unwrap();
        let firewalls = docker(vec![0, 1, 2], Firewalld::Unassigned);
        let beside = Observed { firewalls, ..Observed::default() };
        let planned = plan(Some(&desired), &[], &beside);
        let lines: Vec<String> = planned.steps.iter().map(ToString::to_string).collect();
        let expected = ["insert into iptables's chain DOCKER-USER: -i br-mvm -o br-mvm -j ACCEPT"];
        assert_eq!((lines, planned.findings.len()), (expected.map(str::to_owned).to_vec(), 0));
        // Those of a bridge that was served before go; what is written later is the operator's.
        let firewalls = docker(vec![1], Firewalld::InZone);
        let (listing, table) = (String::new(), Table::new(&configured("").unwrap()).to_string());
        let loaded = Some(LoadedTable { table, listing: listing.clone() });
        let sysctl = Some(String::new());
        let listing = Some(listing);
        let served = Observed { loaded, listing, sysctl, firewalls, ..Observed::default() };
        let steps = plan(Some(&desired), &[], &served).steps;
        let lines: Vec<String> = steps.iter().map(ToString::to_string).collect();
        let expected = [
            "remove the file of switches for sysctl",
            "remove the nftables table inet mvmhost",
            "delete from iptables's chain DOCKER-USER: -i br-mvm -j ACCEPT",
            "take br-mvm out of firewalld's zone mvmhost",
        ];
        assert_eq!(lines, expected);
        let firewalls = docker(vec![1], Firewalld::Absent);
        let later = Observed { firewalls, ..Observed::default() };
        assert!(plan(Some(&desired), &[], &later).is_settled());
        // Without nftables it goes on without what it does not need.
        assert!(plan(Some(&desired), &[], &Observed { no_nftables: true, ..beside }).is_settled());
    }
}

#[test]
fn firewalld_has_a_zone_for_the_bridge_unless_the_operator_chose_one() {
    let desired = configured("").unwrap();
    let (switches, observed) = up(&desired);
    let planned = |firewalld| {
        let firewalls = Firewalls { firewalld, ..Firewalls::default() };
        plan(Some(&desired), &switches, &Observed { firewalls, ..observed.clone() })
    };
    for firewalld in [Firewalld::Absent, Firewalld::InZone, Firewalld::Assigned] {
        assert!(planned(firewalld).is_settled());
    }
    let lines: Vec<String> =
        planned(Firewalld::Unassigned).steps.iter().map(ToString::to_string).collect();
    assert_eq!(lines, ["put br-mvm into firewalld's zone mvmhost"]);
    let unaware = planned(Firewalld::Unaware);
    assert_eq!(unaware.findings[0].code(), nat::zone_unknown::ROW.code);
    assert!(unaware.steps.is_empty() && !unaware.is_refused());
}

#[test]
fn an_interface_of_the_hosts_own_is_not_shut_by_our_zone() {
    let firewalls = docker(vec![0, 1, 2], Firewalld::Unassigned);
    let planned = |desired: &Desired| {
        let (switches, observed) = up(desired);
        plan(Some(desired), &switches, &Observed { firewalls: firewalls.clone(), ..observed })
    };
    let uplink = "[network.bridge]\nuplink = \"eth0\"\naddresses = [\"10.1.0.1/24\"]\n\
                  [network.dhcp]\nenabled = true\n";
    let both = planned(&configured(uplink).unwrap());
    assert_eq!(both.findings[0].code(), nat::zone_open::ROW.code);
    assert_eq!(both.steps.len(), 2, "Docker lets microVMs through: {:?}", both.steps);
    let routes = "[network]\nmode = \"macvtap\"\n[network.macvtap]\nparent = \"eth0\"\n\
                  [network.tailscale]\nadvertise-routes = [\"10.1.0.0/24\"]\n\
                  [flintlockd]\nprovider = \"cloudhypervisor\"\n";
    assert!(planned(&configured(routes).unwrap()).is_settled());
    let served = include_str!("../../../../../packaging/examples/wired-nat-wifi.toml");
    assert_eq!(configured(served).unwrap().carries, Carries::Both);
    let bridge = configured("").unwrap();
    let mut machine = machine();
    let master = Some("br-mvm".to_owned());
    machine.links.push(network::Link { name: "eth0".to_owned(), master, ..Default::default() });
    assert_eq!(bridge.clone().on_network(&machine, None).carries, Carries::Both);
    let name = bridge.interface.clone();
    machine.own_steps.push(network::Step::CreateBridge { name, mac: MAC });
    assert_eq!(bridge.on_network(&machine, None).carries, Carries::MicroVms);
}

const MAC: network::Mac = network::Mac([2, 0, 0, 0, 0, 1]);

#[test]
fn without_nftables_nothing_is_tried() {
    let desired = configured("").unwrap();
    let (switches, observed) = up(&desired);
    let plan = plan(Some(&desired), &switches, &Observed { no_nftables: true, ..observed });
    assert_eq!(plan.findings[0].code(), nat::no_nftables::ROW.code);
    assert!(plan.is_refused());
}

#[test]
fn what_is_taken_down_leaves_nothing_in_firewalls_of_others() {
    let desired = configured("").unwrap();
    let (_, observed) = up(&desired);
    let lines = |observed: &Observed| -> Vec<String> {
        let plan = down(Some(&desired), observed);
        plan.steps.iter().map(ToString::to_string).collect()
    };
    let own = ["remove the nftables table inet mvmhost", "remove the file of switches for sysctl"];
    assert_eq!(lines(&observed), own);
    let firewalls = docker(vec![1, 2], Firewalld::InZone);
    let beside = Observed { firewalls: firewalls.clone(), ..observed.clone() };
    let others = [
        "delete from iptables's chain DOCKER-USER: -i br-mvm -j ACCEPT",
        "take br-mvm out of firewalld's zone mvmhost",
    ];
    assert_eq!(lines(&beside), [own, others].concat());
    // The operator's own zone is the operator's.
    let chosen = Firewalls { firewalld: Firewalld::Assigned, ..Firewalls::default() };
    assert_eq!(lines(&Observed { firewalls: chosen, ..observed }), own);
    assert!(down(None, &Observed::default()).is_settled());

    // Nor does what the file no longer asks for, or asks for elsewhere.
    let previous = Observed { previous: Some(("br-mvm".into(), firewalls)), ..Observed::default() };
    let lines = |desired: Option<&Desired>| -> Vec<String> {
        plan(desired, &[], &previous).steps.iter().map(ToString::to_string).collect()
    };
    assert_eq!(lines(None), [others.as_slice(), &own[..1]].concat());
    let elsewhere = Desired { interface: "br-other".to_owned(), ..desired };
    let load = "load the nftables table inet mvmhost";
    assert_eq!(lines(Some(&elsewhere)), [others.as_slice(), &[load]].concat());
}

#[test]
fn a_vpns_default_route_in_halves_leads_out_as_well() {
    let desired = configured("").unwrap();
    let mut machine = machine();
    machine.links.push(network::Link { name: "tun0".to_owned(), ..network::Link::default() });
    let half = Route { interface: "tun0".to_owned(), ..machine.routes[0].clone() };
    for destination in ["0.0.0.0/1", "128.0.0.0/1"] {
        machine.routes.push(Route { destination: destination.parse().unwrap(), ..half.clone() });
    }
    assert_eq!(egress(&desired, &machine).v4, ["eth0", "tun0"]);
}

#[test]
fn docker_lets_ipv6_pass_as_ipv4() {
    let desired = configured("").unwrap();
    let (switches, observed) = up(&desired);
    let docker_lacks = Iptables::ALL.map(|one| (one, vec![0, 2])).to_vec();
    let docker_unread = vec![(Iptables::OldV4, "Permission denied".to_owned())];
    let firewalls = Firewalls { docker_lacks, docker_unread, ..Firewalls::default() };
    let planned = plan(Some(&desired), &switches, &Observed { firewalls, ..observed });
    let lines: Vec<String> = planned.steps.iter().map(ToString::to_string).collect();
    let insert =
        |name: &str| format!("insert into {name}'s chain DOCKER-USER: -i br-mvm -j ACCEPT");
    let names = ["iptables", "ip6tables", "iptables-legacy", "ip6tables-legacy"];
    assert_eq!(lines, names.map(insert));
    assert_eq!(planned.findings[0].code(), nat::docker_unread::ROW.code);
    assert!(!planned.is_refused());
}

#[test]
fn a_lan_port_keeps_dhcp_off_the_bridge_and_nothing_else() {
    let mut machine = machine();
    let master = Some("br-mvm".to_owned());
    machine.links.push(network::Link { name: "eth9".to_owned(), master, ..Default::default() });
    let desired = configured("").unwrap();
    let text = Table::new(&desired.clone().on_network(&machine, None)).to_string();
    for rule in [
        "iifname \"br-mvm\" udp dport 67 drop",
        "oifname \"br-mvm\" udp sport 67 drop",
        "oifname \"br-mvm\" udp sport 547 drop",
        "oifname \"br-mvm\" icmpv6 type nd-router-advert drop",
    ] {
        assert!(text.contains(rule), "{text}");
    }
    assert!(!text.contains("masquerade"), "the bridge has no address yet: {text}");
    for link in &mut machine.links {
        link.addresses.extend(desired.own.iter().filter(|_| link.name == "br-mvm"));
    }
    let running = Table::new(&desired.on_network(&machine, None)).to_string();
    assert!(running.contains("masquerade") && running.contains("dport 67 drop"), "{running}");
    let desired = configured("network.dhcp.enabled = true").unwrap();
    let before = Table::new(&desired.clone().on_network(&machine, None)).to_string();
    assert!(before.contains("dport 67 drop"), "before others were asked: {before}");
    let answers = Answers {
        interface: "br-mvm".to_owned(),
        ports: vec!["eth9".to_owned()],
        servers: Vec::new(),
    };
    let after = Table::new(&desired.on_network(&machine, Some(&answers))).to_string();
    assert!(!after.contains("drop"), "{after}");
}

#[test]
fn a_kernel_without_ipv6_has_no_switches_of_it() {
    let text = "network.bridge.addresses = [\"10.1.0.1/24\", \"fd00:1::1/64\"]";
    let off = network::Observed { no_ipv6: true, ..machine() };
    let desired = configured(text).unwrap().on_network(&off, None);
    let switches = switches(&desired, &off, &["eth0".to_owned()]);
    assert!(switches.iter().all(|switch| !switch.path.contains("ipv6")), "{switches:?}");
}
