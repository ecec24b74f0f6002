//! Where the kernel leads packets of microVMs: out by an interface that translates, and back to them.

use mvm_core::Finding;
use mvm_core::catalogue::{checked, deep};
use mvm_network_plan::network::{Refusal, RouteResult, Routed};

use super::ObservedNetwork;

/// A finding for each answer of the kernel's that cuts microVMs on `name` off. `leaving` are the
/// interfaces that translate; none where they are not known.
pub fn check(network: &ObservedNetwork, leaving: &[String], name: &str) -> Vec<Finding> {
    network.routes.iter().filter_map(|routed| finding(routed, network, leaving, name)).collect()
}

fn finding(
    routed: &Routed,
    network: &ObservedNetwork,
    leaving: &[String],
    name: &str,
) -> Option<Finding> {
    let version = if routed.question.to.is_ipv6() { "IPv6" } else { "IPv4" };
    let found = match (&routed.end, routed.question.back) {
        (RouteResult::By(_), false) => {
            deep::elsewhere(name, elsewhere(routed, leaving)?, leaving.join(", "))
        }
        (RouteResult::By(by), true) if by == name => return None,
        (RouteResult::By(by), true) => checked::other_route(name, by, heal(routed, name)),
        // The switch, or the uplink that the file names, has a finding of its own.
        (RouteResult::Refused(Refusal::Unreachable), _) if !network.turned.is_empty() => {
            return None;
        }
        (RouteResult::Refused(Refusal::StrictPath), _) if network.strict.is_some() => return None,
        (RouteResult::Refused(Refusal::NoRoute), false)
            if routed.rules.is_empty() && routed.vrf.is_none() =>
        {
            checked::no_gateway(name, version)
        }
        (RouteResult::Refused(why), _) => checked::no_route(name, version, why, heal(routed, name)),
    };
    Some(found.evidence(evidence(routed)))
}

/// The interface by which a packet of a microVM's leaves, where that does not translate.
pub(super) fn elsewhere<'r>(routed: &'r Routed, leaving: &[String]) -> Option<&'r str> {
    let RouteResult::By(by) = &routed.end else { return None };
    let translated = leaving.is_empty() || leaving.contains(by);
    (!routed.question.back && !translated).then_some(by.as_str())
}

fn evidence(routed: &Routed) -> String {
    let end = match &routed.end {
        RouteResult::By(by) => format!("dev {by}"),
        RouteResult::Refused(why) => why.to_string(),
    };
    let vrf = routed.vrf.as_ref().map(|vrf| format!("in the VRF {vrf}"));
    let rules = routed.rules.iter().map(|rule| format!("rule {}", rule.text));
    let first = format!("{}: {end}", routed.question);
    let all: Vec<String> = std::iter::once(first).chain(vrf).chain(rules).collect();
    all.join("; ")
}

/// Commands that have the packet led by the table of every host.
fn heal(routed: &Routed, name: &str) -> String {
    if routed.vrf.is_some() {
        return format!("ip link set dev {name} nomaster");
    }
    let question = &routed.question;
    let ip = if question.to.is_ipv6() { "ip -6" } else { "ip" };
    let Some(first) = routed.rules.iter().map(|rule| rule.preference).min() else {
        if question.back {
            return format!("{ip} route replace {} dev {name}", question.subnet);
        }
        let table = if question.to.is_ipv6() { "ip -6 route show" } else { "ip route show" };
        return format!("{table}\n# take out the route that says so");
    };
    let before = first.saturating_sub(1).max(1);
    let which =
        if question.back { format!("to {}", question.subnet) } else { format!("iif {name}") };
    format!(
        "{ip} rule add pref {before} {which} lookup main\n\
         # gone after a reboot: put it beside the rule in the evidence, where that is configured"
    )
}
