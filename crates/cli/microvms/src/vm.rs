//! `mvmhost vm`: microVMs by flintlockd's API.

pub(crate) mod create;
mod delete;
mod logs;
pub(crate) mod wait;

use mvm_cli::cli::VmCommand;
use mvm_cli::context::Context;
use mvm_cli::output::Exit;

/// Carries out a subcommand of vm; exit 69 when flintlockd does not answer.
pub fn run(context: &Context, command: &VmCommand) -> Exit {
    match command {
        VmCommand::Create(arguments) => create::run(context, arguments),
        VmCommand::Delete(arguments) => delete::run(context, arguments),
        VmCommand::Logs(arguments) => logs::run(context, arguments),
        VmCommand::Console { microvm } => logs::console(context, microvm),
        VmCommand::Wait(arguments) => wait::run(context, arguments),
    }
}
