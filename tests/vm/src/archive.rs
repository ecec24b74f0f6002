//! A signed apt archive over a folder of packages: what `cargo xtask package --repo` publishes, and
//! what the guests install from.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, Result};

use crate::tools;

const LIMIT: Duration = Duration::from_secs(120);

/// The public key's file, at the top of the archive.
pub const KEY: &str = "mvmhost.asc";

/// Whose keys are used.
#[derive(Debug, Clone, Default)]
pub struct Gpg {
    /// gpg's home; gpg's own choice if not given.
    pub home: Option<PathBuf>,
    /// The key; gpg's default key if not given.
    pub key: Option<String>,
}

impl Gpg {
    /// Runs gpg without a terminal.
    ///
    /// # Errors
    /// gpg fails.
    pub fn run(&self, arguments: &[&str]) -> Result<String> {
        let mut command = Command::new("gpg");
        command.args(["--batch", "--quiet", "--no-tty", "--pinentry-mode", "loopback"]);
        if let Some(home) = &self.home {
            command.arg("--homedir").arg(home);
        }
        if let Some(key) = &self.key {
            command.args(["--local-user", key]);
        }
        tools::ok(command.args(arguments), LIMIT)
    }
}

/// Writes the indexes of `tree`, whose packages lie in `pool/`: dists/`suite`/Release, and Packages
/// of each architecture (Debian's names) by name and by hash. Every version of a package is offered.
///
/// # Errors
/// The tree cannot be written, or apt-ftparchive fails.
pub fn index(tree: &Path, suite: &str, origin: &str, architectures: &[&str]) -> Result<()> {
    let release = tree.join("dists").join(suite);
    for architecture in architectures {
        list(tree, &release, architecture)?;
    }
    let architectures = architectures.join(" ");
    let mut command = Command::new("apt-ftparchive");
    for (key, value) in [
        ("Origin", origin),
        ("Suite", suite),
        ("Codename", suite),
        ("Architectures", architectures.as_str()),
        ("Components", "main"),
        ("Acquire-By-Hash", "yes"),
    ] {
        command.arg("-o").arg(format!("APT::FTPArchive::Release::{key}={value}"));
    }
    // Files of an earlier run would be listed in the new one.
    for stale in ["Release", "InRelease"] {
        let _ = fs::remove_file(release.join(stale));
    }
    let text = tools::ok(command.arg("release").arg(&release), LIMIT)?;
    fs::write(release.join("Release"), text).map_err(Into::into)
}

/// Writes `Packages` of one architecture, and the same file by its hash.
fn list(tree: &Path, release: &Path, architecture: &str) -> Result<()> {
    let binary = release.join("main").join(format!("binary-{architecture}"));
    let by_hash = binary.join("by-hash/SHA256");
    fs::create_dir_all(&by_hash)?;
    let mut packages = Command::new("apt-ftparchive");
    packages.current_dir(tree).args(["--arch", architecture, "packages", "pool"]);
    fs::write(binary.join("Packages"), tools::ok(&mut packages, LIMIT)?)?;
    let sum = tools::ok(Command::new("sha256sum").arg(binary.join("Packages")), LIMIT)?;
    let name = sum.split_whitespace().next().context("sha256sum says nothing")?;
    fs::copy(binary.join("Packages"), by_hash.join(name))?;
    Ok(())
}

/// Signs the Release file as InRelease and puts the public key beside the archive.
///
/// # Errors
/// There is no secret key, or gpg fails.
pub fn sign(tree: &Path, suite: &str, gpg: &Gpg) -> Result<()> {
    let release = tree.join("dists").join(suite);
    let (from, to) = (release.join("Release"), release.join("InRelease"));
    let (from, to) = (from.display().to_string(), to.display().to_string());
    gpg.run(&["--yes", "--clearsign", "--output", &to, &from])?;
    let mut export = vec!["--armor", "--export"];
    export.extend(gpg.key.as_deref());
    let key = gpg.run(&export)?;
    fs::write(tree.join(KEY), key).context("cannot write the public key")
}
