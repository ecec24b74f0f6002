//! What mvmhost made and the file no longer names.

use super::*;

/// A machine on which all of `desired` was made.
fn left_by(desired: &Desired) -> Observed {
    let mut observed = machine(vec![hardware("bond0", &[])]);
    let plan = super::super::plan(desired, &observed);
    for step in &plan.steps {
        match step {
            Step::CreateBridge { name, .. } => {
                let bridge = desired.bridge.as_ref().filter(|bridge| bridge.name == *name).unwrap();
                observed.links.push(as_created(bridge));
            }
            Step::CreateVlan { name, .. } => {
                let vlan = desired.vlans.iter().find(|vlan| vlan.name == *name).unwrap();
                observed.links.push(super::super::vlan::as_created(vlan));
            }
            _ => {
                let link = observed.links.iter_mut().find(|link| link.name == step.interface());
                match step {
                    Step::AddAddress { name, address } => {
                        link.unwrap().addresses.push(*address);
                        // The kernel leads there by it.
                        observed.routes.push(route(&address.trunc().to_string(), name));
                    }
                    Step::SetUp { .. } => link.unwrap().up = true,
                    _ => {}
                }
            }
        }
    }
    observed.own_steps = own_steps_after(&[], &plan.steps);
    observed
}

fn hub() -> Desired {
    let vlan = |id: u16, parent: &str, addresses: &[&str]| Vlan {
        parent: parent.to_owned(),
        id,
        name: format!("{parent}.{id}"),
        addresses: addresses.iter().map(|text| net(text)).collect(),
    };
    Desired {
        vlans: vec![vlan(7, "bond0", &["10.7.0.1/24"]), vlan(8, "bond0.7", &[])],
        bridge: Some(desired_bridge()),
        ..Desired::default()
    }
}

fn planned(desired: &Desired, observed: &Observed) -> (Vec<String>, Vec<&'static str>) {
    let plan = super::super::plan(desired, observed);
    (texts(&plan), codes(&plan))
}

#[test]
fn all_goes_the_youngest_first_when_nothing_is_named() {
    let observed = left_by(&hub());
    assert!(super::super::plan(&hub(), &observed).is_settled());
    let (steps, codes) = planned(&Desired::default(), &observed);
    assert_eq!(steps, ["delete br-mvm", "delete bond0.7.8", "delete bond0.7"]);
    assert!(codes.is_empty());
    assert_eq!(links(&observed.own_steps), ["bond0.7", "bond0.7.8", "br-mvm"]);
}

#[test]
fn what_is_not_on_record_stays() {
    let observed = Observed { own_steps: vec![], ..left_by(&hub()) };
    assert_eq!(planned(&Desired::default(), &observed), (vec![], vec![]));
}

#[test]
fn another_address_takes_the_place_of_the_old_one() {
    let observed = left_by(&hub());
    let mut desired = hub();
    desired.bridge = Some(Bridge { addresses: vec![net("10.42.0.2/24")], ..desired_bridge() });
    let (steps, codes) = planned(&desired, &observed);
    assert_eq!(steps, ["take 10.42.0.1/24 from br-mvm", "add 10.42.0.2/24 to br-mvm"]);
    assert!(codes.is_empty());
    // The same subnet under another name is in nobody's way.
    let mac = mac_for("m", "br-new");
    desired.bridge = Some(Bridge { name: "br-new".to_owned(), mac, ..desired_bridge() });
    let (steps, codes) = planned(&desired, &observed);
    assert_eq!((steps[0].as_str(), codes.len()), ("delete br-mvm", 0));
    assert!(steps.contains(&"add 10.42.0.1/24 to br-new".to_owned()), "{steps:?}");
}

#[test]
fn what_others_use_stays_and_is_said() {
    let bare = Desired { bridge: None, ..hub() };
    let with = |change: fn(&mut Observed)| {
        let mut observed = left_by(&hub());
        change(&mut observed);
        planned(&bare, &observed)
    };
    let bridge = |observed: &mut Observed| observed.links.pop().unwrap();
    let stays = (vec![], vec!["MVM-NET-017"]);
    assert_eq!(with(|observed| observed.links.push(port("fltap1234567"))), stays);
    let foreign = |observed: &mut Observed| {
        let bridge = observed.links.last_mut().unwrap();
        bridge.addresses.push(net("10.99.0.1/24"));
    };
    assert_eq!(with(foreign), stays);
    let mut observed = left_by(&hub());
    // Somebody made another bridge of that name: nothing of it is on record.
    let other = Link { mac: Some(Mac([2; 6])), addresses: vec![], ..bridge(&mut observed) };
    observed.links.push(other);
    let receipt = Receipt::new(&observed.own_steps);
    observed.own_steps = receipt.standing(&observed);
    assert_eq!(planned(&bare, &observed), (vec![], vec![]));
}

/// The kernel drops the other addresses of a subnet with the first one.
#[test]
fn an_address_beside_a_foreign_one_stays() {
    let mut observed = left_by(&hub());
    observed.links.last_mut().unwrap().addresses.push(net("10.42.0.9/24"));
    let desired =
        Desired { bridge: Some(Bridge { addresses: vec![], ..desired_bridge() }), ..hub() };
    assert_eq!(planned(&desired, &observed), (vec![], vec!["MVM-NET-017"]));
}

#[test]
fn an_uplink_keeps_what_it_has_until_it_moves() {
    let observed = left_by(&hub());
    let uplink = Some(crate::network::Uplink::new("bond0.7"));
    let mut desired = Desired { uplink, ..hub() };
    desired.vlans[0].addresses.clear();
    let (steps, _) = planned(&desired, &observed);
    assert!(!steps.iter().any(|step| step.contains("from bond0.7")), "{steps:?}");
}
