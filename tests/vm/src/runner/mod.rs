//! Runs named scenarios in two lanes of guests that share one queue, and says how it went.

mod lane;
mod queue;
mod score;
pub mod seconds;

use std::any::Any;
use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::process::ExitCode;
use std::thread;

use anyhow::{Result, anyhow};

use crate::guest::{Guest, evidence};
use crate::image::Suite;
use crate::leaks;
use crate::scenario::{Scenario, Setup};
use crate::tools;

use lane::Shared;
use queue::{Job, Queue};
use score::Score;

/// Runs the scenarios whose `<suite>/<name>` contains one of the words of `arguments`; without words
/// those of the gate, or with `--all` every one on every suite. Two guests run at a time: that is
/// what two cores carry. The last line is `N passed, N failed`.
///
/// `--list` only shows them. Exit code 1 when any failed, none ran, or an option is unknown.
#[must_use]
pub fn run(setup: &Setup, scenarios: &'static [Scenario], arguments: &[String]) -> ExitCode {
    let options = ["--all", "--list"];
    if let Some(other) =
        arguments.iter().find(|word| word.starts_with('-') && !options.contains(&word.as_str()))
    {
        println!("{other} is not an option; there are {}", options.join(" and "));
        return ExitCode::FAILURE;
    }
    if arguments.iter().any(|argument| argument == "--list") {
        list(scenarios).iter().for_each(|line| println!("{line}"));
        return ExitCode::SUCCESS;
    }
    let (queue, score) = (Queue::new(chosen(scenarios, arguments)), Score::default());
    let shared = Shared { setup, queue: &queue, score: &score };
    thread::scope(|scope| {
        for suite in Suite::ALL {
            let shared = &shared;
            scope.spawn(move || shared.lane(suite));
        }
    });
    drop(queue);
    check_build_machine(&score);
    if let Err(error) = seconds::keep(&tools::target_dir().join("vm"), &score.seconds()) {
        println!("the times could not be kept: {error:#}");
    }
    println!("{}", score.closing_line());
    if score.is_good() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// What [`run`] would run, in the order of the table.
fn chosen(scenarios: &'static [Scenario], arguments: &[String]) -> Vec<Job> {
    let all = arguments.iter().any(|argument| argument == "--all");
    let filters: Vec<&String> =
        arguments.iter().filter(|argument| !argument.starts_with('-')).collect();
    let jobs = Suite::ALL
        .into_iter()
        .flat_map(|suite| scenarios.iter().map(move |scenario| Job { suite, scenario }));
    jobs.filter(|job| match filters.as_slice() {
        [] => all || job.scenario.is_in_gate(job.suite),
        filters => filters.iter().any(|word| job.name().contains(word.as_str())),
    })
    .collect()
}

/// One line for each scenario on each suite: where it belongs, and the seconds that it took last, or
/// those of the table where it never ran here.
#[must_use]
pub fn list(scenarios: &'static [Scenario]) -> Vec<String> {
    let last = seconds::last(&tools::target_dir().join("vm"));
    chosen(scenarios, &["--all".to_owned()])
        .iter()
        .map(|job| {
            let place = if job.scenario.is_in_gate(job.suite) { "gate" } else { "--all" };
            let took = last.get(&job.name()).copied();
            let took = took.unwrap_or_else(|| f64::from(job.scenario.seconds));
            format!("{place:6} {:36} {took:5.0} s", job.name())
        })
        .collect()
}

/// A guest that outlives its run is a fault of the harness, and counts as a failure.
fn check_build_machine(score: &Score) {
    match leaks::of_this_process() {
        Ok(found) if found.is_empty() => {}
        found => {
            println!("FAILED left-overs: {found:?}");
            score.failed(1);
        }
    }
}

/// Turns a panic into an error, so that the evidence is kept and the guest goes away.
fn guarded<T>(body: impl FnOnce() -> Result<T>) -> Result<T> {
    catch_unwind(AssertUnwindSafe(body)).unwrap_or_else(|panic| Err(panic_error(&*panic)))
}

fn panic_error(panic: &(dyn Any + Send)) -> anyhow::Error {
    let text = panic
        .downcast_ref::<&str>()
        .map(|text| (*text).to_owned())
        .or_else(|| panic.downcast_ref::<String>().cloned());
    anyhow!("panicked: {}", text.unwrap_or_default())
}

/// Keeps the guest's journal and console under the name of what failed, and says where.
#[must_use]
pub fn keep_evidence(guest: &mut Guest, name: &str) -> String {
    let folder: PathBuf = tools::target_dir().join("vm/failures").join(name.replace('/', "-"));
    let saved = fs::remove_dir_all(&folder)
        .or_else(|error| match error.kind() {
            std::io::ErrorKind::NotFound => Ok(()),
            _ => Err(error),
        })
        .and_then(|()| fs::create_dir_all(&folder))
        .map_err(anyhow::Error::from)
        .and_then(|()| guest.evidence(&folder));
    match saved {
        Ok(()) => format!(
            "{}, and the last warnings:\n{}",
            folder.canonicalize().unwrap_or_else(|_| folder.clone()).display(),
            evidence::warnings(&folder)
        ),
        Err(error) => format!("could not be kept: {error:#}"),
    }
}

/// The error and its causes, without the backtrace that `RUST_BACKTRACE` would add.
#[must_use]
pub fn chain(error: &anyhow::Error) -> String {
    let causes: Vec<String> = error.chain().map(ToString::to_string).collect();
    causes.join("\n  because: ")
}
