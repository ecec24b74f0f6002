//! ExecStartPre and ExecStartPost of flintlockd and containerd-dev: `/usr/libexec/mvmhost/mvm-validate`.

use std::ffi::OsString;
use std::process::ExitCode;

use mvm_oneshot as oneshot;
use mvm_oneshot::Program;
use mvm_validate::gate::Gate;

const PROGRAM: Program = Program {
    name: "mvm-validate",
    version: env!("CARGO_PKG_VERSION"),
    help: include_str!("help.txt"),
    options: &["--config"],
    flags: &[],
};

fn main() -> ExitCode {
    let mut arguments: Vec<OsString> = std::env::args_os().skip(1).collect();
    let named = arguments.iter().position(|argument| Gate::named(argument).is_some());
    let gate = named.and_then(|at| Gate::named(&arguments.remove(at)));
    oneshot::main(&PROGRAM, arguments, |program, options| {
        gate.unwrap_or(Gate::Flintlockd).run(program, options)
    })
}
