//! The promises of mvmhost on a real Debian: `vm-tests bookworm|trixie [WORD...]`, words being
//! parts of the tests' names. Run by `cargo xtask test vm`, which builds what goes in.

use std::process::ExitCode;

use anyhow::Result;
use mvm_vm::guest::{Guest, Options};
use mvm_vm::image::{Image, Suite};
use mvm_vm::repository::Repository;
use mvm_vm::runner::{self, Context};
use mvm_vm::{scenarios, tools};

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
    runner::run(&[suite], setup, tests, arguments.get(1..).unwrap_or_default())
}

fn setup(image: Image) -> Result<Context> {
    let packages = tools::target_dir().join("packages");
    let repository = Repository::build(image.suite(), &[&image.pool(), &packages])?;
    let options = Options { repository: Some(repository.disk()), ..Options::default() };
    let mut guest = Guest::boot(&image, options)?;
    repository.install(&mut guest)?;
    Ok(Context { guest, repository: Some(repository) })
}
