use serde_json::{Value, json};

use super::*;

const BRIDGE: &str = "br-mvm";

/// A table with a forward chain that drops, and these rules in it or in chains of their own.
fn table(rules: &[(&str, Vec<Value>)]) -> String {
    let chain = json!({"chain": {"family": "ip", "table": "filter", "name": "FORWARD",
        "type": "filter", "hook": "forward", "prio": 0, "policy": "drop"}});
    let rules = rules.iter().map(|(chain, expr)| {
        json!({"rule": {"family": "ip", "table": "filter", "chain": chain, "expr": expr}})
    });
    let all: Vec<Value> = [chain].into_iter().chain(rules).collect();
    json!({"nftables": all}).to_string()
}

fn may_pass(rules: &[(&str, Vec<Value>)], goes_out: Way<'_>) -> bool {
    let text = table(rules);
    let chain = dropping(&text).remove(0);
    let packet = Packet { comes_in: BRIDGE, goes_out, protocol: "tcp", port: None };
    Ruleset::new(&text).may_pass(&chain, packet)
}

fn interface(key: &str, op: &str, name: &str) -> Value {
    json!({"match": {"op": op, "left": {"meta": {"key": key}}, "right": name}})
}

fn accept() -> Value {
    json!({"accept": null})
}

#[test]
fn only_chains_that_drop_what_is_forwarded_count() {
    let other = json!({"nftables": [
        {"metainfo": {"version": "1.0.6"}},
        {"chain": {"family": "ip", "table": "filter", "name": "OUTPUT", "hook": "output", "policy": "drop"}},
        {"chain": {"family": "ip6", "table": "filter", "name": "FORWARD", "hook": "forward", "policy": "drop"}},
        {"chain": {"family": "inet", "table": "a", "name": "f", "hook": "forward", "policy": "accept"}},
        {"chain": {"family": "inet", "table": "a; rm", "name": "f", "hook": "forward", "policy": "drop"}},
        {"chain": {"family": "ip", "table": "filter", "name": "USER"}}]});
    assert_eq!(dropping(&other.to_string()), []);
    for broken in ["", "no", "[]", "{\"nftables\": 7}", "{\"nftables\": [7, {\"chain\": []}]}"] {
        assert_eq!(dropping(broken), [], "{broken}");
    }
    assert_eq!(dropping(&table(&[])).len(), 1);
}

#[test]
fn docker_drops_until_its_chain_for_users_accepts() {
    let to_docker = interface("oifname", "==", "docker0");
    let state = json!({"xt": {"type": "match", "name": "conntrack"}});
    let mut rules = vec![
        ("FORWARD", vec![json!({"counter": {}}), json!({"jump": {"target": "DOCKER-USER"}})]),
        ("FORWARD", vec![to_docker, state, accept()]),
        ("FORWARD", vec![interface("iifname", "==", "docker0"), accept()]),
        ("DOCKER-USER", vec![json!({"return": null})]),
    ];
    assert!(!may_pass(&rules, Way::By(BRIDGE)));
    rules.insert(0, ("DOCKER-USER", vec![interface("iifname", "==", "br-*"), accept()]));
    assert!(may_pass(&rules, Way::By(BRIDGE)));
}

#[test]
fn what_is_not_understood_may_accept() {
    let source = json!({"match": {"op": "==", "left": {"payload": {"protocol": "ip", "field": "saddr"}},
        "right": {"prefix": {"addr": "10.42.0.0", "len": 24}}}});
    let cases = [
        (vec![source.clone(), accept()], true),
        (vec![source, json!({"drop": null})], false),
        (vec![json!({"drop": null})], false),
        (vec![interface("iifname", "!=", BRIDGE), accept()], false),
        (vec![interface("oifname", "==", BRIDGE), accept()], true),
        (vec![interface("iifname", "==", "@inside"), accept()], true),
        (vec![json!({"return": null})], false),
        (vec![json!({"goto": {"target": "FORWARD"}})], true),
        (vec![json!({"goto": {"target": "elsewhere"}})], false),
        (vec![json!({"vmap": {}})], true),
    ];
    for (expr, expected) in cases {
        assert_eq!(may_pass(&[("FORWARD", expr.clone())], Way::By(BRIDGE)), expected, "{expr:?}");
    }
    // Towards the uplink, whose name is not known.
    let out = |name| vec![("FORWARD", vec![interface("oifname", "==", name), accept()])];
    assert!(!may_pass(&out(BRIDGE), Way::Out));
    assert!(may_pass(&out("eth0"), Way::Out));
    let answers = json!({"match": {"op": "in", "left": {"ct": {"key": "state"}},
        "right": ["established", "related"]}});
    assert!(!may_pass(&[("FORWARD", vec![answers, accept()])], Way::Out));
}

/// A rule may send packets back to where it was called from, and those that it does not may still
/// be accepted there.
#[test]
fn a_chain_that_may_end_early_hides_no_accept() {
    let local = json!({"xt": {"type": "match", "name": "addrtype"}});
    let mut rules = vec![
        ("FORWARD", vec![json!({"jump": {"target": "not-local"}})]),
        ("not-local", vec![local, json!({"return": null})]),
        ("not-local", vec![json!({"drop": null})]),
    ];
    assert!(!may_pass(&rules, Way::Out));
    rules.push(("FORWARD", vec![interface("iifname", "==", BRIDGE), accept()]));
    assert!(may_pass(&rules, Way::Out));
    rules.remove(1);
    assert!(!may_pass(&rules, Way::Out));
}

/// What ufw loads when it is enabled, and what each command of the remedies adds.
#[test]
fn ufw_keeps_in_until_it_is_told() {
    let conntrack = || json!({"xt": {"type": "match", "name": "conntrack"}});
    let jump = |to: &str| json!({"jump": {"target": to}});
    let port = |protocol: &str, key: &str, number: Value| {
        json!({"match": {"op": "==", "left": {"payload": {"protocol": protocol, "field": key}},
            "right": number}})
    };
    let icmp =
        json!({"match": {"op": "==", "left": {"meta": {"key": "l4proto"}}, "right": "icmp"}});
    let base = |name: &str, hook: &str| json!({"chain": {"family": "ip", "table": "filter", "name": name, "hook": hook, "policy": "drop"}});
    let loaded = [
        ("FORWARD", vec![jump("ufw-before-forward")]),
        ("ufw-before-forward", vec![conntrack(), json!({"counter": {}}), accept()]),
        (
            "ufw-before-forward",
            vec![icmp, json!({"xt": {"type": "match", "name": "icmp"}}), accept()],
        ),
        ("ufw-before-forward", vec![jump("ufw-user-forward")]),
        ("INPUT", vec![jump("ufw-before-input")]),
        ("ufw-before-input", vec![conntrack(), accept()]),
        (
            "ufw-before-input",
            vec![port("udp", "sport", json!(67)), port("udp", "dport", json!(68)), accept()],
        ),
        ("ufw-before-input", vec![jump("ufw-user-input")]),
    ];
    let told = [
        ("ufw-user-forward", vec![interface("iifname", "==", BRIDGE), accept()]),
        (
            "ufw-user-input",
            vec![interface("iifname", "==", BRIDGE), port("udp", "dport", json!(67)), accept()],
        ),
        (
            "ufw-user-input",
            vec![
                interface("iifname", "==", BRIDGE),
                port("th", "dport", json!({"set": [53]})),
                accept(),
            ],
        ),
    ];
    let config = Config::default();
    let found = |told: &[(&str, Vec<Value>)]| {
        let rules = loaded.iter().chain(told).map(|(chain, expr)| {
            json!({"rule": {"family": "ip", "table": "filter", "chain": chain, "expr": expr}})
        });
        let chains = [base("FORWARD", "forward"), base("INPUT", "input")];
        let all: Vec<Value> = chains.into_iter().chain(rules).collect();
        let tables = vec![json!({"nftables": all}).to_string()];
        let findings = obstacles(&config, &Forward { bridged: false, tables });
        findings.iter().map(|finding| (finding.code(), finding.message())).collect::<Vec<_>>()
    };
    let forward = ("MVM-NET-411", "ufw drops what microVMs on br-mvm send to others".to_owned());
    let input = |what: &str| {
        ("MVM-NET-412", format!("ufw drops what microVMs on br-mvm ask this host {what}"))
    };
    assert_eq!(found(&[]), [forward.clone(), input("for an address and for names")]);
    assert_eq!(found(&told[..1]), [input("for an address and for names")]);
    assert_eq!(found(&told[1..2]), [forward, input("for names")]);
    assert_eq!(found(&told), []);
}
