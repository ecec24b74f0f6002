//! The road over a network that only remembers.

use super::*;
use crate::error::Answer;
use mvm_plan::network::{BridgeOptions, Link, Mac, Observed};

/// Does the steps on a value instead of a machine.
#[derive(Default)]
struct Recording {
    state: Observed,
    asked: Vec<Step>,
    refuse: Option<i32>,
    deaf: bool,
    observations: usize,
}

impl Network for Recording {
    fn observe(&mut self) -> Result<Observed, Error> {
        self.observations += 1;
        Ok(self.state.clone())
    }

    fn apply(&mut self, step: &Step) -> Result<(), Error> {
        self.asked.push(step.clone());
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
                up: false,
                mac: Some(*mac),
                mtu: 1500,
                bridge: Some(BridgeOptions { stp: false, forward_delay: 0 }),
                addresses: vec![],
                master: None,
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

fn wanted(address: &str) -> Desired {
    Desired {
        name: "br-mvm".to_owned(),
        mac: Mac([2, 0, 0, 0, 0, 1]),
        mtu: None,
        addresses: vec![address.parse().unwrap()],
    }
}

fn codes(outcome: &Outcome) -> Vec<&'static str> {
    outcome.findings.iter().map(Finding::code).collect()
}

#[test]
fn makes_it_once_and_sends_nothing_the_second_time() {
    let (mut network, desired) = (Recording::default(), wanted("10.42.0.1/24"));
    let outcome = bring_up(&mut network, Some(&desired));
    assert_eq!((outcome.done.len(), codes(&outcome)), (3, vec!["MVM-NET-001"]));
    network.asked.clear();
    let outcome = bring_up(&mut network, Some(&desired));
    assert!(outcome.done.is_empty() && network.asked.is_empty());
    assert!(outcome.findings.is_empty(), "a machine as desired says nothing");
}

#[test]
fn without_a_bridge_to_make_nothing_is_even_looked_at() {
    let mut network = Recording::default();
    assert!(bring_up(&mut network, None).findings.is_empty());
    assert_eq!(network.observations, 0);
}

#[test]
fn a_refused_step_ends_it_and_is_named() {
    for (errno, code) in [(1, "MVM-NET-006"), (EOPNOTSUPP, "MVM-NET-008")] {
        let mut network = Recording { refuse: Some(errno), ..Recording::default() };
        let outcome = bring_up(&mut network, Some(&wanted("10.42.0.1/24")));
        assert_eq!((network.asked.len(), codes(&outcome)), (1, vec![code]));
        assert!(outcome.findings[0].seen().contains(&format!("(os error {errno})")));
    }
}

#[test]
fn ipv6_that_is_off_is_told_apart() {
    let desired = wanted("fd00:42::1/64");
    let mut network = Recording { refuse: None, ..Recording::default() };
    network.apply(&Step::CreateBridge { name: desired.name.clone(), mac: desired.mac }).unwrap();
    network.refuse = Some(EACCES);
    let outcome = bring_up(&mut network, Some(&desired));
    assert_eq!(codes(&outcome), ["MVM-NET-010"]);
    assert!(outcome.findings[0].remedy().contains("net.ipv6.conf.br-mvm.disable_ipv6=0"));
}

#[test]
fn steps_without_effect_are_noticed() {
    let mut network = Recording { deaf: true, ..Recording::default() };
    let outcome = bring_up(&mut network, Some(&wanted("10.42.0.1/24")));
    assert_eq!(codes(&outcome), ["MVM-NET-007"]);
    assert!(outcome.findings[0].seen().starts_with("create bridge br-mvm"));
}
