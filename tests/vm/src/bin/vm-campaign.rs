//! `vm-campaign NAME MINUTES SEED`, run by `cargo xtask campaign`.

use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context as _, Result};
use mvm_vm::campaign::{
    self, Arguments, Campaign, network, power_cuts, reboots, syscalls, write_order,
};
use mvm_vm::image::Suite;
use mvm_vm::runner::chain;
use mvm_vm::setup;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match run(&arguments) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("vm-campaign: {}", chain(&error));
            ExitCode::FAILURE
        }
    }
}

/// Whether no case failed.
fn run(arguments: &[String]) -> Result<bool> {
    let [name, minutes, seed] = arguments else {
        anyhow::bail!("three arguments: NAME MINUTES SEED");
    };
    let minutes: u64 = minutes.parse().context("MINUTES")?;
    let arguments = Arguments {
        name: name.clone(),
        time: Duration::from_secs(minutes * 60),
        seed: seed.parse().context("SEED")?,
    };
    let mut campaign: Box<dyn Campaign> = match name.as_str() {
        "power-cuts" => Box::new(power_cuts::PowerCuts::of(arguments.seed)),
        "reboots" => Box::new(reboots::Reboots::default()),
        "syscalls" => Box::new(syscalls::Syscalls::default()),
        "write-order" => {
            return write_order::run(&arguments, || setup::host(Suite::Bookworm)).map(is_whole);
        }
        "syscalls-net" => return network::run(&arguments).map(is_whole),
        other => anyhow::bail!("no campaign {other}"),
    };
    let setup = || setup::freezable(Suite::Bookworm);
    campaign::run(&arguments, campaign.as_mut(), setup).map(is_whole)
}

const fn is_whole(score: campaign::Score) -> bool {
    score.failed == 0 && score.passed > 0
}
