//! Ratios against what a user would do instead, in one run; nothing here fails a test.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::{Context, Result, bail};

mod images;
mod network;
mod serve;
mod servers;
mod slow;

use crate::arch::Arch;
use crate::{musl, tools, vm};

/// Runs of which the median counts.
const RUNS: usize = 1001;

/// A part: name, and how it is run.
struct Part(&'static str, fn() -> Result<()>);

const PARTS: [Part; 7] = [
    Part("generator", generator),
    Part("network", network::run),
    Part("images", images::run),
    Part("serve", serve::run),
    Part("pool", || guest("pool")),
    Part("boot", || guest("boots")),
    Part("check", || guest("checks")),
];

/// All parts, or those named.
pub(crate) fn run(names: &[&str]) -> Result<()> {
    if let Some(unknown) = names.iter().find(|name| !PARTS.iter().any(|part| part.0 == **name)) {
        bail!("no part {unknown}: {}", PARTS.map(|part| part.0).join(", "));
    }
    let selected = |part: &&Part| names.is_empty() || names.contains(&part.0);
    PARTS.iter().filter(selected).try_for_each(|part| part.1())
}

/// What needs a host of its own.
fn guest(part: &str) -> Result<()> {
    vm::prepare()?;
    vm::run("vm-bench", &[part])
}

/// The generator with the file as it is installed: instructions under callgrind, and wall time
/// against /bin/true.
fn generator() -> Result<()> {
    tools::apt(&["valgrind"])?;
    let program = musl::build(Arch::native()?)?.join("mvmhost-generator");
    let top = tools::top()?;
    // At boot the directories are in /run: memory, not a disk.
    let scratch = Path::new("/dev/shm").join(format!("mvmhost-bench-{}", tools::now()));
    let measured = measure(&top, &program, &scratch);
    fs::remove_dir_all(&scratch)?;
    measured
}

fn measure(top: &Path, program: &Path, scratch: &Path) -> Result<()> {
    fs::create_dir_all(scratch.join("root/etc"))?;
    fs::copy(top.join("packaging/config/mvmhost.toml"), scratch.join("root/etc/mvmhost.toml"))?;
    let directories = ["normal", "early", "late"].map(|name| scratch.join(name));
    let generator = || {
        let mut command = Command::new(program);
        command.args(&directories).env("MVMHOST_GENERATOR_ROOT", scratch.join("root"));
        command
    };
    for directory in &directories {
        fs::create_dir_all(directory)?;
    }
    let mut counted = Command::new("valgrind");
    counted.args(["--tool=callgrind", "--callgrind-out-file=/dev/null"]).arg(program);
    counted.args(&directories).env("MVMHOST_GENERATOR_ROOT", scratch.join("root"));
    let stderr = String::from_utf8(counted.output()?.stderr)?;
    let collected = stderr.lines().find(|line| line.contains("Collected"));
    let count =
        collected.and_then(|line| line.rsplit(' ').next()).context("callgrind counted nothing")?;
    println!("generator, default file: {count} instructions");
    let (mut mine, mut theirs) = (Vec::new(), Vec::new());
    for _ in 0..RUNS {
        mine.push(wall(&mut generator())?);
        theirs.push(wall(&mut Command::new("/bin/true"))?);
    }
    let (mine, theirs) = (median(mine), median(theirs));
    println!("generator against /bin/true: {mine:.0} us / {theirs:.0} us = {:.2}", mine / theirs);
    Ok(())
}

/// Microseconds from start to end of a process.
fn wall(command: &mut Command) -> Result<f64> {
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let started = Instant::now();
    command.status()?;
    Ok(started.elapsed().as_secs_f64() * 1e6)
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}
