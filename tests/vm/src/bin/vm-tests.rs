//! The promises of mvmhost on a real Debian: `vm-tests bookworm|trixie [WORD...]`, words being
//! parts of the tests' names. Run by `cargo xtask test vm`, which builds what goes in. `vm-tests
//! images` only builds the images, one after the other.

use std::process::ExitCode;

use mvm_vm::image::{self, Image, Suite};
use mvm_vm::{runner, scenarios, setup};

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let named = arguments.first().map(String::as_str);
    if named == Some("images") {
        return images();
    }
    let Some(suite) = Suite::ALL.into_iter().find(|suite| Some(suite.name()) == named) else {
        eprintln!("vm-tests: name a suite: bookworm or trixie");
        return ExitCode::from(64);
    };
    let tests = match suite {
        Suite::Bookworm => scenarios::TESTS,
        Suite::Trixie => scenarios::CORE,
    };
    runner::run(&[suite], setup::boot, tests, arguments.get(1..).unwrap_or_default())
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
