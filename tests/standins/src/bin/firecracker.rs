//! Stand-in for firecracker: strict about its flags, then asleep until a signal ends it.

use std::path::Path;
use std::process::ExitCode;
use std::thread;
use std::time::Duration;

use mvm_standins::flags::{self, Flag, Kind};
use mvm_standins::{guest, taps};

const KNOWN: &[Flag] = &[
    Flag("id", '\0', Kind::Text),
    Flag("boot-timer", '\0', Kind::Bool),
    Flag("no-api", '\0', Kind::Bool),
    Flag("config-file", '\0', Kind::Text),
    Flag("metadata", '\0', Kind::Text),
    Flag("version", '\0', Kind::Bool),
];

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let options = match flags::parse(KNOWN, &arguments) {
        Ok(options) => options,
        Err(message) => {
            eprintln!("Arguments parsing error: {message}");
            return ExitCode::FAILURE;
        }
    };
    if options.contains_key("version") {
        println!("Firecracker v1.14.4\n\nSupported snapshot data format versions: v6.0.0");
        return ExitCode::SUCCESS;
    }
    if !options.contains_key("id") || !options.contains_key("no-api") {
        eprintln!("this stand-in runs only as flintlockd starts it: with --id and --no-api");
        return ExitCode::FAILURE;
    }
    for name in ["config-file", "metadata"] {
        let path = options.get(name).map(String::as_str).unwrap_or_default();
        if !Path::new(path).exists() {
            eprintln!("Unable to open or read from the {name} {path}");
            return ExitCode::FAILURE;
        }
    }
    println!("standin: microvm {} runs", options.get("id").map(String::as_str).unwrap_or_default());
    let config = options.get("config-file").map(String::as_str).unwrap_or_default();
    for (tap, mac) in taps::cards(&std::fs::read_to_string(config).unwrap_or_default()) {
        thread::spawn(move || {
            if let Err(error) = guest::live(&tap, mac) {
                eprintln!("standin: the card on {tap}: {error:#}");
            }
        });
    }
    loop {
        thread::sleep(Duration::from_secs(3600));
    }
}
