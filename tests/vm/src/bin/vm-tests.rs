//! The promises of mvmhost on Debian 12 and 13: `vm-tests [WORD...]`, words being parts of names
//! such as `bookworm/reboots`. Run by `cargo xtask test vm`, which builds what goes in.

use std::process::ExitCode;

use anyhow::Result;
use mvm_vm::guest::{Guest, Options};
use mvm_vm::image::{Image, Suite};
use mvm_vm::repository::Repository;
use mvm_vm::runner::{self, Context};
use mvm_vm::{scenarios, tools};

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    runner::run(&Suite::ALL, setup, scenarios::TESTS, &arguments)
}

fn setup(image: Image) -> Result<Context> {
    let packages = tools::target_dir().join("packages");
    let repository = Repository::build(image.suite(), &[&image.pool(), &packages])?;
    let options = Options { repository: Some(repository.disk()), ..Options::default() };
    let mut guest = Guest::boot(&image, options)?;
    repository.install(&mut guest)?;
    Ok(Context { guest, repository: Some(repository) })
}
