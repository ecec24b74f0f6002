//! The subcommands, one file each but for what takes a few lines.

mod adopt;
mod apply;
mod config;
mod drop_ins;
mod explain;
mod fragment;
mod history;
mod images;
mod init;
mod net;
mod plan;
mod pool;
mod tls;
mod undo;
mod uplink;

use std::env;
use std::path::Path;

use clap::CommandFactory as _;
use clap_complete::Shell;
use mvm_cli::cli::{Cli, Command, NetCommand};
use mvm_cli::context::Context;
use mvm_cli::output::{self, Exit};
use mvm_cli_host::{check, diagnose, facts, remote, report, status, watch};
use mvm_cli_microvms::{capmvm, leases, smoke, vm, vms};
use mvm_core::catalogue;
use mvm_pool_plan::thinpool::quote;

/// Carries out what the command line says.
pub(crate) fn run(cli: &Cli, is_root: bool) -> Exit {
    let context = Context::new(cli);
    let as_root = |command: &dyn Fn(&Context) -> Exit| match is_root {
        true => command(&context),
        false => refuse(&context),
    };
    match &cli.command {
        Command::Explain { code } => explain::run(&context, code),
        Command::Completions { shell } => completions(*shell),
        Command::Config(command) => config::run(&context, *command),
        Command::Check(arguments) => match arguments.host.is_empty() {
            false => remote::run(&context, arguments),
            true => as_root(&|context| check::run(context, arguments)),
        },
        Command::Net(NetCommand::Status) => as_root(&net::status),
        Command::Net(NetCommand::Leases) => as_root(&leases::run),
        Command::Net(NetCommand::Down) => as_root(&net::down),
        Command::Images(command) => as_root(&|context| images::run(context, command)),
        Command::Report { output } => as_root(&|context| report::run(context, output)),
        Command::Diagnose(arguments) => as_root(&|context| diagnose::run(context, arguments)),
        Command::Adopt { dry_run, drop_ins: false } => {
            as_root(&|context| adopt::run(context, *dry_run))
        }
        Command::Adopt { dry_run, drop_ins: true } => {
            as_root(&|context| drop_ins::run(context, *dry_run))
        }
        Command::Status { watch: false } => as_root(&status::run),
        Command::Status { watch: true } => as_root(&watch::run),
        Command::Facts => as_root(&facts::run),
        Command::Plan => as_root(&plan::run),
        Command::Apply(arguments) => as_root(&|context| apply::run(context, arguments)),
        Command::Confirm => as_root(&uplink::confirm),
        Command::Undo(arguments) => as_root(&|context| undo::run(context, arguments)),
        Command::Vms => as_root(&vms::run),
        Command::Tls(command) => as_root(&|context| tls::run(context, command)),
        Command::Vm(command) => as_root(&|context| vm::run(context, command)),
        Command::Smoke(arguments) => as_root(&|context| smoke::run(context, arguments)),
        Command::Capmvm(arguments) => as_root(&|context| capmvm::run(context, arguments)),
        Command::Init(arguments) => as_root(&|context| init::run(context, arguments)),
        Command::Pool(command) => as_root(&|context| pool::run(context, command)),
    }
}

/// What only root can do, with the command as it was typed.
fn refuse(context: &Context) -> Exit {
    let typed: Vec<String> = env::args_os().skip(1).map(|word| quote(Path::new(&word))).collect();
    let finding = catalogue::host::not_root("mvmhost", typed.join(" "));
    output::findings(context.json, &[finding]);
    Exit::NotRoot
}

/// `mvmhost completions SHELL`
fn completions(shell: Shell) -> Exit {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "mvmhost", &mut script);
    output::print(&String::from_utf8_lossy(&script));
    Exit::Done
}
