//! `mvmhost vm wait`: polls flintlockd, the leases and the guest.

use std::net::{IpAddr, Ipv4Addr};
use std::time::{Duration, Instant};
use std::{fs, thread};

use mvm_cli::cli::{Condition, VmWait};
use mvm_cli::context::Context;
use mvm_cli::output::Exit;
use mvm_core::catalogue::vm as messages;
use mvm_core::{Finding, Roots};
use mvm_units_systemd::flintlock::{Details, MicroVm, State};

use crate::leases;
use crate::session::{Session, TIMEOUT, id, report};

mod icmp;

use icmp::ping;

/// flintlockd reads containerd for each answer.
const PAUSE: Duration = Duration::from_secs(1);
/// A guest on this host answers within milliseconds.
const ECHO: Duration = Duration::from_secs(1);

pub(super) fn run(context: &Context, arguments: &VmWait) -> Exit {
    let session = match Session::open(context) {
        Ok(session) => session,
        Err(exit) => return exit,
    };
    let microvm = session.look_up(&arguments.microvm);
    let until_deleted = arguments.condition == Condition::Deleted;
    let finding = match microvm {
        Ok(None) if until_deleted => messages::deleted(&arguments.microvm),
        Ok(None) => messages::not_found(&arguments.microvm),
        Err(finding) => finding,
        Ok(Some(microvm)) => until(&session, &microvm, arguments.condition, arguments.timeout)
            .unwrap_or_else(|finding| finding),
    };
    report(context, &[finding])
}

/// What was seen last.
pub(crate) struct Waited {
    pub(crate) details: Option<Details>,
    pub(crate) address: Option<Ipv4Addr>,
}

/// Waits until the condition holds.
///
/// # Errors
/// It does not in time, cannot any more, or flintlockd does not answer.
pub(crate) fn until(
    session: &Session<'_>,
    microvm: &MicroVm,
    condition: Condition,
    timeout: Duration,
) -> Result<Finding, Finding> {
    let started = Instant::now();
    loop {
        let waited = look(session, microvm)?;
        let seconds = started.elapsed().as_secs();
        if holds(&waited, condition) {
            let address = waited.address.map(|address| address.to_string());
            return Ok(messages::ready(id(microvm), state_text(condition), seconds)
                .evidence(address.unwrap_or_default()));
        }
        let state = waited.details.as_ref().map(|details| &details.microvm);
        if condition != Condition::Deleted {
            match state {
                None => return Err(messages::not_found(id(microvm))),
                Some(now) if now.state == State::Failed => {
                    let given_up = messages::given_up_waiting(id(microvm), now.retry);
                    return Err(given_up);
                }
                Some(_) => {}
            }
        }
        if started.elapsed() >= timeout {
            let now = state.map_or("deleted", |now| now.state.word());
            let late = messages::timeout(id(microvm), state_text(condition), seconds, now);
            return Err(late);
        }
        thread::sleep(PAUSE.min(timeout));
    }
}

fn look(session: &Session<'_>, microvm: &MicroVm) -> Result<Waited, Finding> {
    let details = session.api.get(&microvm.uid, TIMEOUT);
    let details = details.map_err(|error| session.failed(&id(microvm), &error))?;
    let address = details.as_ref().and_then(|details| address(session.context, details));
    Ok(Waited { details, address })
}

fn holds(waited: &Waited, condition: Condition) -> bool {
    let state = waited.details.as_ref().map(|details| details.microvm.state);
    match condition {
        Condition::Created => state == Some(State::Created),
        Condition::Address => waited.address.is_some(),
        Condition::Reachable => waited.address.is_some_and(|address| ping(address, ECHO)),
        Condition::Deleted => state.is_none(),
    }
}

fn state_text(condition: Condition) -> &'static str {
    match condition {
        Condition::Created => "created",
        Condition::Address => "given an address",
        Condition::Reachable => "reachable",
        Condition::Deleted => "deleted",
    }
}

/// The guest's IPv4 address: one of its own, that of its lease, or the one under which its hardware
/// address was heard on this host's network.
pub(crate) fn address(context: &Context, details: &Details) -> Option<Ipv4Addr> {
    let own = details
        .cards
        .iter()
        .filter_map(|card| card.address.as_ref()?.split('/').next()?.parse::<Ipv4Addr>().ok());
    // The card of flintlock's metadata service has one that no host reaches.
    if let Some(own) = own.into_iter().find(|address| !address.is_link_local()) {
        return Some(own);
    }
    let leases = leases::read(context).unwrap_or_default();
    let is_its = |mac: &str| details.cards.iter().any(|card| card.mac.eq_ignore_ascii_case(mac));
    let leased = leases.iter().filter(|lease| is_its(&lease.mac));
    let leased = leased.filter_map(|lease| match lease.address {
        IpAddr::V4(address) => Some(address),
        IpAddr::V6(_) => None,
    });
    leased.into_iter().next().or_else(|| heard(&context.roots, is_its))
}

/// By the kernel's table of neighbours.
fn heard(roots: &Roots, is_its: impl Fn(&str) -> bool) -> Option<Ipv4Addr> {
    let table = fs::read_to_string(roots.at("/proc/net/arp")).ok()?;
    table.lines().skip(1).find_map(|line| {
        let mut fields = line.split_whitespace();
        let address = fields.next()?.parse().ok()?;
        // Its type, its flags, its hardware address.
        fields.nth(2).filter(|mac| is_its(mac)).map(|_| address)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_guest_is_found_among_the_neighbours() {
        let folder = tempfile::tempdir().unwrap();
        let roots = Roots::new(folder.path());
        std::fs::create_dir_all(roots.at("/proc/net")).unwrap();
        let table = "IP address       HW type     Flags       HW address            Mask     Device\n\
                     10.42.0.9        0x1         0x2         02:aa:00:00:00:01     *        br-mvm\n";
        std::fs::write(roots.at("/proc/net/arp"), table).unwrap();
        let found = heard(&roots, |mac| mac == "02:aa:00:00:00:01");
        assert_eq!(found, Some(Ipv4Addr::new(10, 42, 0, 9)));
        assert_eq!(heard(&roots, |mac| mac == "02:aa:00:00:00:02"), None);
    }
}
