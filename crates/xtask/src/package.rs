//! The .deb: cargo builds, debhelper packs.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use anyhow::{Context, Result, ensure};

use crate::{manual, musl, tools};

/// Programs of the package that are linked as usual.
const PROGRAMS: [&str; 6] =
    ["mvmhost", "mvm-guard", "mvm-hygiene", "mvm-images", "mvm-registry", "mvm-validate"];

/// What the .deb may weigh, in bytes: 6 MiB are what a host on a slow line is asked to fetch.
const DEB_LIMIT: u64 = 6 << 20;

/// What this process has packed: several tiers want the package, and nothing changes between them.
static PACKED: OnceLock<PathBuf> = OnceLock::new();

/// Builds target/packages/mvmhost_VERSION_ARCH.deb and returns its path; once in a run of xtask.
pub(crate) fn run() -> Result<PathBuf> {
    if let Some(deb) = PACKED.get() {
        return Ok(deb.clone());
    }
    let deb = pack()?;
    Ok(PACKED.get_or_init(|| deb).clone())
}

fn pack() -> Result<PathBuf> {
    tools::apt(tools::BUILD)?;
    tools::apt(tools::PACK)?;
    let top = tools::top()?;
    let packages = top.join("target/packages");
    let stage = packages.join("build");
    if stage.exists() {
        fs::remove_dir_all(&stage).context("clearing the last build")?;
    }
    fs::create_dir_all(stage.join("bin"))?;
    programs(&top, &stage.join("bin"))?;
    for part in ["packaging", "units"] {
        tools::check(Command::new("cp").arg("-a").arg(top.join(part)).arg(&stage))?;
    }
    let debian = top.join("packaging/deb/debian");
    tools::check(Command::new("cp").arg("-a").arg(debian).arg(&stage))?;
    manual::pages(&top, &stage)?;
    completions(&stage)?;
    let mut build = Command::new("dpkg-buildpackage");
    build.current_dir(&stage).args(["--build=binary", "--no-sign", "--no-check-builddeps"]);
    tools::check(build.env("DH_QUIET", "1").stdout(std::process::Stdio::null()))?;
    deb(&packages)
}

/// The package that was built last.
fn deb(packages: &Path) -> Result<PathBuf> {
    let version = env!("CARGO_PKG_VERSION");
    let arch = tools::output(Command::new("dpkg").arg("--print-architecture"))?;
    let deb = packages.join(format!("mvmhost_{version}_{}.deb", arch.trim()));
    let size =
        fs::metadata(&deb).with_context(|| format!("{} was not built", deb.display()))?.len();
    ensure!(size <= DEB_LIMIT, "{} has {size} bytes, more than {DEB_LIMIT}", deb.display());
    Ok(deb)
}

fn programs(top: &Path, bin: &Path) -> Result<()> {
    let mut build = tools::command("cargo")?;
    build.args(["build", "--release", "--quiet", "--locked"]);
    tools::check(build.args(PROGRAMS.iter().flat_map(|name| ["-p", name])))?;
    for name in PROGRAMS {
        fs::copy(top.join("target/release").join(name), bin.join(name))?;
    }
    let folder = musl::build()?;
    for name in musl::PROGRAMS {
        fs::copy(folder.join(name), bin.join(name))?;
    }
    Ok(())
}

/// What each shell completes, told by the program itself, under the name that its shell looks for.
fn completions(stage: &Path) -> Result<()> {
    let folder = stage.join("completions");
    fs::create_dir_all(&folder)?;
    for (shell, name) in [("bash", "mvmhost"), ("zsh", "_mvmhost"), ("fish", "mvmhost.fish")] {
        let mut told = Command::new(stage.join("bin/mvmhost"));
        let script = tools::output(told.args(["completions", shell]))?;
        fs::write(folder.join(name), script)?;
    }
    Ok(())
}
