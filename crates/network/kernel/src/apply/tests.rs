//! The network reconciled, over one that only remembers.

use mvm_network_plan::network::{Bridge, BridgeOptions, Link, Mac, Manager, Observed, Vlan};

use super::*;
use crate::error::Answer;

/// Does the steps on a value instead of a machine.
#[derive(Default)]
struct Recording {
    state: Observed,
    applied: Vec<Step>,
    refuse: Option<i32>,
    deaf: bool,
    observations: usize,
    unmanaged: Vec<(Manager, Vec<String>)>,
}

impl Network for Recording {
    fn observe(&mut self) -> Result<Observed, Error> {
        self.observations += 1;
        Ok(self.state.clone())
    }

    fn keep(&mut self, steps: &[Step]) -> Result<(), Error> {
        self.state.own_steps = steps.to_vec();
        Ok(())
    }

    fn set_unmanaged(&mut self, manager: Manager, names: &[String]) -> Result<(), Error> {
        self.unmanaged.push((manager, names.to_vec()));
        Ok(())
    }

    fn apply(&mut self, step: &Step) -> Result<(), Error> {
        self.applied.push(step.clone());
        if let Some(errno) = self.refuse {
            let source = Answer::Errno(std::io::Error::from_raw_os_error(errno));
            return Err(Error::Step { step: step.to_string(), source });
        }
        if self.deaf {
            return Ok(());
        }
        if let Step::CreateBridge { name, mac } = step {
            self.state.links.push(Link {
                name: name.clone(),
                kind: "bridge".to_owned(),
                mac: Some(*mac),
                mtu: 1500,
                bridge: Some(BridgeOptions { stp: false, forward_delay: 0 }),
                ..Link::default()
            });
        }
        if let Step::CreateVlan { name, parent, id } = step {
            self.state.links.push(Link {
                name: name.clone(),
                kind: "vlan".to_owned(),
                parent: Some(parent.clone()),
                vlan: Some(*id),
                ..Link::default()
            });
        }
        let Some(link) = self.state.links.last_mut() else {
            return Ok(());
        };
        match step {
            Step::AddAddress { address, .. } => link.addresses.push(*address),
            Step::SetUp { .. } => link.up = true,
            _ => {}
        }
        Ok(())
    }
}

const MAC: Mac = Mac([2, 0, 0, 0, 0, 1]);

fn desired_with(address: &str) -> Desired {
    let bridge = Bridge {
        name: "br-mvm".to_owned(),
        mac: MAC,
        mtu: None,
        addresses: vec![address.parse().unwrap()],
        requested: true,
    };
    Desired { bridge: Some(bridge), ..Desired::default() }
}

fn codes(outcome: &Outcome) -> Vec<&'static str> {
    outcome.findings.iter().map(Finding::code).collect()
}

#[test]
fn makes_it_once_and_sends_nothing_the_second_time() {
    let (mut network, desired) = (Recording::default(), desired_with("10.42.0.1/24"));
    let outcome = bring_up(&mut network, &desired);
    assert_eq!((outcome.applied.len(), codes(&outcome)), (3, vec!["MVM-NET-001"]));
    assert_eq!((outcome.observed.as_ref(), network.observations), (Some(&network.state), 2));
    network.applied.clear();
    let outcome = bring_up(&mut network, &desired);
    assert_eq!((outcome.observed.as_ref(), network.observations), (Some(&network.state), 3));
    assert!(outcome.applied.is_empty() && network.applied.is_empty());
    assert!(outcome.findings.is_empty(), "a machine as desired says nothing");
}

#[test]
fn without_anything_to_make_nothing_is_changed() {
    let mut network = Recording::default();
    assert!(bring_up(&mut network, &Desired::default()).findings.is_empty());
    assert!(network.observations == 1 && network.applied.is_empty());
}

/// Also when the second step fails: what was made is on record, and nobody else takes it.
#[test]
fn what_is_made_is_claimed_before_it_is_there() {
    let mut network = Recording::default();
    bring_up(&mut network, &desired_with("10.42.0.1/24"));
    let made: Vec<String> = network.state.own_steps.iter().map(ToString::to_string).collect();
    assert_eq!(
        made,
        ["create bridge br-mvm with MAC 02:00:00:00:00:01", "add 10.42.0.1/24 to br-mvm"]
    );
    let names = vec!["br-mvm".to_owned()];
    assert_eq!(network.unmanaged[0], (Manager::NetworkManager, names.clone()));
    assert_eq!(network.unmanaged[1], (Manager::Networkd, names));

    let mut network = Recording { refuse: Some(1), ..Recording::default() };
    bring_up(&mut network, &desired_with("10.42.0.1/24"));
    assert!(network.state.own_steps.is_empty(), "it was refused");
    assert_eq!(network.unmanaged.last(), Some(&(Manager::Networkd, vec![])));
}

#[test]
fn a_refused_step_ends_it_and_is_named() {
    for (errno, code) in [(1, "MVM-NET-006"), (EOPNOTSUPP, "MVM-NET-008")] {
        let mut network = Recording { refuse: Some(errno), ..Recording::default() };
        let outcome = bring_up(&mut network, &desired_with("10.42.0.1/24"));
        assert_eq!((network.applied.len(), codes(&outcome)), (1, vec![code]));
        assert_eq!(outcome.observed, None, "nobody has looked since");
        assert!(outcome.findings[0].evidence_text().contains(&format!("(os error {errno})")));
    }
}

#[test]
fn ipv6_that_is_off_is_told_apart() {
    let desired = desired_with("fd00:42::1/64");
    let mut network = Recording { refuse: None, ..Recording::default() };
    network.apply(&Step::CreateBridge { name: "br-mvm".to_owned(), mac: MAC }).unwrap();
    network.refuse = Some(EACCES);
    let outcome = bring_up(&mut network, &desired);
    assert_eq!(codes(&outcome), ["MVM-NET-010"]);
    assert!(outcome.findings[0].remedy().contains("net.ipv6.conf.br-mvm.disable_ipv6=0"));
}

#[test]
fn steps_without_effect_are_noticed() {
    let mut network = Recording { deaf: true, ..Recording::default() };
    let outcome = bring_up(&mut network, &desired_with("10.42.0.1/24"));
    assert_eq!(codes(&outcome), ["MVM-NET-007"]);
    assert!(outcome.findings[0].evidence_text().starts_with("create bridge br-mvm"));
}

#[test]
fn each_interface_is_named_with_its_own_steps() {
    let vlan = Vlan { parent: "eth0".into(), id: 7, name: "v".into(), addresses: vec![] };
    let desired = Desired { vlans: vec![vlan], ..desired_with("10.42.0.1/24") };
    let state = Observed {
        links: vec![Link { name: "eth0".into(), up: true, ..Link::default() }],
        ..Observed::default()
    };
    let mut network = Recording { state, ..Recording::default() };
    let outcome = bring_up(&mut network, &desired);
    let seen: Vec<_> =
        outcome.findings.iter().map(|f| (f.code(), f.evidence_text().to_owned())).collect();
    assert_eq!(seen[0], ("MVM-NET-001", "create v, VLAN 7 on eth0; bring v up".to_owned()));
    assert_eq!((seen.len(), seen[1].0), (2, "MVM-NET-001"));
    assert_eq!(outcome.findings[1].subject(), "br-mvm");

    let mut network = Recording { refuse: Some(EOPNOTSUPP), ..network };
    network.state.links.truncate(1);
    let outcome = bring_up(&mut network, &desired);
    assert_eq!(codes(&outcome), ["MVM-NET-008"]);
    assert!(outcome.findings[0].remedy().starts_with("modprobe 8021q"));
}
