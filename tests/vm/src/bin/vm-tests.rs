//! The promises of mvmhost on a real Debian: `vm-tests [--all] [WORD...]`, words being parts of
//! `suite/name`. Run by `cargo xtask test vm`, which builds what goes in. `vm-tests images` only
//! builds the images, one after the other.

use std::process::ExitCode;

use mvm_vm::image::{self, Image, Suite};
use mvm_vm::runner;
use mvm_vm::scenarios::{SCENARIOS, SETUP};

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if arguments.first().is_some_and(|word| word == "images") {
        return images();
    }
    runner::run(&SETUP, SCENARIOS, &arguments)
}

fn images() -> ExitCode {
    for suite in Suite::ALL {
        if let Err(error) = Image::ensure(suite, &image::default_cache()) {
            eprintln!("vm-tests: {error:#}");
            return ExitCode::FAILURE;
        }
    }
    ExitCode::SUCCESS
}
