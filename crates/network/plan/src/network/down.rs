//! `mvmhost net down`: what mvmhost made is taken away, unless somebody is on it.

use mvm_core::catalogue::down as messages;
use mvm_core::holder::User;
use mvm_core::{Finding, Plan};

use super::{Desired, Link, Observed, Step, links, parent, plan};

/// An interface on what would be taken away.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Guest {
    /// Its name, such as `fltap1234567`.
    pub interface: String,
    /// The bridge, or the parent of macvtaps.
    pub on: String,
}

/// Everything that is on the bridge and on the macvtaps' parent, but for the uplink.
pub fn guests(desired: &Desired, observed: &Observed) -> Vec<Guest> {
    let mut hosts = links(&observed.own_steps);
    hosts.extend(desired.bridge.iter().map(|bridge| bridge.name.clone()));
    let macvtap = desired.macvtap.as_ref();
    hosts.extend(macvtap.and_then(|one| parent(one.parent.as_deref(), observed)));
    let own = |link: &&Link| hosts_itself(&link.name, desired, observed);
    let guest = |link: &Link| {
        let macvtap = link.parent.as_ref().filter(|_| link.kind == "macvtap");
        let on = [link.master.as_ref(), macvtap].into_iter().flatten();
        let on = on.into_iter().find(|on| hosts.contains(on))?;
        Some(Guest { interface: link.name.clone(), on: on.clone() })
    };
    observed.links.iter().filter(|link| !own(link)).filter_map(guest).collect()
}

/// The uplink, and what would go as well.
fn hosts_itself(name: &str, desired: &Desired, observed: &Observed) -> bool {
    let uplink = desired.uplink.as_ref().map(|uplink| &uplink.name);
    let former = desired.former.as_ref().map(|former| &former.uplink);
    uplink.is_some_and(|one| one == name)
        || former.is_some_and(|one| one == name)
        || links(&observed.own_steps).iter().any(|link| link == name)
}

/// The steps, unless somebody is there: guests and who has them open, and units that would make more
/// of them.
pub fn down(
    desired: &Desired,
    observed: &Observed,
    guests: &[(Guest, Option<User>)],
    units: &[String],
) -> Plan<Step> {
    let used = guests.iter().map(|(guest, user)| {
        let user = user.as_ref().map_or("nobody: it was left behind".to_owned(), User::to_string);

        messages::in_use(&guest.interface, &guest.on, user)
    });
    let running = units.iter().map(messages::unit_runs);
    let mut findings: Vec<Finding> = used.chain(running).collect();
    let configured = desired.uplink.as_ref().map(|uplink| &uplink.name);
    let configured = configured.zip(desired.bridge.as_ref().map(|bridge| &bridge.name));
    let former = desired.former.as_ref().map(|former| (&former.uplink, &former.bridge));
    for (uplink, bridge) in configured.into_iter().chain(former) {
        let port = observed.links.iter().find(|link| link.name == *uplink);
        if port.is_some_and(|port| port.master.as_ref() == Some(bridge)) {
            findings.push(messages::uplink(uplink, bridge));
        }
    }
    // What could not be deleted yet is of no interest while nothing is.
    if findings.is_empty() {
        plan(&Desired::default(), observed)
    } else {
        Plan::new(Vec::new(), findings)
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Bridge, BridgeOptions, Mac, Macvtap, Uplink};
    use super::*;

    const MAC: Mac = Mac([2, 0, 0, 0, 0, 1]);

    fn link(name: &str) -> Link {
        Link { name: name.to_owned(), up: true, mac: Some(MAC), ..Link::default() }
    }

    fn bridged() -> (Desired, Observed) {
        let bridge = Bridge {
            name: "br-mvm".to_owned(),
            mac: MAC,
            mtu: None,
            addresses: vec![],
            requested: true,
        };
        let own_steps = vec![Step::CreateBridge { name: "br-mvm".to_owned(), mac: MAC }];
        let options = Some(BridgeOptions { stp: false, forward_delay: 0 });
        let links = vec![Link { kind: "bridge".to_owned(), bridge: options, ..link("br-mvm") }];
        let desired = Desired { bridge: Some(bridge), ..Desired::default() };
        (desired, Observed { links, own_steps, ..Observed::default() })
    }

    fn on(guest: &str, host: &str) -> Guest {
        Guest { interface: guest.to_owned(), on: host.to_owned() }
    }

    #[test]
    fn a_network_without_guests_goes() {
        let (desired, observed) = bridged();
        assert_eq!(guests(&desired, &observed), []);
        let plan = down(&desired, &observed, &[], &[]);
        assert_eq!(plan.steps, [Step::DeleteLink { name: "br-mvm".to_owned() }]);
        // One that was there before stays as it is.
        let plan = down(&desired, &Observed { own_steps: vec![], ..observed }, &[], &[]);
        assert!(plan.steps.is_empty() && plan.findings.is_empty());
    }

    #[test]
    fn guests_units_and_the_uplink_hold_it() {
        let (mut desired, mut observed) = bridged();
        let master = Some("br-mvm".to_owned());
        observed.links.push(Link { master: master.clone(), ..link("fltap1") });
        observed.links.push(Link { master, ..link("eth0") });
        desired.uplink = Some(Uplink::new("eth0"));
        let found = guests(&desired, &observed);
        assert_eq!(found, [on("fltap1", "br-mvm")]);
        let user = User::Process { pid: 7, comm: "fc".to_owned(), microvm: Some("a/b".to_owned()) };
        let users = [(found[0].clone(), Some(user))];
        let plan = down(&desired, &observed, &users, &["flintlockd.service".to_owned()]);
        let messages: Vec<String> = plan.findings.iter().map(Finding::message).collect();
        assert!(messages[0].contains("fltap1") && messages[0].contains("microVM a/b (fc, pid 7)"));
        assert_eq!((messages.len(), plan.steps.len()), (3, 0), "{messages:?}");
    }

    #[test]
    fn macvtaps_hold_their_parent() {
        let observed = Observed {
            links: vec![
                link("eth0"),
                Link { kind: "macvtap".into(), parent: Some("eth0".into()), ..link("flvtap1") },
                Link { kind: "vlan".into(), parent: Some("eth0".into()), ..link("eth0.7") },
            ],
            ..Observed::default()
        };
        let macvtap = Some(Macvtap { parent: Some("eth0".to_owned()), addresses: vec![] });
        let desired = Desired { macvtap, ..Desired::default() };
        assert_eq!(guests(&desired, &observed), [on("flvtap1", "eth0")]);
    }
}
