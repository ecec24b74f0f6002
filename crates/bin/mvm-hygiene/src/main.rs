//! The oneshot that clears stale PID files of microVMs.

use std::process::ExitCode;

use mvm_oneshot as oneshot;
use mvm_oneshot::Program;

mod run;
mod state;

const PROGRAM: Program = Program {
    name: "mvm-hygiene",
    version: env!("CARGO_PKG_VERSION"),
    options: &["--state-dir"],
    flags: &[],
    help: "Usage: mvm-hygiene [--state-dir DIR] [--root DIR]

Removes the PID files of microVMs whose process is gone or is another program. Started by
mvm-hygiene.service before flintlockd.

  --state-dir DIR  flintlockd's state directory, instead of /var/lib/flintlock
  --root DIR       the folder of the host's files, for tests
  --help           this text
  --version        the version

Exit codes: 0 done, 1 a stale file could not be removed or found, 64 usage, 77 not root.
",
};

fn main() -> ExitCode {
    oneshot::main(&PROGRAM, std::env::args_os().skip(1), run::run)
}
