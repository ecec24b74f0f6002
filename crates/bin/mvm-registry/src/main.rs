//! A read-only registry on this host.

use std::process::ExitCode;

use mvm_oneshot as oneshot;
use mvm_oneshot::Program;
use mvm_registry::run;

const PROGRAM: Program = Program {
    name: "mvm-registry",
    version: env!("CARGO_PKG_VERSION"),
    options: &["--listen", "--files"],
    flags: &[],
    help: "Usage: mvm-registry [--listen ADDRESS:PORT] [--files DIR]

Serves the images of [images] to every client, straight from containerd's content store. Started by
mvm-registry.service.

  --listen ADDRESS:PORT  instead of 127.0.0.1:5000
  --files DIR            the folder of content/ and served/, instead of /run/mvm-registry
  --root DIR             the folder of the host's files, for tests
  --help                 this text
  --version              the version

Exit codes: 0 never, 1 it cannot listen, 64 usage.
",
};

fn main() -> ExitCode {
    oneshot::main(&PROGRAM, std::env::args_os().skip(1), |_, options| run(options))
}
