//! The oneshot that brings up the bridge.

use std::process::ExitCode;

use mvm_host::oneshot::{self, Program};

mod run;

const PROGRAM: Program = Program {
    name: "mvm-net",
    version: env!("CARGO_PKG_VERSION"),
    options: &["--config"],
    help: "Usage: mvm-net [--config FILE] [--root DIR]

Makes the bridge of [network.bridge] as the configuration asks, and changes nothing when it
already is. Started by mvm-net.service.

  --config FILE  instead of /etc/mvmhost.toml
  --root DIR     where the host's files are, for tests
  --help         this text
  --version      the version

Exit codes: 0 done, 1 an error was found, 64 usage, 69 the kernel does not answer, 77 not root,
78 configuration invalid and no last good one.
",
};

fn main() -> ExitCode {
    oneshot::main(&PROGRAM, std::env::args_os().skip(1), run::run)
}
