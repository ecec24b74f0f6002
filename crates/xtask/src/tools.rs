//! Running programs, and having the programs to run.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, bail};

/// Debian packages that building needs.
pub(crate) const BUILD: &[&str] =
    &["libdevmapper-dev", "libclang-dev", "pkg-config", "protobuf-compiler", "gcc", "libc6-dev"];

/// Debian packages that unit tests need: the real journalctl, and what writes a journal for it.
pub(crate) const TEST: &[&str] = &["systemd", "systemd-journal-remote", "util-linux"];

/// Debian packages that packing needs.
pub(crate) const PACK: &[&str] = &["build-essential", "debhelper", "fakeroot", "go-md2man"];

/// Debian packages that a disposable Debian needs.
pub(crate) const VM: &[&str] = &[
    "ansible-core",
    "apt-utils",
    "binutils",
    "debian-archive-keyring",
    "e2fsprogs",
    "gnupg",
    "mmdebstrap",
    "openssh-client",
    "xz-utils",
    "zstd",
];

/// The top of the repository: of another copy of it where MVMHOST_TOP names one.
pub(crate) fn top() -> Result<PathBuf> {
    if let Some(copy) = std::env::var_os("MVMHOST_TOP") {
        return Ok(copy.into());
    }
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.ancestors().nth(2).map(Path::to_owned).context("xtask is not in crates/xtask")
}

/// A command that runs at the top of the repository.
pub(crate) fn command(program: &str) -> Result<Command> {
    let mut command = Command::new(program);
    command.current_dir(top()?).stdin(Stdio::null());
    Ok(command)
}

/// Runs `program` at the top of the repository and fails when it fails.
pub(crate) fn run(program: &str, arguments: &[&str]) -> Result<()> {
    check(command(program)?.args(arguments))
}

/// Runs a command and fails when it fails.
pub(crate) fn check(command: &mut Command) -> Result<()> {
    let status = command.status().with_context(|| format!("starting {command:?}"))?;
    if !status.success() {
        bail!("{command:?}: {status}");
    }
    Ok(())
}

/// Builds all that `cargo test` builds. What names fewer packages has other features of what they
/// depend on, and cargo would build those crates once more.
pub(crate) fn workspace() -> Result<()> {
    let flags = ["build", "--quiet", "--locked", "--workspace", "--all-targets"];
    check(linted_cargo()?.args(flags))
}

/// A cargo that compiles the workspace's own crates with clippy, which is rustc with more lints: one
/// compilation serves lints, tests and guests. Without clippy, an ordinary one.
pub(crate) fn linted_cargo() -> Result<Command> {
    let mut cargo = command("cargo")?;
    if has_clippy() {
        cargo.env("RUSTC_WORKSPACE_WRAPPER", CLIPPY);
        // As cargo clippy passes `-D warnings` on.
        cargo.env("CLIPPY_ARGS", "-D__CLIPPY_HACKERY__warnings__CLIPPY_HACKERY__");
    }
    Ok(cargo)
}

const CLIPPY: &str = "clippy-driver";

/// Whether clippy can be run.
pub(crate) fn has_clippy() -> bool {
    let status =
        Command::new(CLIPPY).arg("-V").stdout(Stdio::null()).stderr(Stdio::null()).status();
    status.is_ok_and(|status| status.success())
}

/// The standard output of a command that must succeed.
pub(crate) fn output(command: &mut Command) -> Result<String> {
    let output = command
        .stderr(Stdio::inherit())
        .output()
        .with_context(|| format!("starting {command:?}"))?;
    if !output.status.success() {
        bail!("{command:?}: {}", output.status);
    }
    Ok(String::from_utf8(output.stdout)?)
}

/// Installs the Debian packages that are missing.
pub(crate) fn apt(packages: &[&str]) -> Result<()> {
    let missing: Vec<&str> =
        packages.iter().copied().filter(|package| !is_installed(package)).collect();
    if missing.is_empty() {
        return Ok(());
    }
    println!("apt-get install {}", missing.join(" "));
    check(command("apt-get")?.args(["-qq", "update"]))?;
    check(
        command("apt-get")?
            .args(["-qq", "install", "--no-install-recommends", "-y"])
            .args(&missing)
            .env("DEBIAN_FRONTEND", "noninteractive")
            .stdout(Stdio::null()),
    )
}

/// Whether dpkg has this package.
pub(crate) fn is_installed(package: &str) -> bool {
    let output = Command::new("dpkg-query")
        .args(["-W", "-f", "${db:Status-Status}\n", package])
        .stderr(Stdio::null())
        .output();
    // A package that is there for two architectures is told twice.
    output.is_ok_and(|output| {
        output.stdout.split(|byte| *byte == b'\n').any(|line| line == b"installed")
    })
}

/// Installs a cargo tool in this version, unless it is there.
pub(crate) fn cargo_tool(name: &str, version: &str) -> Result<()> {
    let output = Command::new(name).arg("--version").stderr(Stdio::null()).output();
    let there = output.is_ok_and(|output| {
        String::from_utf8_lossy(&output.stdout).split_whitespace().any(|word| word == version)
    });
    if there {
        return Ok(());
    }
    let version = format!("{name}@{version}");
    let mut install = command("cargo")?;
    install.args(["install", "--quiet", "--locked", "--debug", &version]);
    // Built for seconds of work: optimizing takes minutes.
    check(install.env("CARGO_PROFILE_DEV_DEBUG", "0"))
}

/// Seconds since the epoch, for names of scratch folders.
pub(crate) fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}
