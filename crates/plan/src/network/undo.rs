//! The way back: what undoes each step, worked out before the first one is done.

use super::{Link, Observed, Step};

/// What puts the machine back to `before` when `steps` were done, or only the first of them: what
/// was not done is not there to be undone, and that is no failure.
pub fn undo(steps: &[Step], before: &Observed) -> Vec<Step> {
    steps.iter().rev().filter_map(|step| inverse(step, before)).collect()
}

/// Of recorded steps back those that are right on the machine as it is now: a bridge that was made
/// stays while microVMs are on it.
pub fn due(recorded: &[Step], observed: &Observed) -> Vec<Step> {
    let released = |link: &Link| {
        recorded.iter().any(|step| matches!(step, Step::Release { name } if *name == link.name))
    };
    let in_use = |bridge: &str| {
        let ports = observed.links.iter().filter(|link| link.master.as_deref() == Some(bridge));
        ports.into_iter().any(|port| !released(port))
    };
    let mut kept: Vec<&str> = Vec::new();
    for step in recorded {
        if let Step::DeleteLink { name } = step
            && in_use(name)
        {
            kept.push(name);
        }
    }
    let right = |step: &&Step| match step {
        Step::DeleteLink { name } | Step::SetDown { name } => !kept.contains(&name.as_str()),
        _ => true,
    };
    recorded.iter().filter(right).cloned().collect()
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
        Step::AddHeld { addresses, .. } => Step::RemoveHeld { name, addresses: addresses.clone() },
        Step::RemoveHeld { addresses, .. } => Step::AddHeld { name, addresses: addresses.clone() },
        Step::SetRoutes { from, routes, .. } => {
            Step::SetRoutes { name: from.clone(), from: name, routes: routes.clone() }
        }
        Step::Enslave { .. } => Step::Release { name },
        // Steps back are not undone again.
        Step::SetDown { .. }
        | Step::DeleteLink { .. }
        | Step::DeleteAddress { .. }
        | Step::SetBridgeOptions { .. }
        | Step::Release { .. } => return None,
    })
}
