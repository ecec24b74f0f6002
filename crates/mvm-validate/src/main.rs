//! ExecStartPre and ExecStartPost of flintlockd and containerd-dev: `/usr/libexec/mvmhost/mvm-validate`.

use std::ffi::OsString;
use std::process::ExitCode;

use mvm_host::configuration::load_or_last_good;
use mvm_host::exit;
use mvm_host::oneshot::{self, Options, Program, Report};
use mvm_validate::gate::Gate;

const PROGRAM: Program = Program {
    name: "mvm-validate",
    version: env!("CARGO_PKG_VERSION"),
    help: include_str!("help.txt"),
    options: &["--config"],
};

fn main() -> ExitCode {
    let mut arguments: Vec<OsString> = std::env::args_os().skip(1).collect();
    let named = arguments.iter().position(|argument| Gate::named(argument).is_some());
    let gate = named.and_then(|at| Gate::named(&arguments.remove(at)));
    oneshot::main(&PROGRAM, arguments, |program, options| {
        run(program, options, gate.unwrap_or(Gate::Flintlockd))
    })
}

fn run(program: &Program, options: &Options, gate: Gate) -> Report {
    let roots = options.roots();
    if let Some(refused) = Report::unless_root(program, &roots) {
        return refused;
    }
    let config = options.get("--config").map(|path| path.as_path());
    match load_or_last_good(&roots, config) {
        Ok((loaded, last_good)) => {
            let passed = gate.pass(&roots, &loaded.config, last_good);
            Report { findings: Vec::new(), code: if passed { exit::DONE } else { exit::FINDINGS } }
        }
        Err(findings) => Report { findings, code: exit::CONFIGURATION },
    }
}
