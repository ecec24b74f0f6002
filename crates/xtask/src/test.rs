//! Every tier, cheap ones first.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Instant;

use anyhow::{Context, Result, bail, ensure};

use crate::{generate, manual, package, rpm, tools, vm};

/// A tier: name, what it proves, how it is run.
struct Tier(&'static str, &'static str, fn() -> Result<()>);

const TIERS: [Tier; 10] = [
    Tier("fmt", "the text is formatted", fmt),
    Tier("generate", "generated files are not stale", || generate::run(true)),
    Tier("clippy", "lints, purity of crates/plan included", clippy),
    Tier("cargo", "pure, golden, cli and netns tests, loop devices", cargo),
    Tier("units", "systemd-analyze verify of every unit", units),
    Tier("catalog", "journalctl accepts the catalog", catalog),
    Tier("deny", "licences, bans, sources", deny),
    Tier("fuzz", "parsers of hostile input", fuzz),
    Tier(
        "package",
        "the packages are built; lintian, mandoc and rpmlint have nothing to say",
        lintian,
    ),
    Tier("vm", "a real Debian 12 and 13: boots, reboots, power cuts", guests),
];

/// Runs all tiers, or those named.
pub(crate) fn run(names: &[&str]) -> Result<()> {
    if names == ["--list"] {
        for Tier(name, proves, _) in &TIERS {
            println!("{name:10} {proves}");
        }
        return Ok(());
    }
    if let Some(unknown) = names.iter().find(|name| !TIERS.iter().any(|tier| tier.0 == **name)) {
        bail!("no tier {unknown}; see: cargo xtask test --list");
    }
    tools::apt(tools::BUILD)?;
    tools::apt(tools::TEST)?;
    let mut images = None;
    for Tier(name, proves, run) in &TIERS {
        if !names.is_empty() && !names.contains(name) {
            continue;
        }
        println!("== {name}: {proves}");
        // From the first tier on that takes minutes.
        if names.is_empty() && *name == "fuzz" {
            images = Some(vm::images()?);
        }
        let started = Instant::now();
        run().with_context(|| format!("tier {name}"))?;
        println!("== {name}: passed in {} s", started.elapsed().as_secs());
    }
    drop(images);
    Ok(())
}

fn fmt() -> Result<()> {
    tools::run("cargo", &["fmt", "--all", "--check"])
}

fn clippy() -> Result<()> {
    let flags = ["clippy", "--quiet", "--workspace", "--all-targets", "--locked"];
    tools::check(tools::command("cargo")?.args(flags).args(["--", "-D", "warnings"]))
}

fn cargo() -> Result<()> {
    tools::apt(&["systemd", "iproute2", "iptables", "iputils-ping", "nftables", "procps"])?;
    tools::run("cargo", &["test", "--quiet", "--workspace", "--locked"])
}

/// The shipped units together with what the generator writes for the default file. Anything on
/// standard error is a failure: systemd-analyze exits 0 for an unknown key.
fn units() -> Result<()> {
    tools::apt(&["systemd"])?;
    let top = tools::top()?;
    let scratch = top.join("target").join(format!("units-{}", tools::now()));
    let verified = verify_units(&top, &scratch);
    fs::remove_dir_all(&scratch)?;
    verified?;
    println!("1 passed, 0 failed");
    Ok(())
}

/// systemd's units, ours, and programs that are there.
fn unit_tree(top: &Path, scratch: &Path, generated: &Path) -> Result<()> {
    let installed = scratch.join("usr/lib/systemd/system");
    for folder in [&installed, generated, &scratch.join("late"), &scratch.join("early")] {
        fs::create_dir_all(folder)?;
    }
    let copy = |from: &Path| {
        tools::check(Command::new("cp").arg("-a").arg(from.join(".")).arg(&installed))
    };
    // The units that ours refer to; systemd's own.
    copy(Path::new("/usr/lib/systemd/system"))?;
    copy(&top.join("units/services"))?;
    let programs =
        ["mvm-thinpool", "mvm-net", "mvm-images", "mvm-hygiene", "mvm-validate", "mvm-guard"];
    let programs = programs.map(|name| format!("usr/libexec/mvmhost/{name}"));
    let others =
        ["usr/bin/containerd", "usr/bin/systemctl", "usr/local/bin/flintlockd", "usr/sbin/dnsmasq"];
    for program in programs.iter().map(String::as_str).chain(others) {
        // systemd-analyze looks whether they are there and may be executed.
        let path = scratch.join(program);
        fs::create_dir_all(path.parent().unwrap_or(scratch))?;
        fs::copy("/bin/true", path)?;
    }
    Ok(())
}

/// Generates and verifies in that tree.
fn verify_units(top: &Path, scratch: &Path) -> Result<()> {
    let installed = scratch.join("usr/lib/systemd/system");
    let generated = scratch.join("etc/systemd/system");
    unit_tree(top, scratch, &generated)?;
    tools::workspace()?;
    let mut generator = Command::new(top.join("target/debug/mvmhost-generator"));
    generator.arg(&generated).arg(scratch.join("early")).arg(scratch.join("late"));
    tools::check(generator.env("MVMHOST_GENERATOR_ROOT", scratch))?;
    fs::copy(scratch.join("late/flintlockd.service"), installed.join("flintlockd.service"))?;
    let mut verify = Command::new("systemd-analyze");
    verify.args(["verify", "--man=no", "--recursive-errors=no"]).arg("--root").arg(scratch);
    let ours = fs::read_dir(top.join("units/services"))?;
    for unit in ours {
        verify.arg(unit?.file_name());
    }
    let output = verify.arg("flintlockd.service").output().context("starting systemd-analyze")?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success() && said.is_empty(), "systemd-analyze verify:\n{said}");
    Ok(())
}

fn catalog() -> Result<()> {
    let top = tools::top()?;
    let root = top.join("target").join(format!("catalog-{}", tools::now()));
    let folder = root.join("usr/lib/systemd/catalog");
    fs::create_dir_all(&folder)?;
    fs::copy(top.join("packaging/journal/mvmhost.catalog"), folder.join("mvmhost.catalog"))?;
    fs::create_dir_all(root.join("var/lib/systemd/catalog"))?;
    let output =
        Command::new("journalctl").arg("--update-catalog").arg("--root").arg(&root).output();
    fs::remove_dir_all(&root)?;
    let output = output?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "journalctl --update-catalog: {said}");
    println!("1 passed, 0 failed");
    Ok(())
}

fn deny() -> Result<()> {
    tools::cargo_tool("cargo-deny", "0.20.2")?;
    tools::run(
        "cargo",
        &["deny", "--config", ".deny.toml", "--locked", "check", "licenses", "bans", "sources"],
    )
}

fn fuzz() -> Result<()> {
    tools::apt(&["g++"])?;
    tools::run("bash", &["tests/fuzz/run", "10"])
}

fn lintian() -> Result<()> {
    tools::apt(&["lintian"])?;
    let deb = package::run()?;
    let mut lintian = tools::command("lintian")?;
    tools::check(lintian.args(["--allow-root", "--fail-on", "error,warning"]).arg(deb))?;
    manual::lint(&tools::top()?)?;
    rpm::lint(&rpm::run()?)?;
    println!("3 passed, 0 failed");
    Ok(())
}

fn guests() -> Result<()> {
    vm::prepare()?;
    vm::tests()
}
