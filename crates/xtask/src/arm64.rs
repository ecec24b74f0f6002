//! The package of arm64, tried on a machine of another architecture: its programs one by one by user
//! emulation, then a whole Debian. Building it takes as long as the package of this machine, and more
//! than the gate has left.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Result, ensure};

use crate::arch::Arch;
use crate::{package, qemu, rpm, tools, vm};

/// Debian packages that making an image of another architecture needs besides.
const FOREIGN: &[&str] = &["arch-test", "binutils-aarch64-linux-gnu"];

/// Builds the package and tries it.
pub(crate) fn run() -> Result<()> {
    let arch = Arch::find("arm64")?;
    tools::apt(tools::BUILD)?;
    tools::apt(tools::VM)?;
    tools::apt(FOREIGN)?;
    qemu::install(qemu::ARM64)?;
    let deb = package::pack(arch)?;
    package::lint(&deb)?;
    rpm::lint(&rpm::pack(arch)?)?;
    let bin = package::stage(arch)?.join("bin");
    programs(arch, &bin)?;
    package::build(arch, &["mvm-standins"])?;
    tools::workspace()?;
    vm::run("vm-arm64", &[])
}

/// What needs no machine: every program starts, the generator writes what it writes here, and a check
/// of another root tells the same.
fn programs(arch: &Arch, bin: &Path) -> Result<()> {
    tools::workspace()?;
    let native = tools::top()?.join("target/debug");
    let scratch = tools::top()?.join("target").join(format!("arm64-{}", tools::now()));
    let compared = compare(arch, bin, &native, &scratch);
    fs::remove_dir_all(&scratch)?;
    compared?;
    println!("{} passed, 0 failed", package::PROGRAMS.len() + 2);
    Ok(())
}

fn compare(arch: &Arch, bin: &Path, native: &Path, scratch: &Path) -> Result<()> {
    for name in package::PROGRAMS {
        let output = tools::output(package::runner(arch, &bin.join(name))?.arg("--version"))?;
        ensure!(output.contains(env!("CARGO_PKG_VERSION")), "{name} --version: {output}");
    }
    let root = scratch.join("root");
    for folder in ["etc", "usr/local/bin", "usr/bin"] {
        fs::create_dir_all(root.join(folder))?;
    }
    for program in ["usr/local/bin/flintlockd", "usr/bin/containerd"] {
        fs::copy("/bin/true", root.join(program))?;
    }
    let top = tools::top()?;
    fs::copy(top.join("packaging/config/mvmhost.toml"), root.join("etc/mvmhost.toml"))?;
    let mut units = Vec::new();
    let mut checks = Vec::new();
    for (side, foreign) in [("native", false), ("foreign", true)] {
        let folder = |name: &str| scratch.join(side).join(name);
        let program = |name: &str| -> Result<Command> {
            match foreign {
                true => package::runner(arch, &bin.join(name)),
                false => Ok(Command::new(native.join(name))),
            }
        };
        let mut generator = program("mvmhost-generator")?;
        for name in ["normal", "early", "late"] {
            fs::create_dir_all(folder(name))?;
            generator.arg(folder(name));
        }
        tools::check(generator.env("MVMHOST_GENERATOR_ROOT", &root))?;
        units.push(scratch.join(side));
        let mut check = program("mvmhost")?;
        check.args(["--json", "config", "show", "--root"]).arg(&root);
        checks.push(tools::output(&mut check)?);
        let mut check = program("mvmhost")?;
        check.args(["--json", "check", "--root"]).arg(&root);
        let output = String::from_utf8(check.output()?.stdout)?;
        ensure!(output.contains("\"findings\""), "{side}: mvmhost check --root: {output}");
    }
    ensure!(checks[0] == checks[1], "mvmhost config show differs: {checks:?}");
    let mut differ = Command::new("diff");
    tools::check(differ.arg("--recursive").args(units))
}
