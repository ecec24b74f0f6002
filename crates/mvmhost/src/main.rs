//! The command of mvmhost's operator: `/usr/bin/mvmhost`.

mod cli;
mod commands;
mod context;
mod machine;
mod output;

use std::io::IsTerminal;
use std::process::ExitCode;

use clap::Parser;
use mvm_diagnostics::sink::{self, Sink};
use mvm_diagnostics::terminal::Color;

use crate::cli::{Cli, When};
use crate::output::Exit;

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(said) => {
            // Help and version go to standard output and are no error.
            let _ = said.print();
            return if said.use_stderr() { Exit::Usage.into() } else { ExitCode::SUCCESS };
        }
    };
    let colored = match cli.color {
        When::Always => true,
        When::Never => false,
        When::Auto => std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none(),
    };
    let color = if colored { Color::Always } else { Color::Never };
    let level = if cli.verbose { log::LevelFilter::Debug } else { log::LevelFilter::Info };
    sink::init(Sink::Terminal(color), level);
    commands::run(&cli, nix::unistd::geteuid().is_root()).into()
}
