//! The promises of mvmhost on a real Debian: `vm-tests bookworm|trixie [WORD...]`, words being
//! parts of the tests' names. Run by `cargo xtask test vm`, which builds what goes in.

use std::process::ExitCode;

use mvm_vm::image::Suite;
use mvm_vm::{runner, scenarios, setup};

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let named = arguments.first().map(String::as_str);
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
