//! What `mvmhost net status` shows.

use std::fmt::Write;

use mvm_cli::context::Context;
use mvm_cli::output::{self, Exit};
use mvm_cli_host::status::mode;
use mvm_cli_microvms::leases;
use mvm_core::exec::System;
use mvm_core::holder::User;
use mvm_core::json::Document;
use mvm_core::{Finding, catalogue, chain, names};
use mvm_network_kernel::firewalls;
use mvm_network_kernel::nat::Nat;
use mvm_network_kernel::tailscale::Tailscale;
use mvm_network_plan::network::{self, Guest, Link, links, parent};
use mvm_network_plan::tailscale::AdvertisedSubnet;
use mvm_network_plan::{nat, reserved};
use mvm_units_systemd::systemd::Units;
use serde::Serialize;

use super::{Start, users};

/// Everything that is shown; with `--json` the member `network`.
#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
struct Screen {
    mode: &'static str,
    /// VLANs, the bridge and its uplink, or the macvtaps' parent; those that are there.
    interfaces: Vec<Interface>,
    /// `None` where nothing is translated.
    nat: Option<Translation>,
    /// `None` where no addresses are given out.
    dhcp: Option<Served>,
    /// Addresses that DHCP gives to nobody, with their names.
    reserved: Vec<String>,
    /// The subnets to be made known in the tailnet.
    tailscale: Vec<AdvertisedSubnet>,
    guests: Vec<OnIt>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
struct Interface {
    name: String,
    kind: String,
    up: bool,
    carrier: bool,
    /// In bytes.
    mtu: u32,
    addresses: Vec<String>,
    /// mvmhost made it in this boot.
    made: bool,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
struct Translation {
    sources: Vec<String>,
    /// `None` is wherever the default route leads.
    uplink: Option<String>,
    /// Rules and switches are as they are to be; `None` when that could not be seen.
    settled: Option<bool>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
struct Served {
    interface: String,
    /// systemd's word for mvm-dhcp.service.
    state: String,
    /// How many leases there are; `None` when they cannot be read.
    leases: Option<usize>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
struct OnIt {
    interface: String,
    on: String,
    /// Who has it open.
    holder: Option<String>,
}

pub(super) fn show(context: &Context, mut start: Start) -> Exit {
    let plan = network::plan(&start.desired, &start.observed);
    let mut findings = std::mem::take(&mut start.findings);
    findings.extend(plan.findings);
    let screen = Screen::new(context, &mut start, &mut findings);
    if context.json {
        output::print(&Document::new(&findings).with("network", screen).text());
    } else {
        output::print(&screen.text());
        output::findings(false, &findings);
    }
    output::exit_for(&findings)
}

impl Screen {
    fn new(context: &Context, start: &mut Start, findings: &mut Vec<Finding>) -> Self {
        let on_it = |(guest, user): (Guest, Option<User>)| OnIt {
            interface: guest.interface,
            on: guest.on,
            holder: user.map(|user| user.to_string()),
        };
        let guests = users(&context.roots, start).into_iter().map(on_it).collect();
        match firewalls::forward(&context.roots, &System, &start.config) {
            Ok(forward) => findings.extend(mvm_firewalls::obstacles(&start.config, &forward)),
            Err(error) => {
                let unchecked =
                    catalogue::checked::not_checked("what firewalls drop", chain(&error));
                findings.push(unchecked);
            }
        }
        Self {
            mode: mode(start.config.network.mode),
            interfaces: interfaces(start),
            nat: translation(context, start, findings),
            dhcp: served(context, start),
            reserved: reserved::labels(&start.config.network.reserved),
            tailscale: tailnet(context, start, findings),
            guests,
        }
    }

    fn text(&self) -> String {
        let mut out = format!("mode        {}\n", self.mode);
        // Writing to a String cannot fail.
        for one in &self.interfaces {
            let kind = if one.kind.is_empty() { "hardware" } else { &one.kind };
            let state = match (one.up, one.carrier) {
                (true, true) => "up",
                (true, false) => "up, no carrier",
                (false, _) => "down",
            };
            let made = if one.made { ", made by mvmhost" } else { "" };
            let (name, addresses) = (&one.name, one.addresses.join(" "));
            let _ = writeln!(out, "{name:11} {kind}, {state}, MTU {}{made}  {addresses}", one.mtu);
        }
        if let Some(nat) = &self.nat {
            let to = nat.uplink.as_deref().unwrap_or("the default route");
            let state = match nat.settled {
                Some(true) => "in place",
                Some(false) => "not in place",
                None => "not seen",
            };
            let _ = writeln!(out, "nat         {} to {to}: {state}", nat.sources.join(" "));
        }
        if let Some(dhcp) = &self.dhcp {
            let leases = dhcp.leases.map_or("unknown".to_owned(), |count| count.to_string());
            let _ =
                writeln!(out, "dhcp        {}: {}, {leases} leases", dhcp.interface, dhcp.state);
        }
        if !self.reserved.is_empty() {
            let _ = writeln!(out, "reserved    {}", self.reserved.join(", "));
        }
        for route in &self.tailscale {
            let _ = writeln!(out, "tailscale   {route}");
        }
        for guest in &self.guests {
            let holder = guest.holder.as_deref().unwrap_or("nobody has it open");
            let _ = writeln!(out, "{:11} on {}: {holder}", guest.interface, guest.on);
        }
        out
    }
}

/// The interfaces that the file names, in the order in which they are made.
fn interfaces(start: &Start) -> Vec<Interface> {
    let (desired, observed) = (&start.desired, &start.observed);
    let made = links(&observed.own_steps);
    let macvtap = desired.macvtap.as_ref();
    let vlans = desired.vlans.iter().map(|vlan| vlan.name.clone());
    let names = vlans
        .chain(desired.uplink.iter().map(|uplink| uplink.name.clone()))
        .chain(desired.bridge.iter().map(|bridge| bridge.name.clone()))
        .chain(macvtap.and_then(|one| parent(one.parent.as_deref(), observed)));
    let mut names: Vec<String> = names.collect();
    names.dedup();
    let there = |name: String| observed.links.iter().find(|link| link.name == name);
    let shown = |link: &Link| Interface {
        name: link.name.clone(),
        kind: link.kind.clone(),
        up: link.up,
        carrier: link.carrier,
        mtu: link.mtu,
        addresses: link.addresses.iter().map(ToString::to_string).collect(),
        made: made.contains(&link.name),
    };
    names.into_iter().filter_map(there).map(shown).collect()
}

fn translation(
    context: &Context,
    start: &Start,
    findings: &mut Vec<Finding>,
) -> Option<Translation> {
    let desired = nat::desired(&start.config)?;
    let rules = Nat { roots: &context.roots, programs: &System };
    let settled = match rules.plan(Some(&desired), &start.observed) {
        Ok(plan) => {
            let settled = plan.is_settled();
            findings.extend(plan.findings);
            Some(settled)
        }
        Err(error) => {
            let unread = catalogue::nat::unread(&desired.interface);
            findings.push(unread.evidence(chain(&error)));
            None
        }
    };
    (!desired.sources.is_empty()).then(|| Translation {
        sources: desired.sources.iter().map(ToString::to_string).collect(),
        uplink: desired.uplink,
        settled,
    })
}

/// Whether each of the routes is advertised; why that is not known goes to the findings.
fn tailnet(context: &Context, start: &Start, findings: &mut Vec<Finding>) -> Vec<AdvertisedSubnet> {
    let tailscale = Tailscale { roots: &context.roots, programs: &System };
    let configured = &start.config.network.tailscale_routes;
    let (routes, more) = tailscale.routes(configured);
    findings.extend(more);
    routes
}

fn served(context: &Context, start: &mut Start) -> Option<Served> {
    let dhcp = &start.config.network.dhcp;
    let interface = dhcp.interface.as_ref().filter(|_| dhcp.enabled)?.to_string();
    let state = start.manager.state(names::DHCP_UNIT).map(|state| state.active_state);
    let leases = leases::read(context).ok().map(|leases| leases.len());
    Some(Served { interface, state: state.unwrap_or_else(|_| "unknown".to_owned()), leases })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_is_a_line_for_each_of_its_parts() {
        let bridge = Interface {
            name: "br-mvm".to_owned(),
            kind: "bridge".to_owned(),
            up: true,
            carrier: false,
            mtu: 1500,
            addresses: vec!["10.42.0.1/24".to_owned()],
            made: true,
        };
        let screen = Screen {
            mode: "tap",
            interfaces: vec![bridge],
            nat: Some(Translation {
                sources: vec!["10.42.0.0/24".to_owned()],
                uplink: None,
                settled: Some(true),
            }),
            dhcp: Some(Served {
                interface: "br-mvm".to_owned(),
                state: "active".to_owned(),
                leases: Some(2),
            }),
            reserved: vec!["10.42.0.5 (lab)".to_owned()],
            tailscale: vec![AdvertisedSubnet {
                subnet: "10.42.0.0/24".parse().unwrap(),
                advertised: Some(false),
            }],
            guests: vec![OnIt {
                interface: "fltap1".to_owned(),
                on: "br-mvm".to_owned(),
                holder: None,
            }],
        };
        assert_eq!(
            screen.text(),
            "mode        tap\n\
             br-mvm      bridge, up, no carrier, MTU 1500, made by mvmhost  10.42.0.1/24\n\
             nat         10.42.0.0/24 to the default route: in place\n\
             dhcp        br-mvm: active, 2 leases\n\
             reserved    10.42.0.5 (lab)\n\
             tailscale   10.42.0.0/24: not advertised\n\
             fltap1      on br-mvm: nobody has it open\n"
        );
        let value = serde_json::to_value(&screen).unwrap();
        assert_eq!(
            (&value["interfaces"][0]["made"], &value["nat"]["settled"]),
            (&true.into(), &true.into())
        );
    }
}
