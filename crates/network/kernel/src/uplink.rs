//! The uplink's stages: on trial, confirmed, put back. What is decided stands in
//! `mvm_network_plan::network`.

use std::thread;
use std::time::{Duration, Instant};

use mvm_core::catalogue::uplink as messages;
use mvm_core::{Finding, Roots, Severity};
use mvm_network_plan::network::{
    Confirmed, Consent, Desired, Live, Step, Trial, VERSION, due, former, gateways, permit,
};
use nix::time::{ClockId, clock_gettime};

use crate::apply::{End, Outcome, enslaved, play, reversibly, unread};
use crate::gateway::Probe;
use crate::ownership;
use crate::records::Records;

/// For how long a gateway is waited for at boot: three rounds of the kernel's asking, and far less
/// than the 90 s of mvm-net.service.
pub const TIMEOUT: Duration = Duration::from_secs(10);
/// For how long when it is confirmed: whoever does so waits.
const GATEWAY_TIMEOUT: Duration = Duration::from_secs(4);
/// A trial whose apply never came to the network ends after this time, in seconds: longer than all
/// that apply does before.
const ABANDONED: u64 = 1800;
/// For how long an uplink has to get nothing more before it counts as configured: ifupdown's next
/// command comes in less. Debian starts it at boot beside everything else, by a unit that counts as
/// started when its program is, and nothing tells when it is done.
const SETTLED_AFTER: Duration = Duration::from_secs(1);
/// How often [`watch`] looks whether somebody has confirmed, and [`missed`] what the uplink has.
const POLL_INTERVAL: Duration = Duration::from_millis(500);

/// Seconds of a clock that does not go back, and goes on while the machine sleeps.
fn now() -> u64 {
    let clock = clock_gettime(ClockId::CLOCK_BOOTTIME);
    clock.map_or(0, |time| u64::try_from(time.tv_sec()).unwrap_or_default())
}

/// What the file asks for, as apply does it: with the uplink on trial unless it is confirmed.
///
/// # Errors
/// A finding when what was kept cannot be read.
pub fn for_apply(roots: &Roots, desired: Desired) -> Result<Desired, Finding> {
    let records = Records(roots);
    let (live, confirmed) = (records.live()?, records.confirmed()?);
    let mut desired = with_leave(desired, live.as_ref(), confirmed.as_ref());
    if let Some(uplink) = &mut desired.uplink
        && uplink.consent == Consent::Refused
    {
        uplink.consent = Consent::OnTrial;
    }
    Ok(desired)
}

fn with_leave(mut desired: Desired, live: Option<&Live>, confirmed: Option<&Confirmed>) -> Desired {
    if let (Some(uplink), Some(bridge)) = (&mut desired.uplink, &desired.bridge) {
        uplink.consent = permit(&uplink.name, &bridge.name, live, confirmed);
    }
    desired.former = former(&desired, live, confirmed);
    desired
}

/// As [`bring_up`](crate::bring_up), with the uplink where it may be touched: what puts it back is
/// kept before anything is done, and a confirmed one whose gateway does not answer is given back.
pub fn bring_up(roots: &Roots, network: &mut impl Probe, desired: Desired) -> Outcome {
    let records = Records(roots);
    if desired.uplink.is_none() {
        // A record that cannot be read is no reason for microVMs to be without their bridge.
        let (live, confirmed) = (records.live().ok().flatten(), records.confirmed().ok().flatten());
        let desired = with_leave(desired, live.as_ref(), confirmed.as_ref());
        return crate::apply::bring_up(network, &desired);
    }
    guarded(&records, network, desired).unwrap_or_else(|finding| only(vec![finding]))
}

fn guarded(
    records: &Records<'_>,
    network: &mut impl Probe,
    desired: Desired,
) -> Result<Outcome, Finding> {
    let _lock = records.lock()?;
    let (live, confirmed) = (records.live()?, records.confirmed()?);
    let desired = with_leave(desired, live.as_ref(), confirmed.as_ref());
    let consent = desired.uplink.as_ref().map(|uplink| uplink.consent);
    let confirmed = confirmed.filter(|_| consent == Some(Consent::Confirmed));
    // Once given back, not before the gateway answers where it is now.
    if let Some(confirmed) = confirmed.as_ref().filter(|_| live.is_some_and(|live| live.given_back))
        && !is_reached(network, &confirmed.uplink, confirmed)?
    {
        return Ok(only(vec![given_back(confirmed)]));
    }
    if let Some(findings) = begin_anew(records, network)? {
        return Ok(only(findings));
    }
    if let Some(confirmed) = &confirmed
        && let Some(missed) = missed(network, &desired, confirmed)?
    {
        return Ok(only(vec![missed]));
    }
    let live = records.live()?;
    let (uplink, bridge) = (desired.uplink.as_ref(), desired.bridge.as_ref());
    let names =
        (uplink.map(|uplink| uplink.name.clone()), bridge.map(|bridge| bridge.name.clone()));
    let mut keep = |undo: &[Step]| {
        let trial = live.as_ref().and_then(|live| live.trial).filter(|_| confirmed.is_none());
        let until = |trial: Trial| Trial { until: Some(now() + trial.seconds), ..trial };
        records.keep_live(&Live {
            version: VERSION,
            uplink: names.0.clone().unwrap_or_default(),
            bridge: names.1.clone().unwrap_or_default(),
            trial: trial.map(until),
            undo: undo.to_vec(),
            given_back: false,
            unfinished: trial.is_none(),
        })
    };
    let mut outcome = reversibly(network, &desired, &mut keep);
    let joined = enslaved(&outcome.applied).is_some();
    if outcome.end == End::NotMoved {
        records.drop_live()?;
    }
    let Some(confirmed) = confirmed.filter(|_| joined) else { return Ok(outcome) };
    outcome.observed = None;
    if is_reached(network, &confirmed.bridge, &confirmed)? {
        if let Some(live) = records.live()? {
            records.keep_live(&Live { unfinished: false, ..live })?;
        }
        return Ok(outcome);
    }
    let failures = play_back(records, network)?;
    let live = Live { given_back: true, ..blank(&confirmed.uplink, &confirmed.bridge) };
    records.keep_live(&live)?;
    Ok(only([vec![given_back(&confirmed)], failures].concat()))
}

/// Nothing was done, for these reasons.
fn only(findings: Vec<Finding>) -> Outcome {
    Outcome { end: End::Stopped, findings, ..Outcome::default() }
}

/// Puts back what somebody had moved who was killed before he had looked for the gateway. Returns what
/// keeps it from that.
fn begin_anew(
    records: &Records<'_>,
    network: &mut impl Probe,
) -> Result<Option<Vec<Finding>>, Finding> {
    if !records.live()?.is_some_and(|live| live.unfinished) {
        return Ok(None);
    }
    let findings = play_back(records, network)?;
    if is_failed(&findings) {
        return Ok(Some(findings));
    }
    records.drop_live().map(|()| None)
}

/// Waits until whoever configures the uplink is done: it has its default routes, as it had when it was
/// confirmed, and gets nothing more. Says so when none of them has come; one of two is as much as
/// there is.
fn missed(
    network: &mut impl Probe,
    desired: &Desired,
    confirmed: &Confirmed,
) -> Result<Option<Finding>, Finding> {
    let begun = Instant::now();
    let (mut before, mut since) = (None, begun);
    loop {
        let observed = network.observe().map_err(|error| unread(&error))?;
        let Some(link) = confirmed.waiting(&observed) else { return Ok(None) };
        let awaited = confirmed.awaited(desired, link);
        if before.as_ref() != Some(&link.addressing) || link.addressing.proving {
            (before, since) = (Some(link.addressing.clone()), Instant::now());
        }
        if awaited.is_empty() && since.elapsed() >= SETTLED_AFTER {
            return Ok(None);
        }
        if begun.elapsed() >= TIMEOUT {
            let none = !awaited.is_empty() && awaited.len() == confirmed.gateways.len();
            return Ok(none.then(|| {
                messages::not_yet(&confirmed.uplink, &confirmed.bridge, list(confirmed))
            }));
        }
        thread::sleep(POLL_INTERVAL);
    }
}

fn blank(uplink: &str, bridge: &str) -> Live {
    Live {
        version: VERSION,
        uplink: uplink.to_owned(),
        bridge: bridge.to_owned(),
        trial: None,
        undo: Vec::new(),
        given_back: false,
        unfinished: false,
    }
}

/// Whether one of the gateways that answered before does so on `interface`; nobody is missed
/// where none did.
fn is_reached(
    network: &mut impl Probe,
    interface: &str,
    confirmed: &Confirmed,
) -> Result<bool, Finding> {
    let answers = network.answers(interface, &confirmed.gateways, TIMEOUT);
    let answers = answers.map_err(|error| unread(&error))?;
    Ok(confirmed.gateways.is_empty() || !answers.is_empty())
}

fn given_back(confirmed: &Confirmed) -> Finding {
    messages::given_back(&confirmed.uplink, &confirmed.bridge, list(confirmed))
}

fn list(confirmed: &Confirmed) -> String {
    confirmed.gateways.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

fn is_failed(findings: &[Finding]) -> bool {
    findings.iter().any(|finding| finding.severity() == Severity::Error)
}

/// Plays back the steps of the record's `undo`; without a record nothing is done.
fn play_back(records: &Records<'_>, network: &mut impl Probe) -> Result<Vec<Finding>, Finding> {
    let observed = network.observe().map_err(|error| unread(&error))?;
    let recorded = records.live()?.map(|live| live.undo).unwrap_or_default();
    let back = due(&recorded, &observed);
    // What comes back was made by mvmhost, and goes again when it is no longer asked for.
    let unclaimed = ownership::before(network, &observed.own_steps, &back);
    Ok([unclaimed, play(network, &back)].concat())
}

/// Whether `steps` would make an uplink a port that nobody has confirmed: what [`arm`] is for.
pub fn needs_trial(desired: &Desired, steps: &[Step]) -> bool {
    let consent = desired.uplink.as_ref().map(|uplink| uplink.consent);
    enslaved(steps).is_some() && consent != Some(Consent::Confirmed)
}

/// Lets mvm-net make the uplink a port, for `seconds`. Whoever calls this starts
/// mvm-net-revert.service before the first change.
///
/// # Errors
/// A finding when the record cannot be kept.
pub fn arm(roots: &Roots, uplink: &str, bridge: &str, seconds: u64) -> Result<(), Finding> {
    let records = Records(roots);
    let _lock = records.lock()?;
    let trial = Some(Trial { seconds, asked: now(), until: None });
    records.keep_live(&Live { trial, ..blank(uplink, bridge) })
}

/// Ends a trial that came to nothing; gives one that goes on its whole time from now on, and tells
/// how many seconds that are.
///
/// # Errors
/// A finding when the record cannot be read or written.
pub fn settle(roots: &Roots) -> Result<Option<u64>, Finding> {
    let records = Records(roots);
    let _lock = records.lock()?;
    let Some(live) = records.live()? else { return Ok(None) };
    match live.trial {
        Some(Trial { until: None, .. }) => records.drop_live().map(|()| None),
        Some(trial) if trial.until.is_some_and(|until| until > now()) => {
            let until = Some(now() + trial.seconds);
            let live = Live { trial: Some(Trial { until, ..trial }), ..live };
            records.keep_live(&live).map(|()| Some(trial.seconds))
        }
        _ => Ok(None),
    }
}

/// The operator has reached the host: the uplink stays, and is a port again after a reboot.
pub fn confirm(roots: &Roots, network: &mut impl Probe) -> Vec<Finding> {
    let records = Records(roots);
    let mut confirmed = || -> Result<Finding, Finding> {
        let _lock = records.lock()?;
        let none = || messages::nothing_to_confirm("mvmhost confirm");
        let running = |trial: Trial| trial.until.is_some_and(|until| until > now());
        let live = records.live()?.filter(|live| live.trial.is_some_and(running));
        let live = live.ok_or_else(none)?;
        let gateways = gateways(&live.undo);
        let answers = network.answers(&live.bridge, &gateways, GATEWAY_TIMEOUT);
        let confirmed = Confirmed {
            version: VERSION,
            uplink: live.uplink.clone(),
            bridge: live.bridge.clone(),
            gateways: answers.map_err(|error| unread(&error))?,
        };
        records.keep_confirmed(&confirmed)?;
        records.keep_live(&Live { trial: None, ..live })?;
        let finding = messages::confirmed(&confirmed.uplink, &confirmed.bridge);
        Ok(finding.evidence(format!("gateways: {}", list(&confirmed))))
    };
    vec![confirmed().unwrap_or_else(|finding| finding)]
}

/// What [`undo`] came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Undone {
    /// The uplink is back, or it says what keeps it from that.
    Attempted(Vec<Finding>),
    /// There was none to put back.
    Nothing,
}

/// Puts the uplink back now, and forgets that it was confirmed.
pub fn undo(roots: &Roots, network: &mut impl Probe) -> Undone {
    let records = Records(roots);
    let mut back = || -> Result<Undone, Finding> {
        let _lock = records.lock()?;
        let confirmed = records.confirmed()?;
        // First: whatever happens now, the next boot leaves the uplink alone.
        records.drop_confirmed()?;
        let live = records.live()?.filter(|live| !live.undo.is_empty());
        match (live, confirmed) {
            (Some(live), _) => {
                put_back(&records, network, &live, "mvmhost undo").map(Undone::Attempted)
            }
            (None, Some(old)) => {
                Ok(Undone::Attempted(vec![put(&old.uplink, &old.bridge, "mvmhost undo")]))
            }
            (None, None) => Ok(Undone::Nothing),
        }
    };
    back().unwrap_or_else(|finding| Undone::Attempted(vec![finding]))
}

fn put(uplink: &str, bridge: &str, why: &str) -> Finding {
    messages::put_back(uplink, bridge, why)
}

/// The record stays while a step back fails: it can be tried again.
fn put_back(
    records: &Records<'_>,
    network: &mut impl Probe,
    live: &Live,
    why: &str,
) -> Result<Vec<Finding>, Finding> {
    let failures = play_back(records, network)?;
    if is_failed(&failures) {
        return Ok(failures);
    }
    records.drop_live()?;
    Ok(vec![put(&live.uplink, &live.bridge, why)])
}

/// Waits for the end of the trial, by confirmation or by time; then everything is put back. Returns
/// what there is to say; an error is to be tried again.
pub fn watch(roots: &Roots, network: &mut impl Probe) -> Vec<Finding> {
    loop {
        match expire(&Records(roots), network) {
            Ok(None) => thread::sleep(POLL_INTERVAL),
            Ok(Some(findings)) => return findings,
            Err(finding) => return vec![finding],
        }
    }
}

/// `None` while the trial goes on.
fn expire(
    records: &Records<'_>,
    network: &mut impl Probe,
) -> Result<Option<Vec<Finding>>, Finding> {
    let over = |trial: Trial| trial.until.unwrap_or(trial.asked + ABANDONED) <= now();
    let trial = |live: &Option<Live>| live.as_ref().and_then(|live| live.trial);
    match trial(&records.live()?) {
        None => return Ok(Some(Vec::new())),
        Some(trial) if !over(trial) => return Ok(None),
        Some(_) => {}
    }
    let _lock = records.lock()?;
    // Somebody may have confirmed while the lock was waited for.
    match records.live()? {
        Some(live) if live.trial.is_some_and(over) => {
            put_back(records, network, &live, "nobody confirmed it in time").map(Some)
        }
        _ => Ok(None),
    }
}

#[cfg(test)]
mod tests;
