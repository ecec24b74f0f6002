//! Disposable Debians: what the guests need is built here, what happens in them is in tests/vm.

use std::fs::{self, File};
use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::{Child, Command};

use anyhow::{Result, ensure};

use crate::{package, qemu, tools};

/// Builds everything that goes into a guest.
pub(crate) fn prepare() -> Result<PathBuf> {
    tools::apt(tools::BUILD)?;
    tools::apt(tools::VM)?;
    qemu::install()?;
    let deb = package::run()?;
    tools::workspace()?;
    Ok(deb)
}

/// A program of tests/vm; its errors name causes, and where they were made is of no use.
fn program(name: &str) -> Result<Command> {
    let top = tools::top()?;
    let mut command = Command::new(top.join("target/debug").join(name));
    command.current_dir(top).env("RUST_BACKTRACE", "0");
    Ok(command)
}

/// Runs a program of tests/vm.
pub(crate) fn run(name: &str) -> Result<()> {
    tools::check(&mut program(name)?)
}

/// Runs a program of tests/vm with arguments.
pub(crate) fn run_with(name: &str, arguments: &[&str]) -> Result<()> {
    tools::check(program(name)?.args(arguments))
}

/// Both suites side by side: two guests are what two cores carry. What the second one says comes
/// when the first is through.
pub(crate) fn tests() -> Result<()> {
    let folder = tools::top()?.join("target/vm");
    // A fresh clone has no image yet, and so no folder for them.
    fs::create_dir_all(&folder)?;
    let said = folder.join("trixie.log");
    let log = File::create(&said)?;
    let mut other = program("vm-tests")?;
    let mut other = other.arg("trixie").stdout(log.try_clone()?).stderr(log).spawn()?;
    let one = tools::check(program("vm-tests")?.arg("bookworm"));
    let ended = other.wait()?;
    print!("{}", fs::read_to_string(&said)?);
    one?;
    ensure!(ended.success(), "vm-tests trixie: {ended}");
    run("vm-fleet")
}

/// The images of all suites, while they are built beside other work.
pub(crate) struct Images(Child);

/// Begins to build the images that are not there yet. They are downloads for the most part, and
/// what is compiled meanwhile ends with links that leave a core idle. What goes wrong with them
/// is told again by the guests, which wait for what is not finished.
pub(crate) fn images() -> Result<Images> {
    tools::apt(tools::VM)?;
    qemu::install()?;
    tools::workspace()?;
    // A group of its own: whoever ends it ends what it has started.
    Ok(Images(program("vm-tests")?.arg("images").process_group(0).spawn()?))
}

impl Drop for Images {
    fn drop(&mut self) {
        // An earlier tier has failed, so that nobody is left to use what is built.
        if matches!(self.0.try_wait(), Ok(None)) {
            let group = format!("-{}", self.0.id());
            let _ = Command::new("kill").args(["--", &group]).status();
            let _ = self.0.wait();
        }
    }
}

/// `cargo xtask guest`
pub(crate) fn guest(arguments: &[&str]) -> Result<()> {
    prepare()?;
    tools::check(program("vm-guest")?.args(arguments))
}

/// `cargo xtask demo`
pub(crate) fn demo() -> Result<()> {
    prepare()?;
    run("vm-demo")
}
