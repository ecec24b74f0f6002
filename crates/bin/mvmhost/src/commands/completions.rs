//! `mvmhost completions SHELL`

use clap::CommandFactory;
use clap_complete::Shell;

use mvm_cli::cli::Cli;
use mvm_cli::output::{self, Exit};

pub(super) fn run(shell: Shell) -> Exit {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "mvmhost", &mut script);
    output::print(&String::from_utf8_lossy(&script));
    Exit::Done
}
