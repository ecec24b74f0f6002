use serde_json::{Value, json};

use super::*;

const BRIDGE: &str = "br-mvm";

fn interface(key: &str, op: &str, name: &str) -> Value {
    json!({"match": {"op": op, "left": {"meta": {"key": key}}, "right": name}})
}

fn accept() -> Value {
    json!({"accept": null})
}

/// The codes for a table with a forward chain that drops, and these rules in it or in chains of their own.
fn codes(rules: &[(&str, Vec<Value>)]) -> Vec<&'static str> {
    let chain = json!({"chain": {"family": "ip", "table": "filter", "name": "FORWARD",
        "type": "filter", "hook": "forward", "prio": 0, "policy": "drop"}});
    let rules = rules.iter().map(|(chain, expr)| {
        json!({"rule": {"family": "ip", "table": "filter", "chain": chain, "expr": expr}})
    });
    let all: Vec<Value> = [chain].into_iter().chain(rules).collect();
    let tables = vec![json!({"nftables": all}).to_string()];
    let forward = Forward { bridged: true, tables, ..Forward::default() };
    obstacles(&Config::default(), &forward).iter().map(Finding::code).collect()
}

#[test]
fn what_is_no_listing_of_nft_says_nothing() {
    for broken in ["", "no", "[]", "{\"nftables\": 7}", "{\"nftables\": [7, {\"chain\": []}]}"] {
        let forward = Forward { tables: vec![broken.to_owned()], ..Forward::default() };
        assert_eq!(obstacles(&Config::default(), &forward), [], "{broken}");
    }
}

/// Names go into commands that operators type.
#[test]
fn a_name_that_a_shell_would_read_is_in_no_command() {
    let chain = json!({"nftables": [{"chain": {"family": "inet", "table": "a; rm -rf /", "name": "f",
        "type": "filter", "hook": "forward", "prio": 0, "policy": "drop"}}]});
    let forward = Forward { tables: vec![chain.to_string()], ..Forward::default() };
    let found = obstacles(&Config::default(), &forward);
    assert_eq!(found.len(), 1);
    assert!(!found[0].remedy().contains("rm -rf"), "{}", found[0].remedy());
}

#[test]
fn what_is_not_understood_is_undecided() {
    let source = json!({"match": {"op": "==", "left": {"payload": {"protocol": "ip", "field": "saddr"}},
        "right": {"prefix": {"addr": "10.42.0.0", "len": 24}}}});
    let drops = vec!["MVM-NET-409"];
    let undecided = vec!["MVM-NET-414"];
    let cases = [
        (vec![source.clone(), json!({"drop": null})], &drops),
        (vec![json!({"drop": null})], &drops),
        (vec![interface("iifname", "!=", BRIDGE), accept()], &drops),
        (vec![interface("iifname", "==", "@inside"), accept()], &undecided),
        (vec![json!({"return": null})], &drops),
        (vec![json!({"goto": {"target": "FORWARD"}})], &undecided),
        (vec![json!({"goto": {"target": "elsewhere"}})], &drops),
        (vec![json!({"vmap": {}})], &undecided),
    ];
    for (expr, expected) in cases {
        assert_eq!(&codes(&[("FORWARD", expr.clone())]), expected, "{expr:?}");
    }
    assert_eq!(codes(&[("FORWARD", vec![accept()])]), [""; 0]);
    assert_eq!(
        codes(&[("FORWARD", vec![source, accept()])]),
        ["MVM-NET-410"],
        "answers are dropped"
    );
}

/// A scan that is dropped comes first in the chain, and is not what keeps microVMs in.
#[test]
fn the_evidence_is_the_rule_that_surely_drops() {
    let scans = json!({"xt": {"type": "match", "name": "psd"}});
    let chain = json!({"chain": {"family": "ip", "table": "filter", "name": "FORWARD",
        "type": "filter", "hook": "forward", "prio": 0, "policy": "accept"}});
    let rule = |expr: Value| {
        json!({"rule": {"family": "ip", "table": "filter", "chain": "FORWARD", "handle": 7,
            "expr": expr}})
    };
    let reject = json!({"reject": {"type": "icmpx", "expr": "admin-prohibited"}});
    let all = [chain, rule(json!([scans, {"drop": null}])), rule(json!([reject]))];
    let tables = vec![json!({"nftables": all}).to_string()];
    let found = obstacles(&Config::default(), &Forward { tables, ..Forward::default() });
    assert_eq!(found.len(), 1);
    assert!(
        found[0].evidence_text().ends_with("hook forward, reject # handle 7"),
        "{}",
        found[0].evidence_text()
    );
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
    let allowed = [
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
    let found = |allowed: &[(&str, Vec<Value>)]| {
        let rules = loaded.iter().chain(allowed).map(|(chain, expr)| {
            json!({"rule": {"family": "ip", "table": "filter", "chain": chain, "expr": expr}})
        });
        let chains = [base("FORWARD", "forward"), base("INPUT", "input")];
        let all: Vec<Value> = chains.into_iter().chain(rules).collect();
        let tables = vec![json!({"nftables": all}).to_string()];
        let findings = obstacles(&config, &Forward { tables, ..Forward::default() });
        findings.iter().map(|finding| (finding.code(), finding.message())).collect::<Vec<_>>()
    };
    let forward = ("MVM-NET-411", "ufw drops what microVMs on br-mvm send to others".to_owned());
    let input = |what: &str| {
        ("MVM-NET-412", format!("ufw drops what microVMs on br-mvm ask this host {what}"))
    };
    assert_eq!(found(&[]), [forward.clone(), input("for an address and for names")]);
    assert_eq!(found(&allowed[..1]), [input("for an address and for names")]);
    assert_eq!(found(&allowed[1..2]), [forward, input("for names")]);
    assert_eq!(found(&allowed), []);
}
