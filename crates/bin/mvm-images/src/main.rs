//! The oneshot that makes images complete.

use std::process::ExitCode;

use mvm_oneshot as oneshot;
use mvm_oneshot::Program;

mod run;

const PROGRAM: Program = Program {
    name: "mvm-images",
    version: env!("CARGO_PKG_VERSION"),
    options: &["--config"],
    flags: &["--list"],
    help: "Usage: mvm-images [--list] [--config FILE] [--root DIR]

Pulls, verifies and unpacks the images of [images] where flintlock looks for them. Asks no registry
when all are complete. Started by mvm-images.service.

  --list         only write the list of images for mvm-registry
  --config FILE  instead of /etc/mvmhost.toml
  --root DIR     the folder of the host's files, for tests
  --help         this text
  --version      the version

Exit codes: 0 done, or images are missing and on-failure is \"warn\", 1 images are missing and
on-failure is \"block\", 64 usage, 69 containerd does not answer, 77 not root, 78 configuration
invalid and no last good one.
",
};

fn main() -> ExitCode {
    oneshot::main(&PROGRAM, std::env::args_os().skip(1), run::run)
}
