//! VLANs and the parents of macvtaps.

use super::*;

fn vlan(name: &str, parent: &str, id: u16, addresses: &[&str]) -> Vlan {
    Vlan {
        parent: parent.to_owned(),
        id,
        name: name.to_owned(),
        addresses: addresses.iter().map(|text| net(text)).collect(),
    }
}

fn vlans(vlans: Vec<Vlan>) -> Desired {
    Desired { vlans, ..Desired::default() }
}

fn created(vlan: &Vlan) -> Link {
    Link { up: true, addresses: vlan.addresses.clone(), ..super::super::vlan::as_created(vlan) }
}

#[test]
fn vlans_come_first_and_may_sit_on_each_other() {
    let desired = Desired {
        vlans: vec![vlan("bond0.5", "bond0", 5, &[]), vlan("qinq", "bond0.5", 7, &["10.7.0.2/24"])],
        bridge: Some(desired_bridge()),
        ..Desired::default()
    };
    let observed = machine(vec![Link { up: false, ..hardware("bond0", &[]) }]);
    let plan = super::super::plan(&desired, &observed);
    assert_eq!(
        texts(&plan)[..6],
        [
            "bring bond0 up",
            "create bond0.5, VLAN 5 on bond0",
            "bring bond0.5 up",
            "create qinq, VLAN 7 on bond0.5",
            "add 10.7.0.2/24 to qinq",
            "bring qinq up",
        ]
    );
    assert_eq!(texts(&plan)[6], format!("create bridge br-mvm with MAC {}", desired_bridge().mac));
    assert!(plan.findings.is_empty());
}

#[test]
fn a_vlan_as_desired_needs_nothing() {
    let desired = vlan("v", "eth0", 4094, &["10.7.0.2/24"]);
    let observed = machine(vec![created(&desired)]);
    assert!(super::super::plan(&vlans(vec![desired.clone()]), &observed).is_settled());
    let bare = Link { addresses: vec![], up: false, ..created(&desired) };
    let plan = super::super::plan(&vlans(vec![desired]), &machine(vec![bare]));
    assert_eq!(texts(&plan), ["add 10.7.0.2/24 to v", "bring v up"]);
}

#[test]
fn what_is_not_the_vlan_is_left_alone() {
    let desired = vlan("v", "eth0", 7, &["10.7.0.2/24"]);
    let other = |id, parent: &str| created(&vlan("v", parent, id, &[]));
    let renamed = Link { name: "eth0.7".to_owned(), ..created(&desired) };
    let cases = [
        (vec![hardware("v", &[])], "MVM-NET-012", "but a hardware interface"),
        (vec![other(8, "eth0")], "MVM-NET-012", "but VLAN 8 on eth0"),
        (vec![other(7, "eth1"), hardware("eth1", &[])], "MVM-NET-012", "but VLAN 7 on eth1"),
        (vec![renamed], "MVM-NET-013", "as eth0.7"),
        (vec![hardware("lan", &["10.7.0.9/24"])], "MVM-NET-003", "lan"),
    ];
    for (links, code, words) in cases {
        let plan = super::super::plan(&vlans(vec![desired.clone()]), &machine(links));
        assert!(plan.steps.is_empty());
        assert_eq!(codes(&plan), [code]);
        assert!(plan.findings[0].message().ends_with(words), "{}", plan.findings[0].message());
    }
    let orphan = vlan("v", "bond0", 7, &[]);
    assert_eq!(codes(&super::super::plan(&vlans(vec![orphan]), &machine(vec![]))), ["MVM-NET-011"]);
}

fn macvtap(parent: Option<&str>, addresses: &[&str]) -> Desired {
    let addresses = addresses.iter().map(|text| net(text)).collect();
    let macvtap = Some(Macvtap { parent: parent.map(str::to_owned), addresses });
    Desired { macvtap, ..Desired::default() }
}

#[test]
fn the_parent_is_the_best_default_routes_or_the_named_one() {
    let mut observed = machine(vec![hardware("eth1", &[]), hardware("eth2", &[])]);
    assert_eq!(parent(None, &observed).as_deref(), Some("eth0"));
    assert_eq!(parent(Some("eth1"), &observed).as_deref(), Some("eth1"));
    observed.routes[0].metric = 600;
    observed.routes.push(Route { metric: 100, ..route("0.0.0.0/0", "eth1") });
    observed.routes.push(Route { metric: 1, ..route("::/0", "eth2") });
    assert_eq!(parent(None, &observed).as_deref(), Some("eth1"), "IPv4 and the lowest metric");
    observed.routes.push(Route { table: 51820, ..route("0.0.0.0/0", "wg0") });
    assert_eq!(parent(None, &observed).as_deref(), Some("eth1"), "wg-quick's table is another");
    observed.routes.retain(|route| route.destination != net("0.0.0.0/0"));
    assert_eq!(parent(None, &observed).as_deref(), Some("eth2"));
    observed.routes.clear();
    let plan = super::super::plan(&macvtap(None, &[]), &observed);
    assert_eq!(codes(&plan), ["MVM-NET-014"]);
}

#[test]
fn a_parent_is_brought_up_with_its_own_addresses() {
    let down = Link { up: false, carrier: false, ..hardware("eth1", &[]) };
    let plan = super::super::plan(&macvtap(Some("eth1"), &["10.9.0.1/24"]), &machine(vec![down]));
    assert_eq!(texts(&plan), ["add 10.9.0.1/24 to eth1", "bring eth1 up"]);
    assert!(plan.findings.is_empty(), "one that is down tells nothing of its cable");
    let unplugged = Link { carrier: false, ..hardware("eth1", &[]) };
    let plan = super::super::plan(&macvtap(Some("eth1"), &[]), &machine(vec![unplugged]));
    assert!(plan.is_settled());
    assert_eq!(codes(&plan), ["MVM-NET-016"]);
}

#[test]
fn a_parent_may_be_a_vlan_of_the_same_file() {
    let desired =
        Desired { vlans: vec![vlan("v", "eth0", 7, &[])], ..macvtap(Some("v"), &["10.7.0.2/24"]) };
    let plan = super::super::plan(&desired, &machine(vec![]));
    assert_eq!(texts(&plan), ["create v, VLAN 7 on eth0", "bring v up", "add 10.7.0.2/24 to v"]);
    assert!(plan.findings.is_empty(), "{:?}", plan.findings);
}

#[test]
fn an_unfit_parent_is_refused_and_says_why() {
    let of = |kind: &str, name: &str| Link { kind: kind.to_owned(), ..hardware(name, &[]) };
    let port = |master: &str| Link { master: Some(master.to_owned()), ..hardware("eth1", &[]) };
    let bridge = Some(BridgeOptions { stp: false, forward_delay: 0 });
    let cases = [
        (vec![Link { wireless: true, ..hardware("eth1", &[]) }], "is wireless"),
        (vec![Link { bridge, ..of("bridge", "eth1") }], "is a bridge"),
        (vec![port("br0"), of("bridge", "br0")], "is a port of the bridge br0"),
        (vec![port("bond0"), of("bond", "bond0")], "is a port of the bond bond0"),
    ];
    for (links, words) in cases {
        let plan = super::super::plan(&macvtap(Some("eth1"), &["10.9.0.1/24"]), &machine(links));
        assert!(plan.steps.is_empty());
        assert_eq!(codes(&plan), ["MVM-NET-015"]);
        assert!(plan.findings[0].message().contains(words), "{}", plan.findings[0].message());
    }
    let vrf = machine(vec![port("red"), of("vrf", "red")]);
    assert!(super::super::plan(&macvtap(Some("eth1"), &[]), &vrf).is_settled());
    assert_eq!(
        codes(&super::super::plan(&macvtap(Some("eth9"), &[]), &machine(vec![]))),
        ["MVM-NET-011"]
    );
}
