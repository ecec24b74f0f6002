//! What `mvm-hygiene` does: observe, plan, remove, observe again.

use std::io;
use std::path::{Path, PathBuf};

use mvm_core::catalogue::host;
use mvm_core::names::FLINTLOCKD_STATE;
use mvm_core::{Finding, Plan, Roots};
use mvm_oneshot::{Options, Program, Report};
use mvm_units_plan::hygiene::{Remove, plan, quoted};

use crate::state::VmDirectory;

/// Everything that `mvm-hygiene` does.
pub(crate) fn run(program: &Program, options: &Options) -> Report {
    let roots = options.roots();
    if let Some(refusal) = Report::unless_root(program, &roots) {
        return refusal;
    }
    let state = options.get("--state-dir").map_or(Path::new(FLINTLOCKD_STATE), PathBuf::as_path);
    Report::of(clean(&roots, &roots.at(state).join("vm")))
}

/// Removes what is stale below `folder` and says so.
fn clean(roots: &Roots, folder: &Path) -> Vec<Finding> {
    let directory = match VmDirectory::open(folder) {
        Ok(Some(directory)) => directory,
        Ok(None) => return Vec::new(),
        Err(error) => return vec![unreadable(folder, &error)],
    };
    let (first, mut findings) = observe(roots, folder, &directory);
    findings.extend(first.findings);
    let mut removed = Vec::new();
    for step in first.steps {
        match directory.remove(&step) {
            Ok(()) => removed.push(step),
            Err(error) => findings.push(stays(folder, &step, &error.to_string())),
        }
    }
    if !removed.is_empty() {
        let (second, _) = observe(roots, folder, &directory);
        let back = second.steps.iter().filter(|step| removed.iter().any(|r| r.path == step.path));
        findings.extend(back.map(|step| stays(folder, step, "it came back")));
        let names: Vec<String> = removed.iter().map(ToString::to_string).collect();
        findings.push(
            host::stale_pid_files(folder.display().to_string(), removed.len())
                .evidence(names.join("\n")),
        );
    }
    findings
}

fn observe(roots: &Roots, folder: &Path, directory: &VmDirectory) -> (Plan<Remove>, Vec<Finding>) {
    let found = directory.observe(roots);
    let of = |(path, error): &(PathBuf, io::Error)| unreadable(&folder.join(path), error);
    (plan(folder, &found.files), found.unreadable.iter().map(of).collect())
}

fn unreadable(path: &Path, error: &io::Error) -> Finding {
    host::state_unreadable(path.display().to_string(), quoted(path)).evidence(error.to_string())
}

fn stays(folder: &Path, step: &Remove, why: &str) -> Finding {
    let path = folder.join(&step.path);
    host::stale_pid_file_stays(path.display().to_string(), quoted(&path))
        .evidence(format!("{}: {why}", step.reason))
}

#[cfg(test)]
mod tests;
