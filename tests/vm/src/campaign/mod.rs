//! Long runs beside the gate: the same kind of case again and again, each from its own number drawn
//! from one seed, for as long as there is time. A run that was ended goes on where it was.

use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};

use crate::runner::{chain, keep_evidence};
use crate::scenario::Context;
use crate::tools;

pub mod network;
pub mod power_cuts;
pub mod reboots;
pub mod syscalls;
pub mod write_order;

/// Numbers that look like chance, the same ones for the same seed (splitmix64).
#[derive(Debug, Clone)]
pub struct Chance(u64);

impl Chance {
    /// For one case of a run: what one case draws changes no other one.
    #[must_use]
    pub const fn of(seed: u64, case: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15).wrapping_add(case))
    }

    /// A number from 0 up to and without `end`, which is not 0.
    pub const fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % end
    }
}

/// What one campaign does in each of its cases.
pub trait Campaign {
    /// Brings the guest to where each case begins.
    ///
    /// # Errors
    /// The guest does not get there.
    fn prepare(&mut self, context: &mut Context) -> Result<()>;

    /// What case `number` is, in words; `None` when there are no more.
    fn describe(&self, number: u64, chance: &mut Chance) -> Option<String>;

    /// Does it.
    ///
    /// # Errors
    /// What is not as it should be.
    fn case(&mut self, context: &mut Context, number: u64, chance: &mut Chance) -> Result<()>;

    /// Whether a case has nothing of the one before it, so that one that failed spoils no guest.
    fn begins_anew(&self) -> bool {
        false
    }
}

/// The arguments of `cargo xtask campaign`.
#[derive(Debug, Clone)]
pub struct Arguments {
    /// Such as `power-cuts`.
    pub name: String,
    /// How long new cases are begun.
    pub time: Duration,
    /// What its cases are drawn from.
    pub seed: u64,
}

/// What came of all runs with this name and seed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Score {
    /// Lines of the cases' file that begin with `ok`.
    pub passed: u64,
    /// Cases that did not.
    pub failed: u64,
}

/// Where a campaign keeps a line for each case; its failures' evidence is beside it.
fn folder(arguments: &Arguments) -> PathBuf {
    tools::target_dir().join("campaign").join(format!("{}-{}", arguments.name, arguments.seed))
}

/// What the file of an earlier run tells.
fn score(cases: &str) -> Score {
    let count = |word: &str| cases.lines().filter(|line| line.starts_with(word)).count() as u64;
    Score { passed: count("ok "), failed: count("FAILED ") }
}

/// The cases of a run: what was done is on disk, what comes next is numbered.
struct Book {
    name: String,
    folder: PathBuf,
    cases: File,
    total: Score,
    begun: Instant,
    time: Duration,
}

impl Book {
    /// Goes on where an earlier run with this name and seed was.
    fn open(arguments: &Arguments) -> Result<Self> {
        let folder = folder(arguments);
        fs::create_dir_all(&folder)?;
        let path = folder.join("cases");
        let total = score(&fs::read_to_string(&path).unwrap_or_default());
        let cases = File::options().create(true).append(true).open(&path)?;
        let book = Self {
            name: arguments.name.clone(),
            folder,
            cases,
            total,
            begun: Instant::now(),
            time: arguments.time,
        };
        println!("campaign {} seed {} from case {}", book.name, arguments.seed, book.number());
        Ok(book)
    }

    fn folder(&self) -> &Path {
        &self.folder
    }

    /// Whether there is time for one more.
    fn goes_on(&self) -> bool {
        self.begun.elapsed() < self.time
    }

    /// Of the next case.
    const fn number(&self) -> u64 {
        self.total.passed + self.total.failed
    }

    /// Writes down how a case ended, and says so.
    fn enter(&mut self, case: &str, start: Instant, result: &Result<()>) -> Result<()> {
        let verdict = if result.is_ok() { "ok" } else { "FAILED" };
        let took = start.elapsed().as_secs_f64();
        let line = format!("{verdict} {}/{} {case} ({took:.1} s)", self.name, self.number());
        println!("{line}");
        match result {
            Ok(()) => self.total.passed += 1,
            Err(error) => {
                self.total.failed += 1;
                println!("{}", chain(error));
            }
        }
        writeln!(self.cases, "{line}")?;
        self.cases.sync_data()?;
        Ok(())
    }

    fn close(self) -> Score {
        println!("{} passed, {} failed", self.total.passed, self.total.failed);
        self.total
    }
}

/// Runs until the time is over or there are no more cases. The last line is `N passed, N failed`, of
/// this run and the ones before it.
///
/// # Errors
/// The guest cannot be made, or the file of cases cannot be written.
pub fn run(
    arguments: &Arguments,
    campaign: &mut dyn Campaign,
    setup: fn() -> Result<Context>,
) -> Result<Score> {
    let mut book = Book::open(arguments)?;
    let mut context: Option<Context> = None;
    while book.goes_on() {
        let number = book.number();
        let mut ready = match context.take() {
            Some(context) => context,
            None => {
                let mut made = setup()?;
                campaign.prepare(&mut made).context("preparing")?;
                made
            }
        };
        let Some(case) = campaign.describe(number, &mut Chance::of(arguments.seed, number)) else {
            break;
        };
        let start = Instant::now();
        let result = campaign.case(&mut ready, number, &mut Chance::of(arguments.seed, number));
        book.enter(&case, start, &result)?;
        match result {
            Ok(()) => context = Some(ready),
            Err(_) => {
                println!("evidence: {}", keep(&mut ready, book.folder(), number));
                // The next case gets a guest that this one has not seen.
                context = campaign.begins_anew().then_some(ready);
            }
        }
    }
    Ok(book.close())
}

fn keep(context: &mut Context, folder: &Path, number: u64) -> String {
    let name = folder.file_name().and_then(|name| name.to_str()).unwrap_or("campaign");
    keep_evidence(&mut context.guest, &format!("{name}/{number}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_case_draws_the_same_again() {
        let draw = |seed, case| {
            let mut chance = Chance::of(seed, case);
            [chance.below(1000), chance.below(1000), chance.below(1000)]
        };
        assert_eq!(draw(7, 3), draw(7, 3));
        assert_ne!(draw(7, 3), draw(7, 4));
        assert_ne!(draw(7, 3), draw(8, 3));
        let mut chance = Chance::of(1, 1);
        assert!((0..1000).all(|_| chance.below(6) < 6));
    }

    #[test]
    fn an_earlier_run_is_counted() {
        let cases =
            "ok power-cuts/0 x (1.0 s)\nFAILED power-cuts/1 y (2.0 s)\nok power-cuts/2 z (1.0 s)\n";
        assert_eq!(score(cases), Score { passed: 2, failed: 1 });
        assert_eq!(score(""), Score::default());
    }
}
