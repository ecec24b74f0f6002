//! Serving: mvm-registry against Debian's docker-registry, with the same blobs on the same disk.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Instant;

use anyhow::{Context, Result, ensure};

use super::median;
use super::servers::{Registry, Served};
use crate::tools;

/// Blobs of so many MiB each, 1 GiB in all.
const BLOBS: usize = 4;
const MIB: usize = 256;
/// Runs of each, of which the median counts.
const RUNS: usize = 7;

pub(super) fn run() -> Result<()> {
    tools::apt(tools::BUILD)?;
    let there = |name: &&str| Path::new("/usr/bin").join(name).exists();
    tools::apt(
        &["docker-registry", "curl"].into_iter().filter(|name| !there(name)).collect::<Vec<_>>(),
    )?;
    tools::run("cargo", &["build", "--release", "--quiet", "--locked", "-p", "mvm-registry"])?;
    let scratch = tools::top()?.join("target").join(format!("bench-serve-{}", tools::now()));
    fs::create_dir_all(&scratch)?;
    let measured = measure(&scratch);
    fs::remove_dir_all(&scratch)?;
    measured
}

fn measure(scratch: &Path) -> Result<()> {
    let digests = blobs(scratch)?;
    let theirs = Registry::start(scratch)?;
    let program = tools::top()?.join("target/release/mvm-registry");
    let ours = Served::start(&program, scratch)?;
    let (mut mine, mut other) = (Vec::new(), Vec::new());
    for _ in 0..RUNS {
        other.push(fetch(&theirs.address.to_string(), &digests)?);
        mine.push(fetch(&ours.address.to_string(), &digests)?);
    }
    let kibibytes = ours.most_resident()?;
    let (mine, other) = (median(mine), median(other));
    let (time, rate) = (mine / other, other / mine);
    println!(
        "serving 1 GiB, against docker-registry: {mine:.0} ms / {other:.0} ms = {time:.2}, {rate:.2} of its rate"
    );
    println!("  memory: {:.1} MB", kibibytes as f64 * 1.024e-3);
    Ok(())
}

/// Writes the blobs, the list of mvm-registry, and the same files as docker-registry has them.
fn blobs(scratch: &Path) -> Result<Vec<String>> {
    let content = scratch.join("content/blobs/sha256");
    fs::create_dir_all(&content)?;
    let v2 = scratch.join("registry/docker/registry/v2");
    let mut digests = Vec::new();
    for number in 0..BLOBS {
        let file = scratch.join(format!("blob{number}"));
        let noise = format!("head -c {MIB}M /dev/urandom >\"$0\"; sha256sum \"$0\"");
        let output = tools::output(Command::new("sh").args(["-c", &noise]).arg(&file))?;
        let hex = output.split(' ').next().context("sha256sum tells nothing")?.to_owned();
        let data = v2.join("blobs/sha256").join(&hex[..2]).join(&hex);
        let layer = v2.join("repositories/bench/serve/_layers/sha256").join(&hex);
        for folder in [&data, &layer] {
            fs::create_dir_all(folder)?;
        }
        fs::write(layer.join("link"), format!("sha256:{hex}"))?;
        fs::hard_link(&file, data.join("data"))?;
        fs::rename(file, content.join(&hex))?;
        digests.push(format!("sha256:{hex}"));
    }
    let size = MIB << 20;
    let sizes: Vec<String> = digests.iter().map(|digest| format!("\"{digest}\":{size}")).collect();
    let list = format!(
        "{{\"version\":1,\"images\":[{{\"reference\":\"r.test/bench/serve:1\",\"digest\":\"\",\
         \"manifests\":{{}},\"blobs\":{{{}}}}}]}}",
        sizes.join(",")
    );
    fs::create_dir_all(scratch.join("served"))?;
    fs::write(scratch.join("served/list.json"), list)?;
    Ok(digests)
}

/// Milliseconds for all blobs, one after the other.
fn fetch(address: &str, digests: &[String]) -> Result<f64> {
    let urls =
        digests.iter().map(|digest| format!("http://{address}/v2/bench/serve/blobs/{digest}"));
    let mut curl = Command::new("curl");
    curl.args(["-fsS", "--noproxy", "*"]);
    for url in urls {
        curl.args(["-o", "/dev/null", &url]);
    }
    let started = Instant::now();
    ensure!(curl.status()?.success(), "{curl:?} fails");
    Ok(started.elapsed().as_secs_f64() * 1e3)
}
