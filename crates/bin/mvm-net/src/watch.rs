//! Stays, and mends what somebody else took away.

use std::path::PathBuf;
use std::thread;
use std::time::{Duration, Instant};

use mvm_config::Config;
use mvm_core::catalogue::net;
use mvm_core::{Finding, Roots, Severity, chain, names, sink};
use mvm_network_kernel::{Changes, Kernel, Network, machine_id, systemd, unread, uplink};
use mvm_network_plan::dhcp::{Permit, Service, lan, only_permitted, permits, render_on};
use mvm_network_plan::nat;
use mvm_network_plan::network::{Consent, Observed, desired, plan};
use mvm_oneshot::Report;

use crate::dhcp;
use crate::obstacles::{Obstacles, routes};
use crate::rules::rules;

/// A repair this long after the last one is one of its own.
const SETTLED_AFTER: Duration = Duration::from_secs(10);
/// So many that follow each other may be an operator who reloads one program after the other. After
/// more the next waits, yet for less than the 10 s in which everything is to be back.
const OFTEN: u32 = 4;
const SHORT: Duration = Duration::from_secs(8);
/// Two programs that each put their own rules in place of the other's would do so for ever: after
/// this many the next waits longer.
const FOR_EVER: u32 = 20;
const LONG: Duration = Duration::from_secs(60);

/// Waits and mends until the unit is stopped; returns only what made it give up.
pub(crate) fn watch(roots: &Roots, config: &Config) -> Report {
    let opened = Changes::open().and_then(|changes| Ok((changes, Kernel::connect(roots)?)));
    let (mut changes, kernel) = match opened {
        Ok(opened) => opened,
        Err(error) => return unavailable(&error),
    };
    let firewalls = Obstacles::default();
    let mut watcher = Watcher { roots, config, kernel, permit: None, served: None, firewalls };
    let mut mended: Option<Instant> = None;
    let mut in_a_row = 0;
    // The sockets are open: nothing is missed in between. What is kept in already is said before
    // flintlockd starts.
    let mut reported = watcher.firewalls.find(roots, config);
    loop {
        let Mended { findings, repaired } = watcher.mend();
        // What is still so need not be said again.
        findings.iter().filter(|finding| !reported.contains(*finding)).for_each(sink::report);
        if repaired {
            let follows = mended.is_some_and(|at| at.elapsed() < SETTLED_AFTER);
            in_a_row = if follows { in_a_row + 1 } else { 1 };
            thread::sleep(pause(in_a_row));
            mended = Some(Instant::now());
        }
        reported = findings;
        changes.also(&watcher.switches());
        if let Err(error) = changes.wait() {
            return unavailable(&error);
        }
        // A DHCP server is off a LAN at once, and not once everything has settled.
        watcher.withhold().iter().for_each(sink::report);
        changes.settle();
    }
}

/// How long to leave things as they are after so many repairs in a row.
fn pause(in_a_row: u32) -> Duration {
    if in_a_row <= OFTEN {
        Duration::ZERO
    } else if in_a_row <= FOR_EVER {
        SHORT
    } else {
        LONG
    }
}

/// What a look came to.
struct Mended {
    findings: Vec<Finding>,
    /// Something that somebody else took away is back.
    repaired: bool,
}

/// What is mended, and what was so at the last look.
struct Watcher<'a> {
    roots: &'a Roots,
    config: &'a Config,
    kernel: Kernel,
    permit: Option<Permit>,
    /// The configuration that dnsmasq was started with because of this watcher.
    served: Option<String>,
    firewalls: Obstacles,
}

impl Watcher<'_> {
    /// Puts back what is not as the file asks, and tells what there is to say.
    fn mend(&mut self) -> Mended {
        let mut findings = self.withhold();
        let links = self.links();
        findings.extend(links.findings);
        let observed = self.kernel.observe();
        findings.extend(observed.as_ref().ok().and_then(|observed| self.dhcp(observed)));
        let snapshot = observed.as_ref().ok().cloned();
        let rules = rules(self.roots, self.config, observed, true);
        findings.extend(rules.findings);
        let routes =
            snapshot.map(|snapshot| routes(self.roots, self.config, &self.kernel, &snapshot));
        findings.extend(routes.into_iter().flatten());
        findings.extend(self.firewalls.find(self.roots, self.config));
        Mended { findings, repaired: links.repaired || rules.put_back }
    }

    /// Keeps DHCP off an interface as soon as others use it too, and asks them where the file wants it
    /// served.
    fn withhold(&mut self) -> Vec<Finding> {
        let Some(service) = Service::of(self.config) else { return Vec::new() };
        let Ok(observed) = self.kernel.observe() else { return Vec::new() };
        let answers = mvm_network_kernel::answers(self.roots);
        let mut permit = service.permit(&observed, answers.as_ref());
        if self.permit.as_ref() == Some(&permit) {
            return Vec::new();
        }
        let mut findings = Vec::new();
        if !permit.is_granted() {
            let rules = rules(self.roots, self.config, Ok(observed.clone()), false);
            findings.extend(rules.findings);
        }
        if permit == Permit::Unasked {
            match dhcp::ask(self.roots, self.config, &observed) {
                Ok(answered) => permit = answered,
                Err(finding) => findings.push(finding),
            }
        }
        findings.extend(permit.finding(service.interface));
        let first = self.permit.is_none();
        self.permit = Some(permit);
        // mvm-dhcp.service was skipped while it was not granted.
        if !first && self.permit == Some(Permit::Granted) {
            self.served = None;
            if let Err(error) = systemd::start(self.roots, names::DHCP_UNIT) {
                log::debug!("{}", chain(&error));
            }
        }
        findings
    }

    /// Puts back VLANs, the bridge, its addresses and its confirmed port.
    fn links(&mut self) -> Mended {
        let nothing = Mended { findings: Vec::new(), repaired: false };
        let desired = desired(self.config, &machine_id(self.roots));
        let Ok(permitted) = uplink::for_apply(self.roots, desired.clone()) else {
            return nothing;
        };
        let on_trial =
            permitted.uplink.as_ref().is_some_and(|one| one.consent != Consent::Confirmed);
        let Ok(observed) = self.kernel.observe() else { return nothing };
        if on_trial || plan(&permitted, &observed).steps.is_empty() {
            return nothing;
        }
        let outcome = uplink::bring_up(self.roots, &mut self.kernel, desired);
        let steps: Vec<String> = outcome.applied.iter().map(ToString::to_string).collect();
        let first = outcome.applied.first();
        let back = first.map(|step| net::link_back(step.interface()).evidence(steps.join("; ")));
        let repaired = back.is_some();
        let failed = |finding: &Finding| finding.severity() == Severity::Error;
        let failures = outcome.findings.into_iter().filter(failed);
        Mended { findings: back.into_iter().chain(failures).collect(), repaired }
    }

    /// Has dnsmasq tell its clients what has changed, such as the MTU by which packets leave.
    fn dhcp(&mut self, observed: &Observed) -> Option<Finding> {
        let answers = mvm_network_kernel::answers_beside(self.roots, self.config);
        let config = only_permitted(self.config, &permits(self.config, observed, &answers));
        let rendered = render_on(&config, lan(self.config, observed))?;
        let current = std::fs::read_to_string(self.roots.at(names::DNSMASQ_CONFIG)).ok()?;
        if current == rendered || self.served.as_ref() == Some(&rendered) {
            return None;
        }
        self.served = Some(rendered);
        let failed = systemd::try_restart(self.roots, names::DHCP_UNIT).err()?;
        log::debug!("{}", chain(&failed));
        None
    }

    /// The switches that microVMs need, and those by which others' rules hold for them.
    fn switches(&mut self) -> Vec<PathBuf> {
        let Some(desired) = nat::desired(self.config) else { return Vec::new() };
        let Ok(observed) = self.kernel.observe() else { return Vec::new() };
        let desired =
            desired.on_network(&observed, mvm_network_kernel::answers(self.roots).as_ref());
        let switches = nat::switches(&desired, &observed, &[]);
        let switches = switches.iter().map(|switch| switch.path.clone());
        let bridged = ["iptables", "ip6tables", "arptables"]
            .map(|name| format!("net/bridge/bridge-nf-call-{name}"));
        let leaving =
            desired.egress.v6.iter().map(|name| format!("net/ipv6/conf/{name}/accept_ra"));
        let checked =
            desired.egress.v4.iter().map(|name| format!("net/ipv4/conf/{name}/rp_filter"));
        let all = switches.chain(bridged).chain(leaving).chain(checked);
        all.chain(["net/ipv4/conf/all/rp_filter".to_owned()])
            .map(|path| self.roots.at(PathBuf::from("/proc/sys").join(path)))
            .collect()
    }
}

fn unavailable(error: &mvm_network_kernel::Error) -> Report {
    Report::by_class(vec![unread(error)])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_operator_who_reloads_everything_waits_for_nothing_and_a_quarrel_is_left() {
        let all: Duration = (1..=OFTEN).map(pause).sum();
        assert_eq!(all, Duration::ZERO);
        assert_eq!((pause(OFTEN + 1), pause(FOR_EVER)), (SHORT, SHORT));
        assert_eq!(pause(FOR_EVER + 1), LONG);
        assert!(SHORT < Duration::from_secs(10));
    }
}
