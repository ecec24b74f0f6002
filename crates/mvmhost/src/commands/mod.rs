//! The subcommands, one file each.

mod adopt;
mod apply;
mod check;
mod completions;
mod config;
mod deeds;
mod diagnose;
mod explain;
mod facts;
mod images;
mod leases;
mod net;
mod plan;
mod pool;
mod remote;
mod report;
mod status;
mod uplink;
mod vms;

use mvm_diagnostics::{Finding, catalogue};

use crate::cli::{Cli, Command, NetCommand};
use crate::context::Context;
use crate::output::{self, Exit};

/// Carries out what the command line says.
pub(crate) fn run(cli: &Cli, is_root: bool) -> Exit {
    let context = Context::new(cli);
    let (name, command): (&str, fn(&Context) -> Exit) = match &cli.command {
        Command::Explain { code } => return explain::run(&context, code),
        Command::Completions { shell } => return completions::run(*shell),
        Command::Config(what) => return config::run(&context, *what),
        Command::Net(NetCommand::Status) => ("net status", net::status),
        Command::Net(NetCommand::Leases) => ("net leases", leases::run),
        Command::Net(NetCommand::Down) => ("net down", net::down),
        Command::Check(arguments) => match &arguments.host {
            Some(host) => return remote::run(&context, host, arguments),
            None => {
                return as_root(&context, is_root, "check", |context| {
                    check::run(context, arguments)
                });
            }
        },
        Command::Images(what) => {
            return as_root(&context, is_root, "images", |context| images::run(context, what));
        }
        Command::Report { output } => {
            return as_root(&context, is_root, "report", |context| report::run(context, output));
        }
        Command::Diagnose(arguments) => {
            return as_root(&context, is_root, "diagnose", |context| {
                diagnose::run(context, arguments)
            });
        }
        Command::Adopt { dry_run } => {
            return as_root(&context, is_root, "adopt", |context| adopt::run(context, *dry_run));
        }
        Command::Status => ("status", status::run),
        Command::Facts => ("facts", facts::run),
        Command::Plan => ("plan", plan::run),
        Command::Apply(arguments) => {
            return as_root(&context, is_root, "apply", |context| apply::run(context, arguments));
        }
        Command::Confirm => ("confirm", uplink::confirm),
        Command::Undo => ("undo", uplink::undo),
        Command::Vms => ("vms", vms::run),
        Command::Pool(what) => {
            return as_root(&context, is_root, "pool", |context| pool::run(context, what));
        }
    };
    as_root(&context, is_root, name, command)
}

/// Refuses what only root can do.
fn as_root(
    context: &Context,
    is_root: bool,
    name: &str,
    command: impl FnOnce(&Context) -> Exit,
) -> Exit {
    if !is_root {
        let finding = Finding::new(&catalogue::host::NOT_ROOT, "mvmhost").with("command", name);
        output::findings(context.json, &[finding]);
        return Exit::NotRoot;
    }
    command(context)
}
