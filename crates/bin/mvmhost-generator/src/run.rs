//! Configuration in, unit files out.

use std::fs;
use std::io::{self, Write};
use std::path::Path;
use std::process::ExitCode;

use mvm_config::Config;
use mvm_config::load::{Loaded, Problem};
use mvm_core::{Finding, Roots, catalogue, kmsg};
use mvm_units_plan::units::{self, Directory, Installed, UnitFile};

/// /dev/kmsg is rate-limited, and the oneshots say everything again in the journal.
const PROBLEMS_REPORTED: usize = 5;

/// Prints to standard output; a closed one is no failure.
pub(crate) fn print(text: &str) -> ExitCode {
    let _ = io::stdout().lock().write_all(text.as_bytes());
    ExitCode::SUCCESS
}

/// Writes the unit files. Exit 1 only says that a file could not be written: systemd logs it and
/// boots on.
pub(crate) fn generate(roots: &Roots, normal: &Path, late: &Path) -> ExitCode {
    let device = roots.at("/dev/kmsg");
    // Names only: nothing is opened, so nothing can block.
    let exists = |path: &str| fs::symlink_metadata(roots.at(path)).is_ok();
    let files = match configuration(roots, &device) {
        Some(config) if units::is_too_early(&config, exists) => Vec::new(),
        Some(config) => units::files(&config, Installed::new(&config, exists)),
        None if units::is_too_early(&Config::default(), exists) => Vec::new(),
        None => units::without_config(Installed::new(&Config::default(), exists)),
    };
    let mut code = ExitCode::SUCCESS;
    for file in &files {
        let directory = match file.directory {
            Directory::Normal => normal,
            Directory::Late => late,
        };
        if let Err(error) = write(directory, file) {
            let path = directory.join(&file.path);
            let finding = catalogue::conf::unit_not_written(path.to_string_lossy(), error);
            kmsg::report(&device, &finding);
            code = ExitCode::FAILURE;
        }
    }
    code
}

/// The configuration, else the last good one, else none.
fn configuration(roots: &Roots, device: &Path) -> Option<Config> {
    let problems = match mvm_config::load::load(roots, None) {
        Ok(Loaded { config, .. }) => return Some(config),
        Err(problems) => problems,
    };
    for problem in problems.iter().take(PROBLEMS_REPORTED) {
        kmsg::report(device, &invalid(problem));
    }
    let last_good = mvm_config::load::load_applied(roots);
    let first = problems.first().map(ToString::to_string).unwrap_or_default();
    let file = roots.config();
    let file = file.to_string_lossy();
    let finding = match &last_good {
        Ok(Some(_)) => catalogue::conf::last_good(file, first),
        Ok(None) | Err(_) => catalogue::conf::no_last_good(file, first),
    };
    kmsg::report(device, &finding);
    last_good.ok().flatten().map(|loaded| loaded.config)
}

fn invalid(problem: &Problem) -> Finding {
    catalogue::conf::invalid(problem.file.clone(), problem)
}

/// Whole or not at all: systemd reads the directory only after all generators have ended, but a
/// full /run must not leave half a line behind.
fn write(directory: &Path, file: &UnitFile) -> io::Result<()> {
    let target = directory.join(&file.path);
    let parent = target.parent().unwrap_or(directory);
    fs::create_dir_all(parent)?;
    let temporary = parent.join(".mvmhost-new");
    let written = fs::write(&temporary, &file.text).and_then(|()| fs::rename(&temporary, &target));
    if written.is_err() {
        // What is left of a failed write is no unit file, and it takes room.
        let _ = fs::remove_file(&temporary);
    }
    written
}
