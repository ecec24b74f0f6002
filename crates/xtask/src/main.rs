//! The project's own tasks. Installs by apt and cargo what a task needs; nothing has to be
//! installed by hand.

mod bench;
mod campaign;
mod generate;
mod manual;
mod musl;
mod package;
mod qemu;
mod repo;
mod rpm;
mod test;
mod tools;
mod vm;

use std::process::ExitCode;

const HELP: &str = "\
Usage: cargo xtask TASK

  test [TIER...]       every tier, or those named; --list shows them
  demo                 a disposable Debian: install, apply, reboot, show
  guest SUITE [SCRIPT...]
                       a disposable bookworm or trixie with the package installed: runs each
                       script in it, or prints how to reach it and keeps it until input ends
  campaign NAME [--minutes M] [--seed S]
                       long runs that go on where they were: power-cuts, reboots, syscalls, fuzz
  package              the .deb into target/packages/
  package --repo DIR [--key KEY]
                       the same, and into an apt repository that gpg signs
  package --rpm        the same, and the .rpm of the same files
  generate [--check]   files made from catalogue, schema and programs; --check fails when stale
  bench [PART...]      ratios against what a user would do instead: generator, network, images,
                       guest
";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let done = match words.as_slice() {
        ["test", tiers @ ..] => test::run(tiers),
        ["demo"] => vm::demo(),
        ["guest", arguments @ ..] => vm::guest(arguments),
        ["campaign", arguments @ ..] => campaign::run(arguments),
        ["package"] => package::run().map(|deb| println!("{}", deb.display())),
        ["package", "--repo", folder] => repo::run(folder, None),
        ["package", "--repo", folder, "--key", key] => repo::run(folder, Some(key)),
        ["package", "--rpm"] => {
            package::run().and_then(|_| rpm::run()).map(|rpm| println!("{}", rpm.display()))
        }
        ["generate"] => generate::run(false),
        ["generate", "--check"] => generate::run(true),
        ["bench", parts @ ..] => bench::run(parts),
        ["--help" | "-h" | "help"] | [] => {
            print!("{HELP}");
            return ExitCode::SUCCESS;
        }
        other => {
            eprint!("cargo xtask: unknown task {}\n{HELP}", other.join(" "));
            return ExitCode::from(64);
        }
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("cargo xtask {}: {error:#}", words.join(" "));
            ExitCode::FAILURE
        }
    }
}
