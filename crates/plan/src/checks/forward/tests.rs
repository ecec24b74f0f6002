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

fn verdict(rules: &[(&str, Vec<Value>)], goes_out: Option<&str>) -> Verdict {
    let text = table(rules);
    let chain = dropping(&text).remove(0);
    Ruleset::new(&text).verdict(&chain, Packet { comes_in: BRIDGE, goes_out })
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
        {"chain": {"family": "ip", "table": "filter", "name": "INPUT", "hook": "input", "policy": "drop"}},
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
    assert_eq!(verdict(&rules, Some(BRIDGE)), Verdict::Through);
    rules.insert(0, ("DOCKER-USER", vec![interface("iifname", "==", "br-*"), accept()]));
    assert_eq!(verdict(&rules, Some(BRIDGE)), Verdict::Accepted);
}

#[test]
fn what_is_not_understood_may_accept() {
    let source = json!({"match": {"op": "==", "left": {"payload": {"protocol": "ip", "field": "saddr"}},
        "right": {"prefix": {"addr": "10.42.0.0", "len": 24}}}});
    let cases = [
        (vec![source.clone(), accept()], Verdict::Unclear),
        (vec![source, json!({"drop": null})], Verdict::Through),
        (vec![json!({"drop": null})], Verdict::Dropped),
        (vec![interface("iifname", "!=", BRIDGE), accept()], Verdict::Through),
        (vec![interface("oifname", "==", BRIDGE), accept()], Verdict::Accepted),
        (vec![json!({"return": null})], Verdict::Through),
        (vec![json!({"goto": {"target": "FORWARD"}})], Verdict::Unclear),
    ];
    for (expr, expected) in cases {
        assert_eq!(verdict(&[("FORWARD", expr.clone())], Some(BRIDGE)), expected, "{expr:?}");
    }
    // Towards the uplink, whose name is not known.
    let out = |name| vec![("FORWARD", vec![interface("oifname", "==", name), accept()])];
    assert_eq!(verdict(&out(BRIDGE), None), Verdict::Through);
    assert_eq!(verdict(&out("eth0"), None), Verdict::Unclear);
    let answers = json!({"match": {"op": "in", "left": {"ct": {"key": "state"}},
        "right": ["established", "related"]}});
    assert_eq!(verdict(&[("FORWARD", vec![answers, accept()])], None), Verdict::Through);
}
