//! Disposable Debians: what the guests need is built here, what happens in them is in tests/vm.

use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::{Child, Command};

use anyhow::Result;

use crate::{package, qemu, tools};

/// Builds everything that goes into a guest.
pub(crate) fn prepare() -> Result<PathBuf> {
    tools::apt(tools::BUILD)?;
    tools::apt(tools::VM)?;
    qemu::install(qemu::NATIVE)?;
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
pub(crate) fn run(name: &str, arguments: &[&str]) -> Result<()> {
    tools::check(program(name)?.args(arguments))
}

/// [`run`], with mounts of its own that end with it.
pub(crate) fn run_apart(name: &str, arguments: &[&str]) -> Result<()> {
    let program = program(name)?;
    let mut apart = Command::new("unshare");
    apart.args(["--mount", "--propagation", "private", "--"]).arg(program.get_program());
    tools::check(apart.current_dir(tools::top()?).env("RUST_BACKTRACE", "0").args(arguments))
}

/// The images of all suites, while they are built beside other work.
pub(crate) struct Images(Child);

/// Begins to build the images that are not there yet. They are downloads for the most part, and
/// what is compiled meanwhile ends with links that leave a core idle. The guests wait for what is not
/// finished, and build what failed.
pub(crate) fn images() -> Result<Images> {
    tools::apt(tools::VM)?;
    qemu::install(qemu::NATIVE)?;
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
    run("vm-guest", arguments)
}

/// `cargo xtask demo`
pub(crate) fn demo() -> Result<()> {
    prepare()?;
    run("vm-demo", &[])
}
