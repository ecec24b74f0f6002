//! Runs named tests in order on the guests of each suite and says how it went.

use std::any::Any;
use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;

use anyhow::{Result, anyhow};

use crate::guest::{Guest, evidence};
use crate::image::{Image, Suite, default_cache};
use crate::leaks;
use crate::repository::Repository;
use crate::tools;

/// What a test works on; later tests find what earlier ones left.
#[derive(Debug)]
pub struct Context {
    /// The host under test.
    pub guest: Guest,
    /// Kept for as long as the guest has its disk.
    pub repository: Option<Repository>,
}

impl Context {
    /// The suite of the guest.
    #[must_use]
    pub const fn suite(&self) -> Suite {
        self.guest.image().suite()
    }
}

/// A named test.
#[derive(Debug, Clone, Copy)]
pub struct Test {
    name: &'static str,
    from: Option<&'static str>,
    body: fn(&mut Context) -> Result<()>,
}

impl Test {
    /// A test that goes on from where the one before it ended.
    #[must_use]
    pub const fn new(name: &'static str, body: fn(&mut Context) -> Result<()>) -> Self {
        Self { name, from: None, body }
    }

    /// A test that starts from the state that the setup kept by [`Guest::save`].
    #[must_use]
    pub const fn from(
        tag: &'static str,
        name: &'static str,
        body: fn(&mut Context) -> Result<()>,
    ) -> Self {
        Self { name, from: Some(tag), body }
    }
}

/// Prepares a suite's guest from its image.
pub type Setup = fn(Image) -> Result<Context>;

#[derive(Debug, Default)]
struct Score {
    passed: usize,
    failed: usize,
}

/// Runs the tests whose `<suite>/<name>` contains one of the words of `arguments` (all tests when
/// there are none; `--list` only names them). The last line is `N passed, N failed`.
///
/// Exit code 1 when any failed or none ran.
#[must_use]
pub fn run(suites: &[Suite], setup: Setup, tests: &[Test], arguments: &[String]) -> ExitCode {
    let list = arguments.iter().any(|argument| argument == "--list");
    let words: Vec<&String> =
        arguments.iter().filter(|argument| !argument.starts_with('-')).collect();
    let mut score = Score::default();
    for &suite in suites {
        let chosen: Vec<Test> = tests
            .iter()
            .copied()
            .filter(|test| {
                let name = full_name(suite, test);
                words.is_empty() || words.iter().any(|word| name.contains(word.as_str()))
            })
            .collect();
        if list {
            chosen.iter().for_each(|test| println!("{}", full_name(suite, test)));
        } else if !chosen.is_empty() {
            run_suite(suite, setup, &chosen, &mut score);
        }
    }
    if list {
        return ExitCode::SUCCESS;
    }
    println!("{} passed, {} failed", score.passed, score.failed);
    if score.failed == 0 && score.passed > 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn run_suite(suite: Suite, setup: Setup, tests: &[Test], score: &mut Score) {
    let start = Instant::now();
    let made = guarded(|| Image::ensure(suite, &default_cache()).and_then(setup));
    let mut context = match made {
        Ok(context) => context,
        Err(error) => {
            println!("FAILED {}/setup ({:.1} s)\n{}", suite.name(), seconds(start), chain(&error));
            score.failed += tests.len();
            return;
        }
    };
    println!("ok     {}/setup ({:.1} s)", suite.name(), seconds(start));
    for test in tests {
        let start = Instant::now();
        let result = guarded(|| {
            if let Some(tag) = test.from {
                context.guest.load(tag)?;
            }
            (test.body)(&mut context)
        });
        let name = full_name(suite, test);
        match result {
            Ok(()) => {
                println!("ok     {name} ({:.1} s)", seconds(start));
                score.passed += 1;
            }
            Err(error) => {
                println!("FAILED {name} ({:.1} s)\n{}", seconds(start), chain(&error));
                println!("evidence: {}", keep_evidence(&mut context.guest, &name));
                score.failed += 1;
            }
        }
    }
    drop(context);
    check_build_machine(suite, score);
}

/// A guest that outlives its suite is a fault of the harness, and counts as a failure.
fn check_build_machine(suite: Suite, score: &mut Score) {
    match leaks::of_this_process() {
        Ok(found) if found.is_empty() => {}
        found => {
            println!("FAILED {}/left-overs: {found:?}", suite.name());
            score.failed += 1;
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
    let kept = fs::remove_dir_all(&folder)
        .or_else(|error| match error.kind() {
            std::io::ErrorKind::NotFound => Ok(()),
            _ => Err(error),
        })
        .and_then(|()| fs::create_dir_all(&folder))
        .map_err(anyhow::Error::from)
        .and_then(|()| guest.evidence(&folder));
    match kept {
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

fn full_name(suite: Suite, test: &Test) -> String {
    format!("{}/{}", suite.name(), test.name)
}

fn seconds(start: Instant) -> f64 {
    start.elapsed().as_secs_f64()
}
