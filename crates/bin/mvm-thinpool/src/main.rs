//! The oneshot that activates the thin pool.

use std::process::ExitCode;

use mvm_oneshot as oneshot;
use mvm_oneshot::{Options, Program, Report};
use mvm_pool_kernel::{bring_up, desired};

const PROGRAM: Program = Program {
    name: "mvm-thinpool",
    version: env!("CARGO_PKG_VERSION"),
    options: &["--config"],
    flags: &[],
    help: "Usage: mvm-thinpool [--config FILE] [--root DIR]

Checks the metadata of the thin pool of [thinpool] and activates it. Creates its files where there
never was a pool. Changes nothing when the pool is active. Started by mvm-thinpool.service.

  --config FILE  instead of /etc/mvmhost.toml
  --root DIR     the folder of the host's files, for tests
  --help         this text
  --version      the version

Exit codes: 0 done, 1 an error was found, 64 usage, 69 something that the pool needs is missing,
73 refused in order not to lose data, 77 not root, 78 configuration invalid and no last good one.
",
};

fn main() -> ExitCode {
    oneshot::main(&PROGRAM, std::env::args_os().skip(1), run)
}

fn run(program: &Program, options: &Options) -> Report {
    oneshot::configured(program, options, |roots, loaded| {
        Report::by_class(bring_up(roots, &desired(roots, &loaded.config)))
    })
}
