//! A Debian 13 of arm64, emulated: `cargo xtask test arm64`, which builds what goes in.

use std::process::ExitCode;

use anyhow::Result;
use mvm_vm::arch::Arch;
use mvm_vm::image::{Image, Suite, default_cache};
use mvm_vm::scenarios::arm64;
use mvm_vm::{runner, setup};

fn main() -> ExitCode {
    match run() {
        Ok(()) => {
            println!("1 passed, 0 failed");
            ExitCode::SUCCESS
        }
        Err(error) => {
            println!("FAILED arm64\n{}\n0 passed, 1 failed", runner::chain(&error));
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<()> {
    let image = Image::ensure_for(Suite::Trixie, Arch::Arm64, &default_cache())?;
    let mut context = setup::boot(image)?;
    arm64::a_host_of_arm64(&mut context)
}
