//! The network: mvm-net against processes of ip, sysctl and iptables, in the same namespace.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, ensure};

use super::median;
use crate::arch::Arch;
use crate::{musl, tools};

/// Runs of each kind, of which the median counts.
const RUNS: usize = 51;

pub(super) fn run() -> Result<()> {
    tools::apt(&["iproute2", "iptables", "nftables", "procps"])?;
    let program = musl::build(Arch::native()?)?.join("mvm-net");
    let scratch = Path::new("/dev/shm").join(format!("mvmhost-bench-{}", tools::now()));
    fs::create_dir_all(&scratch)?;
    let measured = measure(&program, &scratch);
    fs::remove_dir_all(&scratch)?;
    measured
}

fn measure(program: &Path, scratch: &Path) -> Result<()> {
    let top = tools::top()?;
    let config = scratch.join("mvmhost.toml");
    fs::copy(top.join("packaging/config/mvmhost.toml"), &config)?;
    let mut bench = Command::new("unshare");
    bench.args(["--net", "--mount", "bash"]).arg(top.join("crates/xtask/bench/network.sh"));
    bench.arg(program).arg(config).arg(RUNS.to_string());
    let output = bench.output().context("starting unshare")?;
    ensure!(output.status.success(), "network.sh: {}", String::from_utf8_lossy(&output.stderr));
    let stdout = String::from_utf8(output.stdout)?;
    let of = |prefix: &str| {
        let lines = stdout.lines().filter_map(|line| line.strip_prefix(prefix));
        median(lines.filter_map(|line| line.trim().parse().ok()).collect())
    };
    let (ours, theirs) = (of("ours "), of("theirs "));
    let label = "bridge, forwarding and NAT from nothing, against ip, sysctl, iptables";
    println!("{label}: {ours:.0} us / {theirs:.0} us = {:.2}", ours / theirs);
    println!("the same with nothing to do: {:.1} ms of the processor", of("unchanged ") / 1e3);
    let [verdict, listed, again, idle] =
        ["verdict ", "listed ", "again ", "idle "].map(|prefix| of(prefix) / 1e3);
    println!("mvm-net-watch, the verdict over 2,000 rules: {verdict:.1} ms of the processor");
    println!("  and what nft takes to list them: {listed:.0} ms");
    println!("  and when none of them has changed: {again:.1} ms, and nft is not asked");
    println!("mvm-net-watch, 10 s in which nothing changes: {idle:.1} ms of the processor");
    Ok(())
}
