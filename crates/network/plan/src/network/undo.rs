//! The way back: what undoes each step, worked out before the first one is done.

use std::net::Ipv6Addr;

use ipnet::{IpNet, Ipv6Net};

use super::{Link, Mac, Observed, Step};

/// What puts the machine back to `before` when `steps` were done, or only the first of them: what
/// was not done is not there to be undone, and that is no failure.
pub fn undo(steps: &[Step], before: &Observed) -> Vec<Step> {
    steps.iter().rev().filter_map(|step| inverse(step, before)).collect()
}

/// Of recorded steps back those that are right on the machine as it is now: a bridge that was made
/// stays while microVMs are on it, and the link-local address that the kernel made of a MAC goes with
/// the MAC.
pub fn due(recorded: &[Step], observed: &Observed) -> Vec<Step> {
    let released = |link: &Link| {
        recorded.iter().any(|step| matches!(step, Step::Release { name } if *name == link.name))
    };
    let in_use = |bridge: &str| {
        let ports = observed.links.iter().filter(|link| link.master.as_deref() == Some(bridge));
        ports.into_iter().any(|port| !released(port))
    };
    let mut unchanged: Vec<&str> = Vec::new();
    for step in recorded {
        if let Step::DeleteLink { name } = step
            && in_use(name)
        {
            unchanged.push(name);
        }
    }
    let right = |step: &&Step| match step {
        Step::DeleteLink { name } | Step::SetDown { name } => !unchanged.contains(&name.as_str()),
        _ => true,
    };
    let with_address = |step: &Step| {
        let made = match step {
            Step::SetMac { name, .. } => made_of_mac(name, observed),
            _ => None,
        };
        [made, Some(step.clone())].into_iter().flatten()
    };
    recorded.iter().filter(right).flat_map(with_address).collect()
}

fn made_of_mac(name: &str, observed: &Observed) -> Option<Step> {
    let link = observed.links.iter().find(|link| link.name == name)?;
    let address = link_local(link.mac?);
    let there = link.addresses.contains(&address);
    there.then(|| Step::DeleteAddress { name: name.to_owned(), address })
}

/// By RFC 4291, appendix A.
fn link_local(mac: Mac) -> IpNet {
    let [a, b, c, d, e, f] = mac.0;
    let pair = |high, low| u16::from_be_bytes([high, low]);
    let tail = (pair(a ^ 2, b), pair(c, 0xff), pair(0xfe, d), pair(e, f));
    let address = Ipv6Addr::new(0xfe80, 0, 0, 0, tail.0, tail.1, tail.2, tail.3);
    IpNet::V6(Ipv6Net::new_assert(address, 64))
}

fn inverse(step: &Step, before: &Observed) -> Option<Step> {
    let name = step.interface().to_owned();
    let link = before.links.iter().find(|link| link.name == name);
    Some(match step {
        Step::CreateBridge { .. } | Step::CreateVlan { .. } => Step::DeleteLink { name },
        Step::SetMac { .. } => Step::SetMac { name, mac: link?.mac? },
        Step::SetMtu { .. } => Step::SetMtu { name, mtu: link?.mtu },
        Step::SetStpOff { .. } | Step::SetForwardDelayOff { .. } => {
            Step::SetBridgeOptions { name, options: link?.bridge? }
        }
        Step::AddAddress { address, .. } => Step::DeleteAddress { name, address: *address },
        // Of what was made in the same go nothing is left to be down.
        Step::SetUp { .. } => link.map(|_| Step::SetDown { name })?,
        Step::GiveAddresses { addresses, .. } => {
            Step::TakeAddresses { name, addresses: addresses.clone() }
        }
        Step::TakeAddresses { addresses, .. } => {
            Step::GiveAddresses { name, addresses: addresses.clone() }
        }
        Step::SetRoutes { from, routes, .. } => {
            Step::SetRoutes { name: from.clone(), from: name, routes: routes.clone() }
        }
        Step::Enslave { .. } => Step::Release { name },
        Step::DeleteAddress { address, .. } => Step::AddAddress { name, address: *address },
        Step::DeleteLink { .. } => match link? {
            Link { vlan: Some(id), parent: Some(parent), .. } => {
                Step::CreateVlan { name, parent: parent.clone(), id: *id }
            }
            link => Step::CreateBridge { name, mac: link.mac? },
        },
        // Steps back are not undone again.
        Step::SetDown { .. } | Step::SetBridgeOptions { .. } | Step::Release { .. } => return None,
    })
}
