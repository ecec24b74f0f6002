//! thin_check over metadata that nobody uses at the moment.

use std::ffi::OsStr;
use std::io;
use std::path::Path;
use std::time::Duration;

use mvm_core::exec::{self, Execute, Exit, Limits};
use mvm_core::{Finding, notify};
use mvm_pool_plan::thinpool::Device;

use super::{Manage, System};
use crate::Error;

/// How often systemd hears that the check is still running.
const NEWS: Duration = Duration::from_secs(10);
/// What the start may take from each of these on: several missed ones.
const EXTENSION: Duration = Duration::from_secs(60);
/// Asking a program for its version takes no time; a stuck one is not waited for.
const VERSION_LIMIT: Duration = Duration::from_secs(5);

/// Checks metadata before it is activated, as LVM does; clears the flag with which the kernel asks
/// for that when all is well. A check of a big pool may take half an hour, so it is not limited:
/// systemd is told again and again that it goes on.
///
/// Without `-q`, which LVM uses: only the exit code counts, but what thin_check says is the
/// evidence when it is not 0.
pub(crate) fn check(programs: &dyn Execute, thin_check: &Path, path: &Path) -> Result<(), Error> {
    let args = [OsStr::new("--clear-needs-check-flag"), path.as_os_str()];
    run(programs, thin_check, path, &args)
}

/// As [`check`], and the metadata stays as it is, flag and all.
pub(crate) fn look(programs: &dyn Execute, thin_check: &Path, path: &Path) -> Result<(), Error> {
    run(programs, thin_check, path, &[path.as_os_str()])
}

/// Has the metadata at `path` of a pool that is down read by `read`, which gets thin_check. `None` while
/// the pool is live; what speaks against activating it comes first.
pub(crate) fn when_down<D: Manage>(
    system: &System<'_>,
    desired: &D,
    path: &Path,
    read: impl FnOnce(&Path) -> Result<Vec<Finding>, Error>,
) -> Result<Option<Vec<Finding>>, Error> {
    let observed = desired.observe(system)?;
    if *D::device(&observed) != Device::Absent {
        return Ok(None);
    }
    let plan = desired.plan(&observed);
    if plan.is_refused() {
        return Ok(Some(plan.findings));
    }
    let thin_check = exec::find(system.roots, "thin_check").ok_or_else(|| {
        let source = io::Error::new(io::ErrorKind::NotFound, "thin_check is not installed");
        Error::Look { path: path.to_owned(), source }
    })?;
    read(&thin_check).map(Some)
}

fn run(
    programs: &dyn Execute,
    thin_check: &Path,
    path: &Path,
    args: &[&OsStr],
) -> Result<(), Error> {
    let mut waited = Duration::ZERO;
    notify::extend_timeout(EXTENSION);
    let mut report_progress = || {
        waited += NEWS;
        notify::extend_timeout(EXTENSION);
        notify::status(&format!("checking {} for {} s", path.display(), waited.as_secs()));
    };
    let mut limits = Limits { every: Some((NEWS, &mut report_progress)), ..Limits::default() };
    let exit = programs
        .run(thin_check, args, &mut limits)
        .map_err(|source| Error::Check { path: path.to_owned(), source })?;
    if exit.success() {
        return Ok(());
    }
    Err(Error::CheckFailed {
        program: thin_check.to_owned(),
        path: path.to_owned(),
        outcome: outcome(&exit, &version(programs, thin_check)),
    })
}

/// A newer thin_check may be stricter than the one that let the pool pass before.
fn version(programs: &dyn Execute, thin_check: &Path) -> String {
    let exit =
        programs.run(thin_check, &[OsStr::new("--version")], &mut Limits::timeout(VERSION_LIMIT));
    exit.map(|exit| one_line(&exit.stdout)).unwrap_or_default()
}

fn outcome(exit: &Exit, version: &str) -> String {
    let end = match (exit.code, exit.signal) {
        (Some(code), _) => format!("exit code {code}"),
        (None, Some(signal)) => format!("signal {signal}"),
        (None, None) => "no exit code".to_owned(),
    };
    let output = if exit.stderr.trim().is_empty() { &exit.stdout } else { &exit.stderr };
    format!("{end}, version {version}, said: {}", one_line(output))
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
