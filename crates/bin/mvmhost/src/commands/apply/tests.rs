//! The rounds over plans that are prepared, and single steps over a systemd that only remembers.

use std::collections::VecDeque;

use mvm_config::Config;
use mvm_core::{Entry, Plan};
use mvm_units_plan::host::{Desired, Observed, Step};
use mvm_units_plan::units::Installed;
use mvm_units_systemd::systemd::{JobResult, Recording, UnitState};

use super::rounds::{ROUNDS, carry_out, refuse_to_end_microvms};
use super::*;

/// A machine whose plans are known beforehand; the last ones hold from then on.
#[derive(Default)]
struct Prepared {
    plans: VecDeque<Result<Plans, Finding>>,
    failing: Option<Step>,
    began: Vec<Step>,
    looks: usize,
}

impl Host for Prepared {
    fn plans(&mut self) -> Result<Plans, Finding> {
        self.looks += 1;
        self.plans.pop_front().unwrap_or_else(|| Ok(plans(&[])))
    }

    fn begins(&mut self, step: &Step) {
        self.began.push(step.clone());
    }

    fn carry_out(&mut self, _: &Plans, step: &Step) -> Result<(), String> {
        if self.failing.as_ref() == Some(step) { Err("failed".to_owned()) } else { Ok(()) }
    }
}

fn prepared(plans: impl IntoIterator<Item = Plans>) -> Prepared {
    Prepared { plans: plans.into_iter().map(Ok).collect(), ..Prepared::default() }
}

/// Nothing is missing on this machine: flintlockd is installed, all units are active.
fn plans(steps: &[Step]) -> Plans {
    let installed = Installed { flintlockd_binary: true, ..Installed::default() };
    let desired = Desired::new(&Config::default(), String::new(), installed);
    let mut observed = Observed::default();
    for name in mvm_units_plan::host::needed(&desired) {
        let unit = mvm_units_plan::host::Unit { active: true, ..Default::default() };
        observed.units.insert(name.to_owned(), unit);
    }
    Plans {
        desired,
        observed,
        pool: Plan::new(Vec::new(), Vec::new()),
        full: None,
        net: Plan::new(Vec::new(), Vec::new()),
        nat: Plan::new(Vec::new(), Vec::new()),
        tailscale: Plan::new(Vec::new(), Vec::new()),
        units: Plan::new(steps.to_vec(), Vec::new()),
        overrides: Vec::new(),
    }
}

fn start(unit: &str) -> Step {
    Step::Start(unit.to_owned())
}

fn codes(applied: &Applied) -> Vec<&'static str> {
    applied.findings.iter().map(Finding::code).collect()
}

fn code(entry: &'static Entry) -> &'static str {
    entry.code
}

#[test]
fn a_settled_machine_is_only_looked_at() {
    let mut host = prepared([]);
    let mut completed = Vec::new();
    assert!(rounds(&mut host, &mut completed).unwrap().steps().is_empty());
    assert_eq!((host.looks, host.began, completed), (1, vec![], vec![]));
}

#[test]
fn one_round_may_open_another_and_all_steps_are_told_in_order() {
    let first = [Step::KeepLastGood, Step::DaemonReload, start("a.service")];
    let second = [Step::Reload("b.service".to_owned())];
    let mut host = prepared([plans(&first), plans(&second)]);
    let mut completed = Vec::new();
    assert!(rounds(&mut host, &mut completed).unwrap().steps().is_empty());
    let expected: Vec<Step> = first.into_iter().chain(second).collect();
    assert_eq!(completed, expected.iter().map(ToString::to_string).collect::<Vec<_>>());
    assert_eq!((host.looks, host.began), (3, expected));
}

#[test]
fn a_step_that_was_done_and_is_still_to_do_is_not_done_again() {
    let stuck = || plans(&[start("a.service")]);
    let mut host = prepared([stuck(), stuck(), stuck()]);
    let applied = apply(&mut host, Vec::new());
    assert_eq!((host.looks, host.began.len()), (2, 1));
    assert_eq!(codes(&applied), [code(&catalogue::units::not_settled::ROW)]);
    assert_eq!(applied.exit, output::exit_for(&applied.findings));
}

#[test]
fn rounds_that_never_settle_come_to_an_end() {
    let round = |n: usize| plans(&[start(&format!("{n}.service"))]);
    let mut host = prepared((0..10).map(round));
    let mut completed = Vec::new();
    let remaining = rounds(&mut host, &mut completed).unwrap();
    assert_eq!((completed.len(), remaining.steps().len()), (ROUNDS, 1));
}

#[test]
fn after_a_step_that_failed_nothing_else_is_tried() {
    let steps = [start("a.service"), Step::Restart("b.service".to_owned()), start("c.service")];
    let mut host = prepared([plans(&steps)]);
    host.failing = Some(steps[1].clone());
    let applied = apply(&mut host, Vec::new());
    assert_eq!((host.looks, host.began.as_slice()), (1, &steps[..2]));
    assert_eq!(applied.completed, [steps[0].to_string()]);
    assert_eq!(codes(&applied), [code(&catalogue::units::step_failed::ROW)]);
    assert_eq!(applied.exit, Exit::Findings);
}

#[test]
fn a_refusal_of_pool_or_network_changes_nothing() {
    let refusal = || catalogue::pool::not_metadata("/metadata", "/d", "a b", "mv");
    let mut pool = plans(&[start("a.service")]);
    pool.pool = Plan::<mvm_pool_plan::Step>::new(Vec::new(), vec![refusal()]);
    let mut host = prepared([pool]);
    let applied = apply(&mut host, Vec::new());
    assert!(host.began.is_empty() && applied.completed.is_empty());
    assert_eq!(codes(&applied), [code(&catalogue::pool::not_metadata::ROW)]);
    assert_eq!(applied.exit, Exit::Refused);
    let (mut net, mut nat) = (plans(&[start("a.service")]), plans(&[start("a.service")]));
    net.net = Plan::new(Vec::new(), vec![refusal()]);
    nat.nat = Plan::new(Vec::new(), vec![refusal()]);
    for refused in [net, nat] {
        let mut host = prepared([refused]);
        assert_eq!(apply(&mut host, Vec::new()).exit, Exit::Findings);
        assert!(host.began.is_empty());
    }
}

#[test]
fn a_machine_that_cannot_be_looked_at_is_said_and_left_alone() {
    let blind = || catalogue::units::not_systemd("systemd", "no answer");
    let mut host = Prepared { plans: [Err(blind())].into(), ..Prepared::default() };
    let applied = apply(&mut host, Vec::new());
    assert_eq!(applied.exit, Exit::Unavailable);
    // What was done before the second look failed is still told.
    let mut host = prepared([plans(&[start("a.service")])]);
    host.plans.push_back(Err(blind()));
    let applied = apply(&mut host, Vec::new());
    assert_eq!((applied.completed.len(), applied.exit), (1, Exit::Unavailable));
}

#[test]
fn what_is_said_first_stays_first_and_success_is_said_last() {
    let first = catalogue::pool::size_kept("pool", "1 GiB", "2 GiB");
    let applied = apply(&mut prepared([]), vec![first]);
    let expected = [&catalogue::pool::size_kept::ROW, &catalogue::units::host_up::ROW].map(code);
    assert_eq!(codes(&applied), expected);
    assert_eq!(applied.exit, Exit::Done);
}

#[test]
fn each_step_is_the_job_that_it_names() {
    let folder = tempfile::tempdir().unwrap();
    let roots = Roots::new(folder.path());
    let mut units = Recording::default();
    let unit = || "a.service".to_owned();
    let steps = [
        Step::KeepLastGood,
        Step::DaemonReload,
        Step::Reload(unit()),
        Step::Restart(unit()),
        Step::Start(unit()),
        Step::Stop(unit()),
    ];
    for step in &steps {
        carry_out(&roots, "kept = true\n", step, &mut units).unwrap();
    }
    let jobs = ["reload-or-restart", "restart", "start", "stop"];
    let jobs = jobs.map(|job| format!("{job} a.service"));
    assert_eq!(units.calls().split_first().unwrap(), (&"daemon-reload".to_owned(), &jobs[..]));
    assert_eq!(std::fs::read_to_string(roots.applied()).unwrap(), "kept = true\n");
}

#[test]
fn only_a_failed_restart_stops_the_rest() {
    let roots = Roots::new("/nonexistent");
    for (step, stops) in [
        (Step::Start("a.service".to_owned()), false),
        (Step::Reload("a.service".to_owned()), false),
        (Step::Restart("a.service".to_owned()), true),
    ] {
        for result in [JobResult::Failed, JobResult::Dependency, JobResult::Timeout] {
            let mut units = Recording::default();
            units.results([result]);
            assert_eq!(carry_out(&roots, "", &step, &mut units).is_err(), stops, "{step}");
        }
    }
}

#[test]
fn no_step_stops_a_flintlockd_that_would_take_the_microvms_along() {
    let state = |kill_mode: &str| UnitState {
        load_state: "loaded".to_owned(),
        active_state: "active".to_owned(),
        kill_mode: kill_mode.to_owned(),
        ..UnitState::default()
    };
    let restart = |unit: &str| Step::Restart(unit.to_owned());
    for (kill_mode, step, refused) in [
        ("control-group", restart("f.service"), true),
        ("mixed", restart("c.service"), true),
        ("mixed", Step::Stop("f.service".to_owned()), true),
        ("process", restart("f.service"), false),
        ("control-group", restart("mvm-dhcp.service"), false),
        ("control-group", Step::Start("f.service".to_owned()), false),
    ] {
        let mut units = Recording::default();
        units.set("f.service", state(kill_mode));
        let done = refuse_to_end_microvms(Some("f.service"), "c.service", &step, &mut units);
        assert_eq!(done.is_err(), refused, "{kill_mode} {step}");
    }
}
