//! The systemd generator of mvmhost: `/usr/lib/systemd/system-generators/mvmhost-generator`.
//!
//! pid 1 waits for it at boot and at every daemon-reload, so it reads the configuration, looks at
//! four file names, writes a handful of small files and nothing else: no device, no bus, no clock.

mod run;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use mvm_core::Roots;

const HELP: &str = "\
Usage: mvmhost-generator NORMAL-DIR EARLY-DIR LATE-DIR

Run by systemd at boot and at every daemon-reload; see mvmhost-generator(8).

  --help     show this and exit
  --version  show the version and exit
";

fn main() -> ExitCode {
    let arguments: Vec<PathBuf> = std::env::args_os().skip(1).map(PathBuf::from).collect();
    // Tests point it at a folder; systemd does not set it.
    let root = std::env::var_os("MVMHOST_GENERATOR_ROOT").unwrap_or_else(|| "/".into());
    let in_initrd = std::env::var_os("SYSTEMD_IN_INITRD").is_some_and(|value| value == "1");
    match arguments.as_slice() {
        [one] if one == Path::new("--help") => run::print(HELP),
        [one] if one == Path::new("--version") => {
            run::print(concat!("mvmhost-generator ", env!("CARGO_PKG_VERSION"), "\n"))
        }
        // The host's configuration is not in the initrd.
        [_, _, _] if in_initrd => ExitCode::SUCCESS,
        [normal, _, late] => run::generate(&Roots::new(root), normal, late),
        _ => {
            eprint!("mvmhost-generator: three directories are needed\n{HELP}");
            ExitCode::from(64)
        }
    }
}
