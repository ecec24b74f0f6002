//! The oneshot that activates the thin pool.

use std::process::ExitCode;

use mvm_oneshot as oneshot;
use mvm_oneshot::Program;

mod run;

const PROGRAM: Program = Program {
    name: "mvm-thinpool",
    version: env!("CARGO_PKG_VERSION"),
    options: &["--config"],
    flags: &[],
    help: "Usage: mvm-thinpool [--config FILE] [--root DIR]

Activates the thin pool of [thinpool], after a check of its metadata, and makes it where there
never was one. Changes nothing when the pool is live. Started by mvm-thinpool.service.

  --config FILE  instead of /etc/mvmhost.toml
  --root DIR     where the host's files are, for tests
  --help         this text
  --version      the version

Exit codes: 0 done, 1 an error was found, 64 usage, 69 something the pool needs is not there,
73 refused in order not to lose data, 77 not root, 78 configuration invalid and no last good one.
",
};

fn main() -> ExitCode {
    oneshot::main(&PROGRAM, std::env::args_os().skip(1), run::run)
}
