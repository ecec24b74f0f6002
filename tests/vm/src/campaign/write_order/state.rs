//! Whether a host can go on from a file system as a power cut left it: mvmhost's own decisions on it, and
//! the tools of those whose files are there.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use mvm_config::load::{Source, parse};
use mvm_core::{Roots, exec};
use mvm_pool_kernel::loopback::observe;
use mvm_pool_kernel::loops::{Loop, LoopDevices, OpenLoop};
use mvm_pool_kernel::mapper::{DeviceMapper, Look, Settling};
use mvm_pool_kernel::thinpool::System;
use mvm_pool_kernel::{Error, receipt};
use mvm_pool_plan::loopback::{Desired, plan};
use mvm_pool_plan::thinpool::{Control, Recorded, Superblock, ThinPoolTable};
use mvm_repair_plan::databases::{Expected, Files, Verdict, judge};

use crate::tools;

const LIMIT: Duration = Duration::from_secs(120);
const MIB: u64 = 1 << 20;

/// What to expect of a state, which depends on how far the recording had come.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Promise {
    /// The host was up once: the pool is on record, and stays.
    pub(super) applied: bool,
    /// The pool was grown to so many MiB.
    pub(super) mib: u64,
}

impl Promise {
    /// What these marks promise.
    pub(super) fn of<'a>(marks: impl Iterator<Item = &'a str>) -> Self {
        marks.fold(Self::default(), |promise, mark| Self {
            applied: promise.applied || mark == "applied",
            mib: mark.strip_prefix("grown-").map_or(promise.mib, |mib| mib.parse().unwrap_or(0)),
        })
    }
}

/// The state below `root` is whole, or nothing was promised yet and the next run makes it.
pub(super) fn check(root: &Path, promise: Promise, text: &str) -> Result<()> {
    let roots = Roots::new(root);
    let desired = desired(text)?;
    records(&roots)?;
    let recorded = receipt::read(&roots);
    let system = System {
        roots: &roots,
        loops: &Booted,
        mapper: &Booted,
        programs: &exec::System,
        timeout: Duration::ZERO,
    };
    let mut observed = observe(&system, &desired).context("observing")?;
    // What runs is on this machine, and not in the state.
    observed.pool.thin_check = exec::find(&Roots::new("/"), "thin_check");
    let next = plan(&desired, &observed);
    let findings: Vec<String> =
        next.findings.iter().map(|one| format!("{}: {}", one.code(), one.message())).collect();
    let findings = findings.join("; ");
    ensure!(!next.is_refused(), "mvm-thinpool would refuse: {findings}");
    let is_pool = matches!(observed.superblock, Superblock::Pool(_));
    if promise.applied {
        ensure!(is_pool, "the pool's metadata are gone: {:?}", observed.superblock);
        let bytes = recorded.pool().context("the pool is on no record")?.table.bytes();
        ensure!(bytes >= promise.mib * MIB, "on record are {bytes} bytes");
    } else if let Recorded::Pool(_) = recorded {
        ensure!(is_pool, "a pool is on record without metadata");
    }
    databases(&roots, &desired, is_pool)
}

/// The host of the recording.
pub(super) fn desired(text: &str) -> Result<Desired> {
    let source = Source { name: "host.toml".to_owned(), text: text.to_owned() };
    match parse(&[source]) {
        Ok(loaded) => Ok(Desired::new(&loaded.config, None)),
        Err(problems) => bail!("{problems:?}"),
    }
}

/// What mvmhost keeps is there whole or not at all.
fn records(roots: &Roots) -> Result<()> {
    match fs::read_to_string(roots.applied()) {
        Ok(text) => {
            desired(&text).context("the last good configuration")?;
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
        Err(error) => return Err(error).context("the last good configuration"),
    }
    let Ok(folder) = fs::read_dir(roots.at("/var/lib/mvmhost")) else { return Ok(()) };
    for entry in folder {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "json") {
            let text = fs::read_to_string(&path)?;
            let read: Result<serde_json::Value, _> = serde_json::from_str(&text);
            read.with_context(|| format!("{}: {text:?}", path.display()))?;
        }
    }
    Ok(())
}

/// containerd's databases agree with each other and with the pool, or one device is in the way that
/// mvm-thinpool puts away.
fn databases(roots: &Roots, desired: &Desired, is_pool: bool) -> Result<()> {
    let read = |path| fs::read(roots.at(path)).unwrap_or_default();
    let files = Files {
        meta: read(desired.pool.database_paths.metadata.clone()),
        metadata: read(desired.pool.database_paths.devmapper.join("metadata.db")),
        pool: read(desired.pool.device_database()),
    };
    let verdict = judge(&desired.pool.name, &files);
    ensure!(!matches!(verdict, Verdict::Apart(_)), "the databases: {verdict:?}");
    if !is_pool {
        return Ok(());
    }
    let metadata = roots.at(desired.metadata_path());
    tools::ok(Command::new("thin_check").arg(&metadata), LIMIT)?;
    let mut list = Command::new("thin_ls");
    list.args(["--no-headers", "--format", "DEV"]).arg(&metadata);
    let there = tools::ok(&mut list, LIMIT)?;
    let there = there.split_whitespace().map(str::parse).collect::<Result<_, _>>()?;
    if verdict == Verdict::Agree
        && let Some(apart) = Expected::of(&files.pool).judge(&there)
    {
        bail!("the databases and the pool: {apart:?}");
    }
    Ok(())
}

/// A machine that has just booted: nothing is attached, nothing is mapped.
struct Booted;

fn unused() -> Error {
    let source = std::io::Error::other("nothing is changed here");
    Error::NoFreeLoop { path: "/".into(), source }
}

impl LoopDevices for Booted {
    fn control(&self) -> Control {
        Control::Usable
    }

    fn status(&self, _: &str) -> Result<Option<Loop>, Error> {
        Ok(None)
    }

    fn attached(&self) -> Result<Vec<Loop>, Error> {
        Ok(Vec::new())
    }

    fn attach(&self, _: &Path) -> Result<OpenLoop, Error> {
        Err(unused())
    }

    fn hold(&self, _: &str, _: &Path) -> Result<OpenLoop, Error> {
        Err(unused())
    }

    fn show_all(&self, _: &str) -> Result<(), Error> {
        Err(unused())
    }

    fn detach(&self, _: &str) -> Result<(), Error> {
        Err(unused())
    }
}

impl DeviceMapper for Booted {
    fn control(&self) -> Control {
        Control::Usable
    }

    fn look(&self, _: &str) -> Result<Option<Look>, Error> {
        Ok(None)
    }

    fn create(&self, _: &str, _: &str) -> Result<(), Error> {
        Err(unused())
    }

    fn load(&self, _: &str, _: &ThinPoolTable) -> Result<(), Error> {
        Err(unused())
    }

    fn resume(&self, _: &str) -> Result<Settling, Error> {
        Err(unused())
    }

    fn commit(&self, _: &str) -> Result<(), Error> {
        Err(unused())
    }

    fn remove(&self, _: &str) -> Result<(), Error> {
        Err(unused())
    }

    fn remove_once_closed(&self, _: &str) -> Result<(), Error> {
        Err(unused())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOST: &str = include_str!("host.toml");

    #[test]
    fn an_empty_host_is_whole_until_something_was_promised() {
        // Not below /tmp, which may be a tmpfs: a pool is refused there.
        let program = std::env::current_exe().unwrap();
        let folder = tempfile::TempDir::new_in(program.parent().unwrap()).unwrap();
        check(folder.path(), Promise::default(), HOST).unwrap();
        let promise = Promise::of(["made", "applied", "grown-112"].into_iter());
        assert_eq!(promise, Promise { applied: true, mib: 112 });
        let error = check(folder.path(), promise, HOST).unwrap_err();
        assert!(error.to_string().contains("metadata are gone"), "{error:#}");
        let roots = Roots::new(folder.path());
        fs::create_dir_all(roots.receipt().parent().unwrap()).unwrap();
        fs::write(roots.receipt(), "{\"version\": 1").unwrap();
        check(folder.path(), Promise::default(), HOST).unwrap_err();
    }
}
