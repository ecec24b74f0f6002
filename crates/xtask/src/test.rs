//! Every tier, cheap ones first.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Instant;

use anyhow::{Context, Result, bail, ensure};
use mvm_vm::runner::{self, seconds};
use mvm_vm::scenarios::SCENARIOS;

use crate::{arm64, before, generate, grafana, manual, package, rpm, selinux, tools, vm};

/// Where a tier runs when none is named.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    /// In every run.
    Gate,
    /// Only with `--all`.
    All,
}

/// What a tier is given.
#[derive(Clone, Copy)]
struct Run {
    /// `--all`: guests run every scenario.
    all: bool,
}

/// A tier: name, where it runs, what it proves, how it is run.
struct Tier(&'static str, Place, &'static str, fn(Run) -> Result<()>);

const TIERS: [Tier; 14] = [
    Tier("fmt", Place::Gate, "the text is formatted", |_| fmt()),
    Tier("build", Place::Gate, "the workspace compiles; clippy has nothing to say", |_| build()),
    Tier("generate", Place::Gate, "generated files are not stale", |_| generate::run(true)),
    Tier("cargo", Place::Gate, "pure, golden, cli and netns tests, loop devices", |_| cargo()),
    Tier("units", Place::Gate, "systemd-analyze verify of every unit", |_| units()),
    Tier("catalog", Place::Gate, "journalctl accepts the catalog", |_| catalog()),
    Tier("alerts", Place::Gate, "promtool accepts alert rules and dashboard", |_| alerts()),
    Tier("package", Place::Gate, "the packages; lintian, mandoc, rpmlint are content", |_| {
        lintian()
    }),
    Tier("vm", Place::Gate, "a real Debian 12 and 13: boots, reboots, power cuts", guests),
    Tier("fleet", Place::All, "several hosts: ansible, a hub and a host, a fleet of three", |_| {
        fleet()
    }),
    Tier("rpm", Place::All, "the role of ansible and the .rpm with dnf and zypper", |_| {
        rpm_hosts()
    }),
    Tier(
        "arm64",
        Place::All,
        "the package of arm64: its programs, and a Debian 13 of its own",
        |_| arm64::run(),
    ),
    Tier("deny", Place::All, "licences, bans, sources", |_| deny()),
    Tier("fuzz", Place::All, "parsers of hostile input, with coverage", |_| fuzz()),
];

/// Runs the tiers of the gate, all with `--all`, or those named.
pub(crate) fn run(arguments: &[&str]) -> Result<()> {
    let all = arguments.contains(&"--all");
    let names: Vec<&str> = arguments.iter().copied().filter(|word| *word != "--all").collect();
    if names == ["--list"] {
        return list();
    }
    if let Some(unknown) = names.iter().find(|name| !TIERS.iter().any(|tier| tier.0 == **name)) {
        bail!("no tier {unknown}; see: cargo xtask test --list");
    }
    tools::apt(tools::BUILD)?;
    tools::apt(tools::TEST)?;
    let mut images = None;
    for Tier(name, place, proves, run) in &TIERS {
        let chosen =
            if names.is_empty() { all || *place == Place::Gate } else { names.contains(name) };
        if !chosen {
            continue;
        }
        println!("== {name}: {proves}");
        // What only downloads and unpacks, beside the first tier that uses what is compiled.
        if names.is_empty() && *name == "generate" {
            images = Some(vm::images()?);
        }
        let started = Instant::now();
        run(Run { all }).with_context(|| format!("tier {name}"))?;
        let took = started.elapsed().as_secs_f64();
        seconds::keep(&tools::top()?.join("target"), &[((*name).to_owned(), took)])?;
        println!("== {name}: passed in {took:.0} s");
    }
    drop(images);
    Ok(())
}

/// Every tier and every scenario, where it belongs, and the seconds that it took last.
fn list() -> Result<()> {
    let last = seconds::last(&tools::top()?.join("target"));
    for Tier(name, place, proves, _) in &TIERS {
        let place = if *place == Place::Gate { "gate" } else { "--all" };
        let took = last.get(*name).map_or_else(|| "-".to_owned(), |took| format!("{took:.0}"));
        println!("{place:6} {name:9} {took:>5} s  {proves}");
    }
    println!();
    runner::list(SCENARIOS).iter().for_each(|line| println!("{line}"));
    Ok(())
}

fn fmt() -> Result<()> {
    tools::run("cargo", &["fmt", "--all", "--check"])
}

/// Compiles once for lints, tests and guests.
fn build() -> Result<()> {
    ensure!(tools::has_clippy(), "clippy is absent: rustup component add clippy");
    tools::workspace()
}

fn cargo() -> Result<()> {
    tools::apt(&["apt-utils", "iproute2", "iptables", "iputils-ping", "nftables", "procps"])?;
    tools::apt(&["systemd"])?;
    let flags = ["test", "--quiet", "--workspace", "--all-targets", "--locked"];
    tools::check(tools::linted_cargo()?.args(flags))
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
    let programs = [
        "mvm-thinpool",
        "mvm-net",
        "mvm-images",
        "mvm-registry",
        "mvm-hygiene",
        "mvm-validate",
        "mvm-guard",
    ];
    let programs = programs.map(|name| format!("usr/libexec/mvmhost/{name}"));
    let others = [
        "usr/bin/containerd",
        "usr/bin/mvmhost",
        "usr/bin/systemctl",
        "usr/local/bin/flintlockd",
        "usr/sbin/dnsmasq",
    ];
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
    let services = fs::read_dir(top.join("units/services"))?;
    for unit in services {
        verify.arg(unit?.file_name());
    }
    let output = verify.arg("flintlockd.service").output().context("starting systemd-analyze")?;
    let stderr = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success() && stderr.is_empty(), "systemd-analyze verify:\n{stderr}");
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
    let stderr = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "journalctl --update-catalog: {stderr}");
    println!("1 passed, 0 failed");
    Ok(())
}

fn alerts() -> Result<()> {
    grafana::lint(&tools::top()?)?;
    println!("3 passed, 0 failed");
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
    package::lint(&package::run()?)?;
    manual::lint(&tools::top()?)?;
    rpm::lint(&rpm::run()?)?;
    selinux::lint()?;
    println!("4 passed, 0 failed");
    Ok(())
}

fn rpm_hosts() -> Result<()> {
    package::run()?;
    let rpm = rpm::run()?;
    tools::check(tools::command("bash")?.arg("tests/rpm/run").arg(rpm))
}

fn guests(run: Run) -> Result<()> {
    vm::prepare()?;
    if run.all {
        before::build()?;
    }
    vm::run("vm-tests", if run.all { &["--all"] } else { &[] })
}

fn fleet() -> Result<()> {
    vm::prepare()?;
    vm::run("vm-fleet", &[])
}
