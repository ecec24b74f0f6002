//! Stand-in for flintlockd.

use std::process::ExitCode;

use mvm_standins::{run, settings};

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (command, rest) = match arguments.split_first() {
        Some((command, rest)) => (command.as_str(), rest),
        None => ("", [].as_slice()),
    };
    let result = match command {
        "run" => run::run(rest),
        "version" => run::version(rest),
        "" | "help" | "--help" | "-h" => {
            println!("Usage:\n  flintlockd [command]\n\nAvailable Commands:\n  run\n  version");
            Ok(())
        }
        flag if flag.starts_with('-') => Err(format!("unknown flag: {flag}")),
        other => Err(format!("unknown command {other:?} for \"flintlockd\"")),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("Error: {message}");
            eprintln!("Usage:\n  flintlockd {command} [flags]\n\nFlags:\n{}", settings::usage());
            ExitCode::FAILURE
        }
    }
}
