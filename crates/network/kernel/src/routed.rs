//! Asks the kernel how it would lead packets of microVMs: the answer counts rules of policy routing, VRFs
//! and routes of every table, as the packet itself would.

use std::fs;
use std::net::IpAddr;

use futures_util::TryStreamExt;
use ipnet::IpNet;
use mvm_core::Roots;
use mvm_network_plan::nat::Desired;
use mvm_network_plan::network::{
    Observed, PolicyRule, Question, Refusal, RouteResult, Routed, question,
};
use nix::libc;
use rtnetlink::packet_route::route::{RouteAttribute, RouteMessage, RouteType};
use rtnetlink::packet_route::rule::{RuleAction, RuleAttribute, RuleFlags, RuleMessage};
use rtnetlink::{IpVersion, RouteMessageBuilder};

use crate::asking;
use crate::error::{Answer, Error};
use crate::kernel::Kernel;

/// Every host has the rules of these preferences.
const OF_EVERY_HOST: [u32; 3] = [0, 32_766, 32_767];
/// A table of more rules is not shown whole.
const RULES: usize = 16;

/// The answers for each family in which packets of microVMs are translated, on a machine like this. What
/// is not there or is switched off is not asked.
///
/// # Errors
/// The kernel does not answer.
pub fn routed(
    roots: &Roots,
    kernel: &Kernel,
    desired: &Desired,
    observed: &Observed,
) -> Result<Vec<Routed>, Error> {
    let desired = desired.clone().on_network(observed, asking::answers(roots).as_ref());
    let name = desired.interface.as_str();
    let Some(link) = observed.links.iter().find(|link| link.name == name && link.up) else {
        return Ok(Vec::new());
    };
    let is_vrf = |name: &&String| {
        observed.links.iter().any(|link| link.name == **name && link.kind == "vrf")
    };
    let vrf = link.master.as_ref().filter(is_vrf).cloned();
    let mut found = Vec::new();
    for v6 in [false, true] {
        let of_family = |net: &&IpNet| net.addr().is_ipv6() == v6;
        let translated = desired.sources.iter().any(|net| of_family(&net));
        let own = desired.own.iter().find(|net| of_family(net) && link.addresses.contains(net));
        let Some(own) = own.filter(|_| translated) else { continue };
        let mut comes_in = None;
        for _ in ["out", "back"] {
            let Some(question) = question(name, own, comes_in.as_deref()) else { break };
            let end = kernel.route_result(roots, &question)?;
            comes_in = match &end {
                RouteResult::By(leaving) if leaving != name => Some(leaving.clone()),
                _ => None,
            };
            let rules = kernel.policy(&question)?;
            found.push(Routed { question, end, rules, vrf: vrf.clone() });
            // Without a microVM the way back may count as none.
            if comes_in.is_none() || (!link.carrier && forgets_idle(roots, name, v6)) {
                break;
            }
        }
    }
    Ok(found)
}

impl Kernel {
    /// `ip route get TO from FROM iif NAME`
    fn route_result(&self, roots: &Roots, question: &Question) -> Result<RouteResult, Error> {
        let index = self.number(&question.comes_in)?;
        let message = match (question.from, question.to) {
            (IpAddr::V4(from), IpAddr::V4(to)) => RouteMessageBuilder::<std::net::Ipv4Addr>::new()
                .source_prefix(from, 32)
                .destination_prefix(to, 32)
                .input_interface(index)
                .build(),
            (IpAddr::V6(from), IpAddr::V6(to)) => RouteMessageBuilder::<std::net::Ipv6Addr>::new()
                .source_prefix(from, 128)
                .destination_prefix(to, 128)
                .input_interface(index)
                .build(),
            _ => return Ok(RouteResult::Refused(Refusal::NoRoute)),
        };
        let answered = self.run(async {
            let mut answers = self.handle().route().get(message).execute();
            answers.try_next().await
        });
        match answered {
            Ok(Some(route)) => Ok(self.end(&route)),
            Ok(None) => Ok(RouteResult::Refused(Refusal::NoRoute)),
            Err(error) => refusal(roots, question, Answer::from(error)).map(RouteResult::Refused),
        }
    }

    fn end(&self, route: &RouteMessage) -> RouteResult {
        match route.header.kind {
            RouteType::BlackHole => return RouteResult::Refused(Refusal::Blackhole),
            RouteType::Prohibit => return RouteResult::Refused(Refusal::Prohibited),
            RouteType::Unreachable => return RouteResult::Refused(Refusal::Unreachable),
            _ => {}
        }
        let by = route.attributes.iter().find_map(|attribute| match attribute {
            RouteAttribute::Oif(index) => self.name_of(*index),
            _ => None,
        });
        by.map_or(RouteResult::Refused(Refusal::NoRoute), RouteResult::By)
    }

    /// The rules of policy routing that the packet may meet before the tables of every host.
    fn policy(&self, question: &Question) -> Result<Vec<PolicyRule>, Error> {
        let version = if question.to.is_ipv6() { IpVersion::V6 } else { IpVersion::V4 };
        let all: Vec<RuleMessage> = self
            .run(async { self.handle().rule().get(version).execute().try_collect().await })
            .map_err(|error| Error::List { objects: "rules", source: Answer::from(error) })?;
        let mut rules: Vec<PolicyRule> =
            all.iter().filter_map(|rule| policy_rule(rule, question)).collect();
        rules.truncate(RULES);
        Ok(rules)
    }
}

/// By the kernel's number of the error.
fn refusal(roots: &Roots, question: &Question, answer: Answer) -> Result<Refusal, Error> {
    let source = match answer {
        Answer::Errno(error) => error,
        source => return Err(Error::List { objects: "routes", source }),
    };
    Ok(match source.raw_os_error() {
        Some(libc::ENETUNREACH) => Refusal::NoRoute,
        Some(libc::EHOSTUNREACH) => Refusal::Unreachable,
        Some(libc::EACCES) => Refusal::Prohibited,
        // Kernels differ in what they say of a path that is checked strictly.
        Some(libc::EXDEV) => Refusal::StrictPath,
        Some(libc::EINVAL) if question.to.is_ipv4() && is_strict(roots, &question.comes_in) => {
            Refusal::StrictPath
        }
        Some(libc::EINVAL) => Refusal::Blackhole,
        _ => Refusal::Other(source.to_string()),
    })
}

/// Whether the kernel takes packets only from the interface by which it would answer them.
fn is_strict(roots: &Roots, name: &str) -> bool {
    larger(roots, "ipv4", name, "rp_filter") == Some(1)
}

/// Whether the kernel leaves out routes by an interface that has nobody at its other end.
fn forgets_idle(roots: &Roots, name: &str, v6: bool) -> bool {
    let family = if v6 { "ipv6" } else { "ipv4" };
    larger(roots, family, name, "ignore_routes_with_linkdown") == Some(1)
}

/// The larger of a switch of all interfaces and of that of one, which is the one that holds.
fn larger(roots: &Roots, family: &str, name: &str, switch: &str) -> Option<u8> {
    let read = |name: &str| {
        let path = roots.at(format!("/proc/sys/net/{family}/conf/{name}/{switch}"));
        fs::read_to_string(path).ok()?.trim().parse::<u8>().ok()
    };
    read("all").max(read(name))
}

/// The rule, unless every host has it or the packet surely does not meet it.
fn policy_rule(rule: &RuleMessage, question: &Question) -> Option<PolicyRule> {
    let (mut preference, mut table) = (0, u32::from(rule.header.table));
    let (mut selectors, mut meets) = (String::new(), true);
    let mut take = |word: &str, value: &dyn std::fmt::Display, is_met: bool| {
        selectors.push_str(&format!(" {word} {value}"));
        meets &= is_met;
    };
    for attribute in &rule.attributes {
        match attribute {
            RuleAttribute::Priority(number) => preference = *number,
            RuleAttribute::Table(number) => table = *number,
            RuleAttribute::Source(ip) => {
                let net = IpNet::new(*ip, rule.header.src_len).ok()?;
                take("from", &net, net.contains(&question.from));
            }
            RuleAttribute::Destination(ip) => {
                let net = IpNet::new(*ip, rule.header.dst_len).ok()?;
                take("to", &net, net.contains(&question.to));
            }
            RuleAttribute::Iifname(name) => take("iif", name, *name == question.comes_in),
            // A packet that is forwarded has no such interface yet, and no mark.
            RuleAttribute::Oifname(name) => take("oif", name, false),
            RuleAttribute::FwMark(mark) => take("fwmark", mark, *mark == 0),
            RuleAttribute::L3MDev(true) => take("l3mdev", &"", true),
            _ => {}
        }
    }
    let inverted = rule.header.flags.contains(RuleFlags::Invert);
    if OF_EVERY_HOST.contains(&preference) || meets == inverted {
        return None;
    }
    let then = match rule.header.action {
        RuleAction::ToTable => format!("lookup {table}"),
        RuleAction::Blackhole => "blackhole".to_owned(),
        RuleAction::Unreachable => "unreachable".to_owned(),
        RuleAction::Prohibit => "prohibit".to_owned(),
        _ => "other".to_owned(),
    };
    let not = if inverted { " not" } else { "" };
    let text = format!("{preference}:{not}{selectors} {then}");
    Some(PolicyRule { preference, text: text.chars().filter(|c| !c.is_control()).collect() })
}
