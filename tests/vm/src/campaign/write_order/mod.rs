//! Every write below the file system that holds the pool's files, the receipt and containerd's databases
//! is recorded in a guest by dm-log-writes. The state at each flush, and one in which of what was under
//! way some is on the disk and some is not, is made again on the build machine and looked at there.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use tempfile::TempDir;

use super::{Arguments, Book, Chance, Score, power_cuts};
use crate::scenario::Context;
use crate::setup::SCRATCH;
use crate::tools;

mod log;
mod state;

use log::Log;
use state::Promise;

/// The file system's length in sectors of 512 bytes; the rest of the scratch disk is the log.
const SECTORS: u64 = 640 << 11;
const HOST: &str = include_str!("host.toml");
/// Some hundred programs of Go's are started in an emulated guest.
const RECORDING: Duration = Duration::from_secs(3000);
const LIMIT: Duration = Duration::from_secs(300);

/// Runs until the time is over or every state was looked at. A recording of the same seed that is there
/// from an earlier run is gone on with.
///
/// # Errors
/// Nothing can be recorded, or a state cannot be made.
pub fn run(arguments: &Arguments, setup: fn() -> Result<Context>) -> Result<Score> {
    let mut book = Book::open(arguments)?;
    let recording = book.folder().join("log.raw");
    if !recording.exists() {
        record(&recording, setup).context("recording")?;
    }
    let log = Log::open(File::open(&recording)?, SECTORS * 512)?;
    let cases = cases(&log);
    let boundaries = cases.iter().filter(|case| !case.torn).count();
    println!("{boundaries} boundaries and {} states between them", cases.len() - boundaries);
    let mut states = States::new()?;
    while let Some(case) = usize::try_from(book.number()).ok().and_then(|at| cases.get(at)) {
        if !book.goes_on() {
            break;
        }
        let start = Instant::now();
        let mut chance = Chance::of(arguments.seed, book.number());
        let (description, result) = states.look(&log, case, &mut chance);
        book.enter(&description, start, &result)?;
    }
    Ok(book.close())
}

/// A state that a power cut may leave.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Case {
    /// Up to this entry all is on the disk.
    boundary: usize,
    /// Of what follows up to the next boundary some is.
    torn: bool,
    next: usize,
}

/// All states, in order: those from the first mark on, before which there is no file system.
fn cases(log: &Log) -> Vec<Case> {
    let boundaries = log.boundaries();
    let ends = boundaries.iter().skip(1).copied().chain([log.entries.len()]);
    let pairs = boundaries.iter().copied().zip(ends);
    let begun = pairs.filter(|(boundary, _)| log.mark(*boundary).is_some());
    begun
        .flat_map(|(boundary, next)| {
            let torn = !log.unsettled(boundary, next).is_empty();
            let case = |torn| Case { boundary, torn, next };
            std::iter::once(case(false)).chain(torn.then(|| case(true)))
        })
        .collect()
}

/// Where states are made. The mounts are those of this process alone, which has them to itself
/// (`unshare --mount`), and end with it.
struct States {
    folder: TempDir,
    /// The disk up to the last boundary.
    disk: File,
    /// The first entry that is not on it.
    replayed: usize,
}

impl States {
    fn new() -> Result<Self> {
        let folder = tempfile::tempdir()?;
        // States are short-lived, and each is brought to its disk when it is let go of.
        let mut tmpfs = Command::new("mount");
        tools::ok(tmpfs.args(["-t", "tmpfs", "mvm-campaign"]).arg(folder.path()), LIMIT)?;
        fs::create_dir(folder.path().join("root"))?;
        let disk = File::create_new(folder.path().join("disk"))?;
        disk.set_len(SECTORS * 512)?;
        Ok(Self { folder, disk, replayed: 0 })
    }

    fn look(&mut self, log: &Log, case: &Case, chance: &mut Chance) -> (String, Result<()>) {
        let mark = log.mark(case.boundary).unwrap_or_default();
        let mut description = format!("entry {} after \"{mark}\"", case.boundary);
        let made = self.make(log, case, chance);
        let looked = made.and_then(|(copy, of)| {
            if let Some((some, all)) = of {
                description.push_str(&format!(" and {some} of the next {all} writes"));
            }
            look(&copy, &self.folder.path().join("root"), Promise::of(log.marks(case.boundary)))
        });
        (description, looked)
    }

    /// The state, in a file of its own; of how many unsettled writes how many are in it.
    fn make(
        &mut self,
        log: &Log,
        case: &Case,
        chance: &mut Chance,
    ) -> Result<(PathBuf, Option<(usize, usize)>)> {
        while self.replayed <= case.boundary {
            log.replay(self.replayed, &self.disk)?;
            self.replayed += 1;
        }
        let copy = self.folder.path().join("state");
        let mut command = Command::new("cp");
        command.arg("--sparse=always").arg(self.folder.path().join("disk")).arg(&copy);
        tools::ok(&mut command, LIMIT)?;
        if !case.torn {
            return Ok((copy, None));
        }
        let disk = File::options().write(true).open(&copy)?;
        let unsettled = log.unsettled(case.boundary, case.next);
        let some: Vec<usize> = unsettled.iter().copied().filter(|_| chance.below(2) == 1).collect();
        some.iter().try_for_each(|entry| log.replay(*entry, &disk))?;
        Ok((copy, Some((some.len(), unsettled.len()))))
    }
}

/// The kernel mounts it, which does again what the file system's journal holds; then it is sound.
fn look(disk: &Path, root: &Path, promise: Promise) -> Result<()> {
    tools::ok(Command::new("mount").args(["-o", "loop"]).args([disk, root]), LIMIT)?;
    let looked = state::check(root, promise, HOST);
    tools::ok(Command::new("umount").arg(root), LIMIT)?;
    looked?;
    let checked = tools::run(Command::new("e2fsck").args(["-f", "-n"]).arg(disk), None, LIMIT)?;
    ensure!(checked.success(), "the file system is damaged: {checked:?}");
    Ok(())
}

/// In a guest: all that is written while a host is made and used.
fn record(into: &Path, setup: fn() -> Result<Context>) -> Result<()> {
    let mut context = setup()?;
    power_cuts::install(&mut context)?;
    let guest = &mut context.guest;
    guest.ok(&format!(
        "cat > /etc/mvmhost.toml <<'X'\n{HOST}X\ncat > /root/record.sh <<'X'\n{}X\n",
        include_str!("record.sh")
    ))?;
    let line = format!("sh /root/record.sh {SCRATCH} {SECTORS} 2>&1");
    guest.run_within(&line, RECORDING)?.required(&line)?;
    guest.poweroff()?;
    let part = into.with_extension("part");
    let mut convert = Command::new("qemu-img");
    convert.args(["convert", "-O", "raw"]).arg(guest.disk("mvmscratch")).arg(&part);
    tools::ok(&mut convert, LIMIT)?;
    fs::rename(part, into)?;
    Ok(())
}
