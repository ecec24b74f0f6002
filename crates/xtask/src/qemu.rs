//! QEMU for the guests.

use std::fs;
use std::path::Path;
use std::process::Stdio;

use anyhow::{Result, ensure};

use crate::tools;

/// For guests of the build machine's architecture.
pub(crate) const NATIVE: &[&str] = &["qemu-system-x86", "qemu-utils"];

/// For those of arm64, and for programs of it.
pub(crate) const ARM64: &[&str] = &["qemu-system-arm", "qemu-user-static", "qemu-utils"];

const SUITE: &str = "bookworm-backports";

const SOURCE: &str = "Types: deb
URIs: http://deb.debian.org/debian
Suites: bookworm-backports
Components: main
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg
";

/// Installs QEMU where there is none: on Debian 12 the one of its backports. Emulated, QEMU 10 took
/// three quarters of the processor time of Debian 12's own 7.2 for four boots (116 and 151 s), and
/// an eighth of the time for a shell that starts a program. Out of reach of the backports the
/// other one does, only slower.
pub(crate) fn install(packages: &[&str]) -> Result<()> {
    if packages.iter().all(|package| tools::is_installed(package)) {
        return Ok(());
    }
    if fs::read_to_string("/etc/os-release")?.contains("VERSION_CODENAME=bookworm")
        && let Err(why) = from_backports(packages)
    {
        println!("no QEMU from {SUITE}: {why:#}");
    }
    tools::apt(packages)
}

/// The source is apt's for this once: what the machine's owner has set stays as it is.
fn from_backports(packages: &[&str]) -> Result<()> {
    let sources = tools::top()?.join("target/apt");
    fs::create_dir_all(&sources)?;
    for entry in fs::read_dir("/etc/apt/sources.list.d")? {
        let path = entry?.path();
        // apt has a word for every other name that it finds.
        if path.extension().is_some_and(|kind| kind == "list" || kind == "sources")
            && let Some(name) = path.file_name()
        {
            fs::copy(&path, sources.join(name))?;
        }
    }
    if Path::new("/etc/apt/sources.list").exists() {
        fs::copy("/etc/apt/sources.list", sources.join("sources.list"))?;
    }
    fs::write(sources.join("backports.sources"), SOURCE)?;
    let parts = format!("Dir::Etc::SourceParts={}", sources.display());
    let apt = |arguments: &[&str]| -> Result<()> {
        let mut command = tools::command("apt-get")?;
        command.args(["-qq", "-o", "Dir::Etc::SourceList=/dev/null", "-o", &parts]);
        command.args(arguments).env("DEBIAN_FRONTEND", "noninteractive");
        tools::check(command.stdout(Stdio::null()))
    };
    println!("apt-get install {} of {SUITE}", packages.join(" "));
    apt(&["update"])?;
    let mut install = vec!["install", "--no-install-recommends", "-y", "-t", SUITE];
    install.extend(packages);
    apt(&install)?;
    ensure!(packages.iter().all(|package| tools::is_installed(package)), "apt-get did nothing");
    Ok(())
}
