//! The service that watches the thin pool.

use std::process::ExitCode;

use mvm_oneshot as oneshot;
use mvm_oneshot::Program;

mod brake;
mod guard;
mod run;
#[cfg(test)]
mod tests;

const PROGRAM: Program = Program {
    name: "mvm-guard",
    version: env!("CARGO_PKG_VERSION"),
    options: &["--config"],
    flags: &[],
    help: "Usage: mvm-guard [--config FILE] [--root DIR]

Watches the thin pool of [thinpool]. Grows it while there is room, stops flintlockd before the pool
is full, and starts it again when there is room. Runs until it is stopped. Started by
mvm-guard.service.

  --config FILE  instead of /etc/mvmhost.toml
  --root DIR     the folder of the host's files, for tests
  --help         this text
  --version      the version

Exit codes: 64 usage, 77 not root, 78 configuration invalid and no last good one.
",
};

fn main() -> ExitCode {
    oneshot::main(&PROGRAM, std::env::args_os().skip(1), run::run)
}
