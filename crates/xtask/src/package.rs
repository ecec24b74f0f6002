//! The .deb: cargo builds, debhelper packs.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use anyhow::{Context, Result, ensure};
use nix::sys::stat::{Mode, umask};

use crate::arch::Arch;
use crate::compile::{self, Build};
use crate::{manual, musl, tools};

/// Programs of the package that are linked as usual.
pub(crate) const PROGRAMS: [&str; 6] =
    ["mvmhost", "mvm-guard", "mvm-hygiene", "mvm-images", "mvm-registry", "mvm-validate"];

/// What the .deb may weigh, in bytes: 7 MiB are what a host on a slow line is asked to fetch. Of them
/// the registry is half a MiB, and a build without optimization across crates a third of one.
const DEB_LIMIT: u64 = 7 << 20;

/// What this process has packed: several tiers want the package, and nothing changes between them.
static PACKED: OnceLock<PathBuf> = OnceLock::new();

/// Builds target/packages/mvmhost_VERSION_ARCH.deb for this machine and returns its path; once in a
/// run of xtask.
pub(crate) fn run() -> Result<PathBuf> {
    if let Some(deb) = PACKED.get() {
        return Ok(deb.clone());
    }
    let deb = pack(Arch::native()?)?;
    Ok(PACKED.get_or_init(|| deb).clone())
}

/// The folder of the packages of an architecture. Those of another one are kept apart: guests take
/// what they find in the first.
pub(crate) fn folder(arch: &Arch) -> Result<PathBuf> {
    let packages = tools::top()?.join("target/packages");
    Ok(if arch.is_native() { packages } else { packages.join(arch.debian) })
}

/// What the package is made of, as debhelper and rpmbuild find it.
pub(crate) fn stage(arch: &Arch) -> Result<PathBuf> {
    Ok(folder(arch)?.join("build"))
}

/// Builds the .deb of this architecture.
pub(crate) fn pack(arch: &Arch) -> Result<PathBuf> {
    tools::apt(tools::BUILD)?;
    tools::apt(tools::PACK)?;
    compile::toolchain(arch)?;
    // Whoever packs may have one under which others read nothing.
    umask(Mode::S_IWGRP | Mode::S_IWOTH);
    let top = tools::top()?;
    let stage = stage(arch)?;
    if stage.exists() {
        fs::remove_dir_all(&stage).context("clearing the last build")?;
    }
    fs::create_dir_all(stage.join("bin"))?;
    programs(arch, &stage.join("bin"))?;
    for part in ["packaging", "units"] {
        tools::check(Command::new("cp").arg("-a").arg(top.join(part)).arg(&stage))?;
    }
    let debian = top.join("packaging/deb/debian");
    tools::check(Command::new("cp").arg("-a").arg(debian).arg(&stage))?;
    manual::pages(&top, &stage)?;
    completions(arch, &stage)?;
    let mut build = packer("dpkg-buildpackage");
    build.current_dir(&stage).args(["--build=binary", "--no-sign", "--no-check-builddeps"]);
    build.arg(format!("--host-arch={}", arch.debian));
    build.env("DH_QUIET", "1").env("SOURCE_DATE_EPOCH", epoch()?).env("LC_ALL", "C");
    tools::check(build.stdout(std::process::Stdio::null()))?;
    deb(arch)
}

/// A program that packs: at another time where MVMHOST_PACK_AT says so, as faketime takes it.
/// rustc's own allocator waits for ever under faketime, and what it makes knows no time.
pub(crate) fn packer(program: &str) -> Command {
    let Some(time) = std::env::var_os("MVMHOST_PACK_AT") else {
        return Command::new(program);
    };
    let mut command = Command::new("faketime");
    command.arg("-f").arg(time).arg(program);
    command
}

/// The time that everything in the packages has, in seconds since 1970: that of the last entry of
/// the changelog.
pub(crate) fn epoch() -> Result<String> {
    let changelog = tools::top()?.join("packaging/deb/debian/changelog");
    let mut changelog_parser = Command::new("dpkg-parsechangelog");
    changelog_parser.arg("-l").arg(changelog).args(["-S", "Timestamp"]);
    Ok(tools::output(&mut changelog_parser)?.trim().to_owned())
}

/// The package that was built last.
fn deb(arch: &Arch) -> Result<PathBuf> {
    let version = env!("CARGO_PKG_VERSION");
    let deb = folder(arch)?.join(format!("mvmhost_{version}_{}.deb", arch.debian));
    let size =
        fs::metadata(&deb).with_context(|| format!("{} was not built", deb.display()))?.len();
    ensure!(size <= DEB_LIMIT, "{} has {size} bytes, more than {DEB_LIMIT}", deb.display());
    Ok(deb)
}

/// The package of the page in Cockpit, which is built with the one of the programs.
pub(crate) fn cockpit(deb: &Path) -> Result<PathBuf> {
    let name = format!("mvmhost-cockpit_{}_all.deb", env!("CARGO_PKG_VERSION"));
    let page = deb.with_file_name(name);
    ensure!(page.is_file(), "{} was not built", page.display());
    Ok(page)
}

/// lintian must have nothing to say of a .deb and of the one that is built with it.
pub(crate) fn lint(deb: &Path) -> Result<()> {
    tools::apt(&["lintian"])?;
    let mut lintian = tools::command("lintian")?;
    lintian.args(["--allow-root", "--pedantic", "--display-info", "--display-experimental"]);
    // What is answered in the overrides is not shown. Misspelt words in a program are other words that
    // stand side by side in its data, and others with each compiler.
    lintian.args(["--suppress-tags", "spelling-error-in-binary"]);
    lintian.args(["--fail-on", "error,warning,info,pedantic,experimental"]);
    tools::check(lintian.arg(deb).arg(cockpit(deb)?))
}

/// Builds packages of the workspace for this architecture, linked with glibc, and gives the folder
/// that their programs are in.
pub(crate) fn build(arch: &Arch, packages: &[&str]) -> Result<PathBuf> {
    let mut flags = Vec::new();
    if !arch.is_native() {
        flags.push(format!("-Clinker={}", arch.gcc()));
        flags.push(format!("-Lnative={}", compile::stand_ins(arch)?.display()));
    }
    let target = arch.target("gnu");
    let from_sources = !arch.is_native();
    Build { profile: "release", target: &target, packages, flags, from_sources }.run(arch)
}

fn programs(arch: &Arch, bin: &Path) -> Result<()> {
    for (folder, names) in
        [(build(arch, &PROGRAMS)?, PROGRAMS.as_slice()), (musl::build(arch)?, &musl::PROGRAMS)]
    {
        for name in names {
            fs::copy(folder.join(name), bin.join(name))?;
            // Names of compilers, which nothing reads.
            let mut strip = Command::new(arch.strip());
            tools::check(strip.arg("--remove-section=.comment").arg(bin.join(name)))?;
        }
    }
    Ok(())
}

/// A program of the stage, to be run on this machine. Loader and libraries are those that [`Arch`] has
/// installed beside this machine's own; the loader of the cross toolchain is of another version than
/// they are, and a program that starts a thread with both of them never ends.
pub(crate) fn runner(arch: &Arch, program: &Path) -> Result<Command> {
    if arch.is_native() {
        return Ok(Command::new(program));
    }
    tools::apt(&["qemu-user-static"])?;
    let mut command = Command::new(format!("qemu-{}-static", arch.machine));
    command.arg(program);
    Ok(command)
}

/// What each shell completes, told by the program itself, under the name that its shell looks for.
fn completions(arch: &Arch, stage: &Path) -> Result<()> {
    let folder = stage.join("completions");
    fs::create_dir_all(&folder)?;
    for (shell, name) in [("bash", "mvmhost"), ("zsh", "_mvmhost"), ("fish", "mvmhost.fish")] {
        let mut program = runner(arch, &stage.join("bin/mvmhost"))?;
        let script = tools::output(program.args(["completions", shell]))?;
        fs::write(folder.join(name), script)?;
    }
    Ok(())
}
