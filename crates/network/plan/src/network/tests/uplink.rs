//! The uplink: steps forth and back, refusals, consent.

use std::net::IpAddr;

use super::*;

fn address(address: &str) -> InterfaceAddress {
    InterfaceAddress {
        address: net(address),
        peer: None,
        broadcast: None,
        label: None,
        scope: 0,
        flags: 0,
        lifetimes: None,
        metric: None,
        protocol: None,
    }
}

fn route(destination: &str, gateway: Option<&str>, protocol: u8) -> InterfaceRoute {
    InterfaceRoute {
        destination: net(destination),
        gateway: gateway.map(|text| text.parse().unwrap()),
        source: None,
        table: 254,
        protocol,
        scope: 0,
        tos: 0,
        onlink: false,
        metric: None,
        preference: None,
        expires: None,
        metrics: vec![],
    }
}

/// eth0 with everything that it has.
fn with_default_route() -> Link {
    let addresses = ["192.168.1.10/24", "192.168.1.11/24", "2001:db8::2/64", "2001:db8::3/64"];
    let routes = vec![
        route("0.0.0.0/0", Some("192.168.1.1"), 3),
        route("192.168.1.0/24", None, 2),
        route("10.9.0.0/16", None, 4),
        route("2001:db8::/64", None, 2),
        route("::/0", Some("fe80::1"), 3),
    ];
    Link {
        mtu: 1400,
        addressing: Addressing {
            addresses: addresses.map(address).to_vec(),
            routes,
            ..Addressing::default()
        },
        ..hardware("eth0", &[&addresses[..], &["fe80::1/64"]].concat())
    }
}

fn machine_with(eth0: Link, others: Vec<Link>) -> Observed {
    let mut observed = machine(others);
    observed.links.retain(|link| link.name != "eth0");
    observed.links.push(eth0);
    observed
}

fn desired_with(consent: Consent) -> Desired {
    Desired {
        bridge: Some(Bridge { addresses: vec![], ..desired_bridge() }),
        uplink: Some(Uplink { consent, ..Uplink::new("eth0") }),
        ..Desired::default()
    }
}

fn steps(desired: &Desired, observed: &Observed) -> Plan<Step> {
    super::super::plan(desired, observed)
}

const FORTH: [&str; 7] = [
    "create bridge br-mvm with MAC 52:54:00:00:00:01",
    "give bridge br-mvm the MTU 1400",
    "bring br-mvm up",
    "give br-mvm 192.168.1.10/24, 192.168.1.11/24, 2001:db8::3/64, 2001:db8::2/64",
    "make eth0 a port of br-mvm",
    "lead the route 10.9.0.0/16, the default route via 192.168.1.1, the default route via fe80::1 \
     through br-mvm instead of eth0",
    "take 192.168.1.10/24, 192.168.1.11/24, 2001:db8::3/64, 2001:db8::2/64 from eth0",
];

#[test]
fn everything_moves_with_the_uplink_and_its_mac_and_mtu() {
    let observed = machine_with(with_default_route(), vec![]);
    for consent in [Consent::OnTrial, Consent::Confirmed] {
        let plan = steps(&desired_with(consent), &observed);
        assert_eq!(texts(&plan), FORTH);
        let addresses: Vec<String> =
            gateways(&plan.steps).iter().map(ToString::to_string).collect();
        assert_eq!(addresses, ["192.168.1.1", "fe80::1"]);
        let addresses = plan.steps.iter().find_map(|step| match step {
            Step::GiveAddresses { addresses, .. } => Some(addresses),
            _ => None,
        });
        let flags: Vec<u32> = addresses.unwrap().iter().map(|address| address.flags).collect();
        assert_eq!(flags, [0, 0, 2, 2], "proved on eth0");
    }
    let refused = steps(&desired_with(Consent::Refused), &observed);
    assert_eq!((codes(&refused), refused.steps.len()), (vec!["MVM-NET-060"], 0));
}

#[test]
fn the_way_back_is_the_way_forth_backwards() {
    let observed = machine_with(with_default_route(), vec![]);
    let forth = steps(&desired_with(Consent::OnTrial), &observed).steps;
    let back = undo(&forth, &observed);
    let texts: Vec<String> = back.iter().map(ToString::to_string).collect();
    let expected = [
        "give eth0 192.168.1.10/24, 192.168.1.11/24, 2001:db8::3/64, 2001:db8::2/64",
        "lead the route 10.9.0.0/16, the default route via 192.168.1.1, the default route via \
         fe80::1 through eth0 instead of br-mvm",
        "make eth0 a port of no bridge",
        "take 192.168.1.10/24, 192.168.1.11/24, 2001:db8::3/64, 2001:db8::2/64 from br-mvm",
        "delete br-mvm",
    ];
    assert_eq!(texts, expected);
    // As it is kept and read again.
    let text = serde_json::to_string(&back).unwrap();
    assert_eq!(serde_json::from_str::<Vec<Step>>(&text).unwrap(), back);

    let after = |ports: Vec<Link>| machine(ports);
    assert_eq!(due(&back, &after(vec![])), back);
    assert_eq!(due(&back, &after(vec![port("eth0")])), back);
    assert_eq!(due(&back, &after(vec![port("eth0"), port("fltap1")])), back[..4]);
}

#[test]
fn a_bridge_that_was_there_gets_everything_back() {
    let options = Some(BridgeOptions { stp: true, forward_delay: 1500 });
    let theirs = Link { up: false, bridge: options, addresses: vec![], ..ready(&desired_bridge()) };
    let down = Link { up: false, addressing: Addressing::default(), ..with_default_route() };
    let observed = machine_with(down, vec![theirs.clone(), port("fltap1")]);
    let desired = Desired { bridge: Some(desired_bridge()), ..desired_with(Consent::OnTrial) };
    let forth = steps(&desired, &observed).steps;
    let back: Vec<_> = undo(&forth, &observed).iter().map(ToString::to_string).collect();
    let expected = [
        "make eth0 a port of no bridge".to_owned(),
        "bring eth0 down".to_owned(),
        "bring br-mvm down".to_owned(),
        "take 10.42.0.1/24 from br-mvm".to_owned(),
        "give bridge br-mvm the MTU 1500".to_owned(),
        "give bridge br-mvm the spanning tree that it had".to_owned(),
        "give bridge br-mvm the spanning tree that it had".to_owned(),
        format!("give bridge br-mvm the MAC {}", desired_bridge().mac),
    ];
    assert_eq!(back, expected);
    // With the MAC goes what the kernel made of it when the first port came.
    let mut now = machine_with(port("eth0"), vec![theirs]);
    now.links.iter_mut().filter(|link| link.name == "br-mvm").for_each(|link| {
        link.mac = Some(Mac([0x52, 0x54, 0, 0, 0, 1]));
        link.addresses.push(net("fe80::5054:ff:fe00:1/64"));
    });
    let back = undo(&forth, &observed);
    let due: Vec<_> = due(&back, &now).iter().map(ToString::to_string).collect();
    assert_eq!(due[due.len() - 2], "take fe80::5054:ff:fe00:1/64 from br-mvm");
    assert_eq!(due.len(), back.len() + 1);
}

#[test]
fn an_uplink_that_is_a_port_is_left_as_it_is() {
    let bridge = Link { mac: Some(Mac([9; 6])), mtu: 9000, ..ready(&desired_bridge()) };
    let observed = machine_with(port("eth0"), vec![bridge]);
    for consent in [Consent::Refused, Consent::OnTrial, Consent::Confirmed] {
        assert!(steps(&desired_with(consent), &observed).is_settled());
    }
}

#[test]
fn an_address_of_the_uplink_may_be_the_bridges_in_the_file() {
    let addresses = vec![net("192.168.1.10/24"), net("192.168.1.77/24")];
    let bridge = Some(Bridge { addresses, ..desired_bridge() });
    let desired = Desired { bridge, ..desired_with(Consent::OnTrial) };
    let plan = steps(&desired, &machine_with(with_default_route(), vec![]));
    let added: Vec<_> = texts(&plan).into_iter().filter(|step| step.starts_with("add ")).collect();
    assert_eq!(added, ["add 192.168.1.77/24 to br-mvm"], "{:?}", plan.findings);
    let elsewhere =
        machine_with(with_default_route(), vec![hardware("wlan0", &["192.168.1.200/24"])]);
    let plan = steps(&desired, &elsewhere);
    assert!(plan.is_refused() && codes(&plan).contains(&"MVM-NET-003"), "{plan:?}");
}

#[test]
fn a_vlan_of_the_file_can_be_the_uplink() {
    let vlan = |addresses: &str| {
        let text = format!(
            "network.bridge = {{ uplink = \"bond0.7\", addresses = [\"10.8.0.2/24\"] }}\n\
             [[network.vlan]]\nparent = \"bond0\"\nid = 7\naddresses = {addresses}"
        );
        let source = mvm_config::Source { name: "t".to_owned(), text };
        super::super::desired(&mvm_config::load::parse(&[source]).unwrap().config, "")
    };
    for addresses in ["[]", "[\"10.7.0.2/24\"]"] {
        let mut desired = vlan(addresses);
        desired.uplink = Some(Uplink { consent: Consent::Confirmed, ..Uplink::new("bond0.7") });
        let bond = hardware("bond0", &[]);
        let plan = steps(&desired, &machine(vec![bond.clone()]));
        let steps = texts(&plan);
        assert_eq!(steps[0], "create bond0.7, VLAN 7 on bond0");
        assert!(steps.contains(&"create bridge br-mvm with MAC 52:54:00:00:00:01".to_owned()));
        assert_eq!(steps.last().unwrap(), "make bond0.7 a port of br-mvm");
        let added = steps.iter().filter(|step| step.starts_with("add 10.")).count();
        assert_eq!(added, if addresses == "[]" { 1 } else { 2 });
        assert!(!steps.iter().any(|step| step.ends_with("to bond0.7")), "{steps:?}");
    }
}

#[test]
fn what_cannot_be_a_port_is_refused_by_name() {
    let above = |kind: &str, name: &str| Link {
        kind: kind.to_owned(),
        parent: Some("eth0".to_owned()),
        ..hardware(name, &[])
    };
    let cases: [(Link, Vec<Link>, &str); 9] = [
        (Link { wireless: true, ..with_default_route() }, vec![], "is wireless"),
        (Link { kind: "bridge".to_owned(), ..with_default_route() }, vec![], ""),
        (Link { mac: None, ..with_default_route() }, vec![], "no Ethernet"),
        (Link { mac: Some(Mac([0; 6])), ..with_default_route() }, vec![], "no Ethernet"),
        (
            Link { master: Some("bond0".to_owned()), ..with_default_route() },
            vec![],
            "a port of bond0",
        ),
        (
            Link { parent: Some("br-mvm".to_owned()), ..with_default_route() },
            vec![],
            "sits on br-mvm",
        ),
        (with_default_route(), vec![above("macvtap", "flvtap0")], "macvtap flvtap0 on it"),
        (with_default_route(), vec![ready(&desired_bridge()), port("eth1")], "loop with eth1"),
        (with_default_route(), vec![above("vlan", "eth0.5")], ""),
    ];
    for (link, others, why) in cases {
        let mut link = link;
        if link.kind == "bridge" {
            link.bridge = Some(BridgeOptions { stp: false, forward_delay: 0 });
        }
        let refused = link.bridge.is_some() || !why.is_empty();
        let plan = steps(&desired_with(Consent::Confirmed), &machine_with(link, others));
        assert_eq!(plan.is_refused(), refused, "{why}: {plan:?}");
        if refused {
            assert_eq!(codes(&plan), ["MVM-NET-061"]);
            assert!(plan.findings[0].message().contains(why), "{}", plan.findings[0].message());
        }
    }
    let gone = Observed::default();
    assert_eq!(codes(&steps(&desired_with(Consent::Confirmed), &gone)), ["MVM-NET-011"]);
}

#[test]
fn what_would_not_stay_on_the_bridge_is_not_moved() {
    let with = |change: &dyn Fn(&mut Addressing)| {
        let mut link = with_default_route();
        change(&mut link.addressing);
        codes(&steps(&desired_with(Consent::Confirmed), &machine_with(link, vec![])))
    };
    assert_eq!(with(&|has| has.owner = Some("NetworkManager".to_owned())), ["MVM-NET-062"]);
    assert_eq!(with(&|has| has.addresses[0].lifetimes = Some((600, 600))), ["MVM-NET-063"]);
    let dhcpv6 = InterfaceAddress { lifetimes: Some((1800, 3600)), ..address("2001:db8::9/128") };
    assert_eq!(with(&|has| has.addresses[2] = dhcpv6.clone()), ["MVM-NET-063"]);
    let special = "the route 10.0.0.0/8".to_owned();
    assert_eq!(with(&|has| has.unmovable = vec![special.clone()]), ["MVM-NET-064"]);
    // Deprecated and for ever; by router advertisements, which the bridge gets from now on.
    assert!(with(&|has| has.addresses[0].lifetimes = Some((0, u32::MAX))).is_empty());
    assert!(with(&|has| has.addresses[2].lifetimes = Some((1800, 3600))).is_empty());
}

#[test]
fn leave_is_given_for_these_two_interfaces_only() {
    let confirmed = Confirmed {
        version: VERSION,
        uplink: "eth0".to_owned(),
        bridge: "br-mvm".to_owned(),
        gateways: vec![],
    };
    let live = |trial| Live {
        version: VERSION,
        uplink: "eth0".to_owned(),
        bridge: "br-mvm".to_owned(),
        trial,
        undo: vec![],
        given_back: false,
        unfinished: false,
    };
    let trial = Trial { seconds: 120, asked: 7, until: None };
    let on_trial = live(Some(trial));
    assert_eq!(permit("eth0", "br-mvm", None, None), Consent::Refused);
    assert_eq!(permit("eth0", "br-mvm", Some(&live(None)), None), Consent::Refused);
    assert_eq!(permit("eth0", "br-mvm", Some(&on_trial), None), Consent::OnTrial);
    assert_eq!(permit("eth0", "br-mvm", None, Some(&confirmed)), Consent::Confirmed);
    for (uplink, bridge) in [("eth1", "br-mvm"), ("eth0", "br0")] {
        assert_eq!(permit(uplink, bridge, Some(&on_trial), Some(&confirmed)), Consent::Refused);
    }
}

#[test]
fn a_confirmed_uplink_is_waited_for_until_its_ways_out_are_there() {
    let gateways = ["192.168.1.1", "fe80::1"].map(|gateway| gateway.parse().unwrap());
    let confirmed = Confirmed {
        version: VERSION,
        uplink: "eth0".to_owned(),
        bridge: "br-mvm".to_owned(),
        gateways: gateways.to_vec(),
    };
    let desired = desired_with(Consent::Confirmed);
    let bare = || Link { addressing: Addressing::default(), ..with_default_route() };
    let awaited = |eth0: &Link| confirmed.awaited(&desired, eth0);
    assert_eq!(awaited(&with_default_route()), [] as [IpAddr; 0]);
    assert_eq!(awaited(&bare()), gateways);
    let mut half = with_default_route();
    half.addressing.routes.retain(|route| route.destination.addr().is_ipv4());
    assert_eq!(awaited(&half), gateways[1..]);
    // The file has taken the addresses over.
    let addresses = vec!["192.168.1.10/24".parse().unwrap()];
    let own = Desired { bridge: Some(Bridge { addresses, ..desired_bridge() }), ..desired.clone() };
    assert_eq!(confirmed.awaited(&own, &bare()), gateways[1..]);

    assert_eq!(confirmed.waiting(&machine_with(bare(), vec![])), Some(&bare()));
    let port = Link { master: Some("br-mvm".to_owned()), ..bare() };
    assert_eq!(confirmed.waiting(&machine_with(port, vec![ready(&desired_bridge())])), None);
}

#[test]
fn macs_are_read_as_they_are_written() {
    let mac = Mac([2, 0xaa, 0, 0, 0, 0xff]);
    assert_eq!(mac.to_string().parse(), Ok(mac));
    for text in ["", "02:aa:00:00:00", "02:aa:00:00:00:ff:00", "2:aa:0:0:0:ff", "02:aa:00:00:00:+f"]
    {
        assert!(text.parse::<Mac>().is_err(), "{text}");
    }
}

#[test]
fn what_was_made_a_port_is_put_back_before_the_bridge_is_microvms_alone() {
    let former = Former { uplink: "eth0".to_owned(), bridge: "br-mvm".to_owned() };
    let plain = Desired { bridge: Some(desired_bridge()), ..Desired::default() };
    let desired = Desired { former: Some(former), ..plain.clone() };
    let master = Some("br-mvm".to_owned());
    let joined =
        machine_with(Link { master, ..with_default_route() }, vec![ready(&desired_bridge())]);
    let plan = steps(&desired, &joined);
    assert_eq!((codes(&plan), plan.steps), (vec!["MVM-NET-074"], vec![]));
    let apart = machine(vec![]);
    assert_eq!(steps(&desired, &apart), steps(&plain, &apart));
    let down = super::super::down(&desired, &joined, &[], &[]);
    assert_eq!(codes(&down), ["MVM-NET-082"]);
    assert!(super::super::guests(&desired, &joined).is_empty());
}

#[test]
fn the_records_tell_what_the_file_no_longer_names() {
    let undo = vec![Step::SetUp { name: "eth0".to_owned() }];
    let live = Live {
        version: VERSION,
        uplink: "eth0".to_owned(),
        bridge: "br-mvm".to_owned(),
        trial: None,
        undo,
        given_back: false,
        unfinished: false,
    };
    let confirmed = Confirmed {
        version: VERSION,
        uplink: "eth1".to_owned(),
        bridge: "br-mvm".to_owned(),
        gateways: vec![],
    };
    let named = desired_with(Consent::Confirmed);
    let other = Desired { uplink: Some(Uplink::new("eth2")), ..named.clone() };
    let uplink = |desired: &Desired, live: Option<&Live>, confirmed: Option<&Confirmed>| {
        former(desired, live, confirmed).map(|former| former.uplink)
    };
    assert_eq!(uplink(&named, Some(&live), None), None);
    assert_eq!(uplink(&other, Some(&live), None).as_deref(), Some("eth0"));
    assert_eq!(uplink(&Desired::default(), Some(&live), Some(&confirmed)).as_deref(), Some("eth0"));
    assert_eq!(uplink(&Desired::default(), None, Some(&confirmed)).as_deref(), Some("eth1"));
    for undone in [Live { undo: vec![], ..live.clone() }, Live { given_back: true, ..live.clone() }]
    {
        assert_eq!(uplink(&Desired::default(), Some(&undone), None), None);
    }
}
