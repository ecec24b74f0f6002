//! Disposable Debians: what the guests need is built here, what happens in them is in tests/vm.

use std::path::PathBuf;
use std::process::Command;

use anyhow::Result;

use crate::{package, tools};

/// Builds everything that goes into a guest.
pub(crate) fn prepare() -> Result<PathBuf> {
    tools::apt(tools::BUILD)?;
    tools::apt(tools::VM)?;
    let deb = package::run()?;
    let build = ["build", "--release", "--quiet", "--locked", "-p", "mvm-standins"];
    tools::run("cargo", &build)?;
    tools::run("cargo", &["build", "--quiet", "--locked", "-p", "mvm-vm", "--bins"])?;
    Ok(deb)
}

/// Runs a program of tests/vm.
pub(crate) fn run(program: &str, arguments: &[&str]) -> Result<()> {
    let top = tools::top()?;
    let mut command = Command::new(top.join("target/debug").join(program));
    tools::check(command.args(arguments).current_dir(top))
}

/// `cargo xtask demo`
pub(crate) fn demo() -> Result<()> {
    prepare()?;
    run("vm-demo", &[])
}
