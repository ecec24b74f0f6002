//! The commands that let packets through a chain, typed as they are printed.

use std::collections::BTreeSet;

use super::flows::Need;
use super::ruleset::{Family, Hook, Place, Tool};

/// The zone of firewalld that the package brings.
const ZONE: &str = mvm_network_plan::nat::ZONE;

/// The lines of a remedy for a chain that keeps these packets of microVMs on `interface` from their end.
pub(super) fn commands(
    place: &Place,
    hook: Hook,
    needs: &BTreeSet<Need>,
    interface: &str,
) -> String {
    if place.family == Family::Inet && place.table == "firewalld" {
        return format!(
            "firewall-cmd --zone={ZONE} --change-interface={interface}\n\
             firewall-cmd --list-all-policies\n\
             # a policy of yours with reject or drop for that zone still holds"
        );
    }
    let list = match place.tool {
        Tool::Nft => {
            let Place { family, table, chain, .. } = place;
            format!("nft -a list chain {family} {table} {chain}")
        }
        tool => format!("{} -t {} -S {}", program(tool, place.family), place.table, place.chain),
    };
    if !place.is_plain() {
        return "nft -a list ruleset\n# take out the rule that drops".to_owned();
    }
    let rules = accepts(place, hook, needs, interface);
    if rules.is_empty() {
        return format!("{list}\n# take out the rule that drops, as the evidence shows it");
    }
    let keep = match place.tool {
        Tool::Nft => "# gone when that firewall starts again: put it into its own file as well",
        _ => {
            "# gone when that firewall starts again; kept by netfilter-persistent save (Debian, Ubuntu)\n\
             # or service iptables save (RHEL)"
        }
    };
    let typed: Vec<String> = rules.iter().map(|rule| insert(place, rule)).collect();
    format!("{}\n{keep}", typed.join("\n"))
}

fn program(tool: Tool, family: Family) -> &'static str {
    match (tool, family == Family::Ip6) {
        (Tool::IptablesLegacy, false) => "iptables-legacy",
        (Tool::IptablesLegacy, true) => "ip6tables-legacy",
        (_, false) => "iptables",
        (_, true) => "ip6tables",
    }
}

/// A rule that accepts, in the words of nft and in those of iptables.
type Accept = (String, String);

fn insert(place: &Place, (nft, iptables): &Accept) -> String {
    let Place { tool, family, table, chain } = place;
    if *tool == Tool::Nft {
        return format!("nft insert rule {family} {table} {chain} {nft} accept");
    }
    let program = program(*tool, *family);
    let table = if table == "filter" { String::new() } else { format!("-t {table} ") };
    format!("{program} {table}-I {chain} {iptables} -j ACCEPT")
}

/// Rules for nothing but what microVMs need.
fn accepts(place: &Place, hook: Hook, needs: &BTreeSet<Need>, name: &str) -> Vec<Accept> {
    let pair = |nft: String, iptables: String| (nft, iptables);
    if place.family == Family::Bridge {
        let side = match hook {
            Hook::Output | Hook::Postrouting => "obrname",
            _ => "ibrname",
        };
        return vec![pair(format!("meta {side} {name}"), String::new())];
    }
    if place.family == Family::Arp {
        let side = if hook == Hook::Output { "oifname" } else { "iifname" };
        return vec![pair(format!("{side} {name}"), String::new())];
    }
    let incoming = pair(format!("iifname {name}"), format!("-i {name}"));
    let outgoing = pair(format!("oifname {name}"), format!("-o {name}"));
    let answers = pair(
        format!("oifname {name} ct state established,related"),
        format!("-o {name} -m conntrack --ctstate RELATED,ESTABLISHED"),
    );
    match hook {
        Hook::Forward => vec![incoming, answers],
        Hook::Prerouting if needs.iter().any(|need| *need != Need::Back) => vec![incoming],
        Hook::Output => vec![outgoing],
        Hook::Postrouting if needs.iter().any(|need| *need != Need::Out) => vec![outgoing],
        Hook::Input => needs.iter().flat_map(|need| input(*need, place.family, name)).collect(),
        _ => Vec::new(),
    }
}

fn input(need: Need, family: Family, name: &str) -> Vec<Accept> {
    let port = |protocol: &str, port: u16| {
        let nft = format!("iifname {name} {protocol} dport {port}");
        (nft, format!("-i {name} -p {protocol} --dport {port}"))
    };
    match need {
        Need::Address => vec![port("udp", 67)],
        Need::Name => vec![port("udp", 53), port("tcp", 53)],
        Need::Router => {
            let nft = format!("iifname {name} meta l4proto ipv6-icmp");
            let all = (nft, format!("-i {name} -p ipv6-icmp"));
            let dhcp = (family == Family::Ip6).then(|| port("udp", 547));
            [vec![all], dhcp.into_iter().collect()].concat()
        }
        _ => Vec::new(),
    }
}
