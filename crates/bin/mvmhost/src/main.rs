//! The command of mvmhost's operator: `/usr/bin/mvmhost`.

mod commands;

use std::process::ExitCode;

use clap::Parser;
use mvm_cli::cli::Cli;
use mvm_cli::output::{self, Exit};
use mvm_core::sink::{self, Sink};

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // Help and version go to standard output and are no error.
            let _ = error.print();
            return if error.use_stderr() { Exit::Usage.into() } else { ExitCode::SUCCESS };
        }
    };
    let color = output::color(cli.color);
    let level = if cli.verbose { log::LevelFilter::Debug } else { log::LevelFilter::Info };
    sink::init(Sink::Terminal(color), level);
    commands::run(&cli, nix::unistd::geteuid().is_root()).into()
}
