//! `mvmhost pool`: one file for each of its subcommands.

mod brake;
mod check;
mod create;
mod grow;
mod remove;
mod repair;
mod status;

use mvm_cli::cli::PoolCommand;
use mvm_cli::context::Context;
use mvm_cli::output::{self, Exit};
use mvm_config::Config;
use mvm_config::last_good::load_or_last_good;
use mvm_core::Finding;

pub(super) fn run(context: &Context, command: &PoolCommand) -> Exit {
    match command {
        PoolCommand::Create { wipe } => create::run(context, wipe.as_deref()),
        PoolCommand::Status => status::run(context),
        PoolCommand::Grow { to } => grow::run(context, *to),
        PoolCommand::Brake(command) => brake::run(context, *command),
        PoolCommand::Check => check::run(context),
        PoolCommand::Repair { dry_run, accept } => {
            repair::run(context, *dry_run, accept.as_deref())
        }
        PoolCommand::Remove => remove::run(context),
    }
}

/// The configuration that the host runs by, with what there is to say of it; what is wrong has been
/// said.
fn config(context: &Context) -> Result<(Config, Vec<Finding>), Exit> {
    match load_or_last_good(&context.roots, context.config.as_deref()) {
        Ok((loaded, last_good)) => Ok((loaded.config, last_good.into_iter().collect())),
        Err(findings) => {
            output::findings(context.json, &findings);
            Err(Exit::Config)
        }
    }
}
