//! Tables of the network's plan.

use super::bridge::{as_created, mac_for};
use super::*;

mod links;
mod receipt;
mod uplink;

fn net(text: &str) -> IpNet {
    text.parse().unwrap()
}

/// The plan for a bridge alone.
fn plan(desired: Option<&Bridge>, observed: &Observed) -> Plan<Step> {
    super::plan(&Desired { bridge: desired.cloned(), ..Desired::default() }, observed)
}

fn desired_bridge() -> Bridge {
    Bridge {
        name: "br-mvm".to_owned(),
        mac: mac_for("0123456789abcdef0123456789abcdef", "br-mvm"),
        mtu: None,
        addresses: vec![net("10.42.0.1/24")],
        requested: true,
    }
}

fn hardware(name: &str, addresses: &[&str]) -> Link {
    Link {
        name: name.to_owned(),
        up: true,
        mac: Some(Mac([0x52, 0x54, 0, 0, 0, 1])),
        mtu: 1500,
        addresses: addresses.iter().map(|text| net(text)).collect(),
        carrier: true,
        ..Link::default()
    }
}

fn route(destination: &str, interface: &str) -> Route {
    Route {
        destination: net(destination),
        interface: interface.to_owned(),
        gateway: None,
        metric: 0,
        table: MAIN_TABLE,
    }
}

fn port(name: &str) -> Link {
    Link { master: Some("br-mvm".to_owned()), ..hardware(name, &[]) }
}

fn ready(desired: &Bridge) -> Link {
    Link { up: true, addresses: desired.addresses.clone(), ..as_created(desired) }
}

fn machine(links: Vec<Link>) -> Observed {
    let lo = hardware("lo", &["127.0.0.1/8", "::1/128"]);
    let eth0 = hardware("eth0", &["192.168.1.10/24", "fe80::1/64"]);
    let routes = vec![
        route("0.0.0.0/0", "eth0"),
        route("192.168.1.0/24", "eth0"),
        route("fe80::/64", "eth0"),
    ];
    Observed { links: [vec![lo, eth0], links].concat(), routes, ..Observed::default() }
}

fn texts(plan: &Plan<Step>) -> Vec<String> {
    plan.steps.iter().map(ToString::to_string).collect()
}

fn codes(plan: &Plan<Step>) -> Vec<&'static str> {
    plan.findings.iter().map(Finding::code).collect()
}

#[test]
fn a_bare_machine_gets_the_bridge() {
    let plan = plan(Some(&desired_bridge()), &machine(vec![]));
    let mac = desired_bridge().mac;
    let expected = [
        format!("create bridge br-mvm with MAC {mac}"),
        "add 10.42.0.1/24 to br-mvm".to_owned(),
        "bring br-mvm up".to_owned(),
    ];
    assert_eq!(texts(&plan), expected);
    assert!(plan.findings.is_empty());
}

#[test]
fn another_mtu_is_set_apart_so_that_ports_do_not_change_it() {
    let plan = plan(Some(&Bridge { mtu: Some(9000), ..desired_bridge() }), &machine(vec![]));
    assert_eq!(texts(&plan)[1], "give bridge br-mvm the MTU 9000");
}

#[test]
fn a_ready_bridge_needs_nothing() {
    let observed = machine(vec![ready(&desired_bridge()), port("fltap0123456")]);
    assert!(plan(Some(&desired_bridge()), &observed).is_settled());
    assert!(plan(None, &observed).is_settled());
}

/// The ready bridge with one difference.
fn differing(change: impl FnOnce(&mut Link)) -> Link {
    let mut link = ready(&desired_bridge());
    change(&mut link);
    link
}

#[test]
fn only_what_differs_is_changed() {
    let options = |stp| Some(BridgeOptions { stp, forward_delay: 1500 });
    let mac = format!("give bridge br-mvm the MAC {}", desired_bridge().mac);
    let stp = "turn spanning tree of bridge br-mvm off";
    let delay = "turn the forward delay of bridge br-mvm off";
    let address = "add 10.42.0.1/24 to br-mvm";
    let cases: [(Link, Vec<&str>); 7] = [
        (differing(|link| link.up = false), vec!["bring br-mvm up"]),
        (differing(|link| link.mtu = 1400), vec!["give bridge br-mvm the MTU 1500"]),
        (differing(|link| link.mac = Some(Mac([2, 0, 0, 0, 0, 9]))), vec![&mac]),
        (differing(|link| link.bridge = options(true)), vec![stp, delay]),
        (differing(|link| link.bridge = options(false)), vec![delay]),
        (differing(|link| link.addresses = vec![net("10.42.0.1/16")]), vec![address]),
        (differing(|link| link.addresses.push(net("172.20.0.1/16"))), vec![]),
    ];
    for (link, expected) in cases {
        let plan = plan(Some(&desired_bridge()), &machine(vec![link.clone()]));
        assert_eq!(texts(&plan), expected, "{link:?}");
        assert!(plan.findings.is_empty(), "{link:?}");
    }
}

#[test]
fn a_bridge_with_others_ports_keeps_what_the_machine_hangs_on() {
    let theirs = Link {
        mac: Some(Mac([0x52, 0x54, 0, 0, 0, 2])),
        mtu: 9000,
        bridge: Some(BridgeOptions { stp: true, forward_delay: 1500 }),
        addresses: vec![net("192.168.7.2/24")],
        ..ready(&desired_bridge())
    };
    let observed = machine(vec![theirs, port("eth1")]);
    let first = plan(Some(&desired_bridge()), &observed);
    assert_eq!(texts(&first), ["add 10.42.0.1/24 to br-mvm"]);
    assert_eq!(codes(&first), ["MVM-NET-005"]);
    assert!(first.findings[0].message().contains("30 s"));
    let second = plan(Some(&Bridge { mtu: Some(1500), ..desired_bridge() }), &observed);
    assert_eq!(texts(&second)[0], "give bridge br-mvm the MTU 1500", "said by the operator");
}

#[test]
fn a_name_that_is_taken_is_refused() {
    for (kind, word) in [("", "a hardware interface"), ("dummy", "dummy")] {
        let link = Link { kind: kind.to_owned(), ..hardware("br-mvm", &[]) };
        let plan = plan(Some(&desired_bridge()), &machine(vec![link]));
        assert!(plan.is_refused() && plan.steps.is_empty());
        assert_eq!(codes(&plan), ["MVM-NET-002"]);
        assert!(plan.findings[0].message().contains(word));
    }
}

#[test]
fn an_overlap_is_refused_and_names_the_interface() {
    let routed = |text: &str| {
        let mut observed = machine(vec![]);
        observed.routes.push(route(text, "tun0"));
        observed
    };
    let cases = [
        (machine(vec![hardware("wlan0", &["10.42.0.77/24"])]), "wlan0"),
        (machine(vec![hardware("wlan0", &["10.42.0.9/8"])]), "wlan0"),
        (machine(vec![hardware("wlan0", &["10.42.0.200/32"])]), "wlan0"),
        (routed("10.42.0.0/24"), "tun0"),
        (routed("10.42.0.128/25"), "tun0"),
    ];
    for (observed, interface) in cases {
        let plan = plan(Some(&desired_bridge()), &observed);
        assert!(plan.steps.is_empty());
        assert_eq!(codes(&plan), ["MVM-NET-003"]);
        assert!(plan.findings[0].message().ends_with(interface), "{}", plan.findings[0].message());
        assert!(plan.findings[0].remedy().contains(&format!("show dev {interface}\n")));
    }
    for harmless in ["0.0.0.0/1", "10.43.0.0/24", "10.42.1.0/24", "::/0"] {
        assert!(!plan(Some(&desired_bridge()), &routed(harmless)).is_refused(), "{harmless}");
    }
}

#[test]
fn one_interface_is_named_once() {
    let mut observed = machine(vec![hardware("wlan0", &["10.42.0.77/24"])]);
    observed.routes.push(route("10.42.0.0/24", "wlan0"));
    assert_eq!(codes(&plan(Some(&desired_bridge()), &observed)), ["MVM-NET-003"]);
}

/// Whatever came first: what a reboot would refuse is said before it.
#[test]
fn the_verdict_is_the_same_while_running_and_at_boot() {
    let summary = |links: Vec<Link>| {
        let mut observed = machine(links);
        let private = route("10.0.0.0/8", "bond0");
        observed.routes.push(Route { gateway: "172.30.255.3".parse().ok(), ..private });
        observed
    };
    type Machine = fn(Vec<Link>) -> Observed;
    let cases: [(Machine, &str); 2] = [
        (summary, "MVM-NET-021"),
        (
            |mut links| {
                links.push(hardware("tun0", &["10.42.0.9/24"]));
                machine(links)
            },
            "MVM-NET-003",
        ),
    ];
    for (machine, code) in cases {
        let (boot, running) = (
            plan(Some(&desired_bridge()), &machine(vec![])),
            plan(Some(&desired_bridge()), &machine(vec![ready(&desired_bridge())])),
        );
        assert_eq!((codes(&boot), codes(&running)), (vec![code], vec![code]));
        assert_eq!(boot.steps.is_empty(), code == "MVM-NET-003");
        assert!(running.steps.is_empty());
    }
}

#[test]
fn a_gateway_or_name_server_in_the_subnet_is_a_conflict_that_the_file_can_allow() {
    let mut observed = machine(vec![]);
    let private = route("10.0.0.0/8", "bond0");
    observed.routes.push(Route { gateway: "10.42.0.254".parse().ok(), ..private.clone() });
    let refused = plan(Some(&desired_bridge()), &observed);
    assert_eq!(codes(&refused), ["MVM-NET-003"]);
    assert!(refused.findings[0].evidence_text().contains("the gateway 10.42.0.254"), "{refused:?}");
    observed.routes.pop();
    observed.routes.push(private);
    observed.name_servers = vec!["10.42.0.53".parse().unwrap()];
    assert_eq!(codes(&plan(Some(&desired_bridge()), &observed)), ["MVM-NET-003"]);
    let bridge = Some(desired_bridge());
    let meant = Desired { bridge, overlaps_allowed: true, ..Desired::default() };
    let allowed = super::plan(&meant, &observed);
    assert_eq!((codes(&allowed), allowed.steps.len()), (vec!["MVM-NET-004"], 3));
}

#[test]
fn a_bridge_of_others_gets_no_address_that_the_file_does_not_ask_for() {
    let unasked = Bridge { requested: false, ..desired_bridge() };
    let lan = Link { addresses: vec![net("192.168.7.2/24")], ..ready(&desired_bridge()) };
    let observed = machine(vec![lan.clone(), port("eth1")]);
    let plan = |desired: &Bridge, observed: &Observed| plan(Some(desired), observed);
    let put_off = plan(&unasked, &observed);
    assert_eq!((texts(&put_off), codes(&put_off)), (Vec::<String>::new(), vec!["MVM-NET-020"]));
    assert!(put_off.findings[0].message().ends_with("eth1 is a port of it"));
    assert_eq!(texts(&plan(&desired_bridge(), &observed)), ["add 10.42.0.1/24 to br-mvm"]);
    // Before its port is there the host's own address tells whose it is.
    assert_eq!(codes(&plan(&unasked, &machine(vec![lan]))), ["MVM-NET-020"]);
    assert!(plan(&unasked, &machine(vec![ready(&desired_bridge()), port("fltap1")])).is_settled());
}

#[test]
fn without_ipv6_the_bridge_has_its_ipv4() {
    let addresses = vec![net("10.42.0.1/24"), net("fd00:42::1/64")];
    let desired = Bridge { addresses, ..desired_bridge() };
    let observed = Observed { no_ipv6: true, ..machine(vec![]) };
    let nowhere = plan(Some(&desired), &observed);
    let steps = texts(&nowhere);
    assert_eq!((steps[1].as_str(), steps.len()), ("add 10.42.0.1/24 to br-mvm", 3));
    assert_eq!(codes(&nowhere), ["MVM-NET-022"]);
    let bare = Link { no_ipv6: true, addresses: vec![], ..ready(&desired) };
    let not_there = plan(Some(&desired), &machine(vec![bare]));
    assert_eq!(texts(&not_there), ["add 10.42.0.1/24 to br-mvm"]);
    assert_eq!(codes(&not_there), ["MVM-NET-022"]);
    assert_eq!(not_there.findings[0].evidence_text(), "net/ipv6/conf/br-mvm/disable_ipv6 = 1");
}

#[test]
fn routes_of_the_bridge_itself_are_its_own() {
    let mut observed = machine(vec![ready(&desired_bridge())]);
    observed.routes.push(route("10.42.0.0/24", "br-mvm"));
    let plan = plan(Some(&desired_bridge()), &observed);
    assert!(plan.is_settled() && plan.findings.is_empty());
}

#[test]
fn ipv6_link_local_is_everywhere_and_overlaps_nothing() {
    let desired =
        Bridge { addresses: vec![net("fe80::5/64"), net("fd00:42::1/64")], ..desired_bridge() };
    assert!(plan(Some(&desired), &machine(vec![])).findings.is_empty());
    let observed = machine(vec![hardware("wg0", &["fd00::1/16"])]);
    assert_eq!(codes(&plan(Some(&desired), &observed)), ["MVM-NET-021"]);
}

#[test]
fn the_mac_is_stable_local_and_its_own() {
    let id = "0123456789abcdef0123456789abcdef";
    assert_eq!(mac_for(id, "br-mvm"), mac_for(id, "br-mvm"));
    let all =
        [mac_for(id, "br-mvm"), mac_for(id, "br0"), mac_for("", "br-mvm"), mac_for("x", "br-mvm")];
    for (i, mac) in all.iter().enumerate() {
        assert_eq!(mac.0[0] & 0x03, 0x02, "{mac}: unicast and locally administered");
        assert!(!all[i + 1..].contains(mac), "{mac}");
    }
    // Written down: another value would change the MAC of every host at its next upgrade.
    assert_eq!(mac_for(id, "br-mvm").to_string(), "f6:69:1b:f3:9d:4f");
}

#[test]
fn a_bridge_of_another_manager_is_not_rewritten_before_its_ports_are_there() {
    let options = Some(BridgeOptions { stp: true, forward_delay: 1500 });
    let addressing =
        Addressing { owner: Some("NetworkManager".to_owned()), ..Addressing::default() };
    let theirs = Link { mtu: 9000, bridge: options, addressing, ..hardware("br-mvm", &[]) };
    let mut observed = machine(vec![theirs]);
    assert_eq!(texts(&plan(Some(&desired_bridge()), &observed)), ["add 10.42.0.1/24 to br-mvm"]);
    observed.own_steps =
        vec![Step::CreateBridge { name: "br-mvm".to_owned(), mac: desired_bridge().mac }];
    assert_eq!(
        plan(Some(&desired_bridge()), &observed).steps.len(),
        5,
        "MAC, spanning tree, delay, MTU"
    );
}
