//! Images: mvm-images against `ctr images pull`, with the same containerd and the same registry.
//!
//! Everything is in a scratch folder: the registry's files, and for each pull a containerd that has
//! nothing yet. Unpacked is with the native snapshotter, which needs no pool.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};

use super::servers::{Containerd, Registry};
use super::{median, slow};
use crate::tools;

/// Runs of each kind, of which the median counts.
const RUNS: usize = 3;
/// What is added to each request by a registry that is far away.
const FAR: Duration = Duration::from_millis(20);
/// Images that a verify is measured with.
const MANY: usize = 50;
/// Runs of verify.
const VERIFIES: usize = 11;
/// Between two looks at a process's memory.
const LOOK: Duration = Duration::from_millis(5);

const IMAGES: &str = include_str!("../../bench/images.sh");

/// Time and memory of one process.
#[derive(Clone, Copy)]
struct Took {
    milliseconds: f64,
    /// The most that was resident.
    kibibytes: u64,
}

struct Bench {
    /// Stands for a host's root.
    host: PathBuf,
    programs: PathBuf,
}

pub(super) fn run() -> Result<()> {
    tools::apt(tools::BUILD)?;
    // Another one's containerd is as good, and would have to go for Debian's.
    let there = |name: &&str| Path::new("/usr/bin").join(name).exists();
    let servers = ["containerd", "docker-registry"];
    tools::apt(&servers.into_iter().filter(|name| !there(name)).collect::<Vec<_>>())?;
    let programs =
        ["build", "--release", "--quiet", "--locked", "-p", "mvmhost", "-p", "mvm-images"];
    tools::run("cargo", &programs)?;
    // In memory, of which it takes 3 GiB: the native snapshotter copies a layer's parents, 1.8 GiB in
    // all, and a disk would be measured with both. The socket's path has to be short.
    let scratch = Path::new("/dev/shm").join(format!("mvmhost-bench-{}", tools::now()));
    fs::create_dir_all(&scratch)?;
    let measured = measure(&scratch);
    fs::remove_dir_all(&scratch)?;
    measured
}

fn measure(scratch: &Path) -> Result<()> {
    fs::write(scratch.join("registry.sh"), mvm_vm::REGISTRY)?;
    fs::write(scratch.join("images.sh"), IMAGES)?;
    tools::check(Command::new("sh").arg(scratch.join("images.sh")).arg(scratch))?;
    let registry = Registry::start(scratch)?;
    let near = registry.address.to_string();
    let far = slow::start(registry.address, FAR)?.to_string();
    let programs = tools::top()?.join("target/release");
    let bench = Bench { host: scratch.join("host"), programs };

    for (label, name) in [("8 layers of 64 MiB", "large"), ("one layer of 512 MiB", "single")] {
        let (ours, theirs) = bench.by_turns(&[format!("{near}/bench/{name}:1")])?;
        print_ratio(&format!("pull of {label}, against `ctr images pull`"), &ours, &theirs);
    }
    let shared: Vec<String> = (1..=4).map(|n| format!("{far}/bench/shared{n}:1")).collect();
    let (ours, theirs) = bench.by_turns(&shared)?;
    print_ratio("pull of 4 images with shared layers, 20 ms away, against 4 `ctr`", &ours, &theirs);
    bench.verify(&near)
}

impl Bench {
    /// Pulls the images with each of both, by turns.
    fn by_turns(&self, images: &[String]) -> Result<(Vec<Took>, Vec<Took>)> {
        let (mut ours, mut theirs) = (vec![], vec![]);
        self.configure(images)?;
        for _ in 0..RUNS {
            let containerd = Containerd::start(&self.host)?;
            theirs.push(by_ctr(&containerd, images)?);
            containerd.end()?;
            let containerd = Containerd::start(&self.host)?;
            ours.push(took(&mut self.program("mvm-images"))?);
            containerd.end()?;
        }
        Ok((ours, theirs))
    }

    /// Looks at many complete images.
    fn verify(&self, registry: &str) -> Result<()> {
        let images: Vec<String> =
            (1..=MANY).map(|number| format!("{registry}/bench/many{number}:1")).collect();
        self.configure(&images)?;
        let containerd = Containerd::start(&self.host)?;
        took(&mut self.program("mvm-images"))?;
        let mut times = vec![];
        for _ in 0..VERIFIES {
            let mut verify = self.program("mvmhost");
            times.push(took(verify.args(["images", "verify"]))?.milliseconds);
        }
        containerd.end()?;
        println!("verify of {MANY} complete images: {:.0} ms", median(times));
        Ok(())
    }

    /// A run that leaves an image incomplete has failed.
    fn configure(&self, images: &[String]) -> Result<()> {
        let registry = images.first().and_then(|image| image.split('/').next());
        let text = format!(
            "[images]\nroot = []\nkernel = {images:?}\ninsecure-registries = [{:?}]\non-failure = \"block\"\n",
            registry.context("no image")?
        );
        fs::create_dir_all(self.host.join("etc"))?;
        fs::write(self.host.join("etc/mvmhost.toml"), text)?;
        Ok(())
    }

    fn program(&self, name: &str) -> Command {
        let mut command = Command::new(self.programs.join(name));
        command.arg("--root").arg(&self.host);
        command
    }
}

/// One after the other, as a user types them.
fn by_ctr(containerd: &Containerd, images: &[String]) -> Result<Took> {
    let mut all = Took { milliseconds: 0.0, kibibytes: 0 };
    for image in images {
        let mut ctr = containerd.ctr();
        ctr.args(["images", "pull", "--plain-http", "--snapshotter", "native", image]);
        let one = took(&mut ctr)?;
        all.milliseconds += one.milliseconds;
        all.kibibytes = all.kibibytes.max(one.kibibytes);
    }
    Ok(all)
}

/// Time and memory of a process that must succeed.
fn took(command: &mut Command) -> Result<Took> {
    let started = Instant::now();
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
    let child = command.spawn().with_context(|| format!("starting {command:?}"))?;
    let status = format!("/proc/{}/status", child.id());
    // Read beside the wait, so that the time is not rounded up to the next look.
    let memory = thread::spawn(move || most(&status));
    let output = child.wait_with_output()?;
    let milliseconds = started.elapsed().as_secs_f64() * 1e3;
    let stderr = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{command:?}: {}\n{stderr}", output.status);
    Ok(Took { milliseconds, kibibytes: memory.join().unwrap_or(0) })
}

/// KiB that were resident at most, until the process is gone.
fn most(status: &str) -> u64 {
    let mut most = 0;
    while let Ok(text) = fs::read_to_string(status) {
        let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        // A process that is over and not waited for has no memory.
        let Some(line) = line else { break };
        most = line.trim().trim_end_matches(" kB").parse().unwrap_or(most);
        thread::sleep(LOOK);
    }
    most
}

fn print_ratio(label: &str, ours: &[Took], theirs: &[Took]) {
    let time = |all: &[Took]| median(all.iter().map(|took| took.milliseconds).collect());
    let memory = |all: &[Took]| all.iter().map(|took| took.kibibytes).max().unwrap_or(0) as f64;
    let (mine, other) = (time(ours), time(theirs));
    println!("{label}: {mine:.0} ms / {other:.0} ms = {:.2}", mine / other);
    println!("  memory: {:.1} MB / {:.1} MB", memory(ours) * 1.024e-3, memory(theirs) * 1.024e-3);
}
