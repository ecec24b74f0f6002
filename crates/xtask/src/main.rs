//! The project's own tasks. Installs by apt and cargo what a task needs; nothing has to be
//! installed by hand.

mod arch;
mod arm64;
mod before;
mod bench;
mod campaign;
mod compile;
mod generate;
mod grafana;
mod licences;
mod manual;
mod musl;
mod package;
mod qemu;
mod release;
mod repo;
mod rpm;
mod sbom;
mod schemas;
mod selinux;
mod sums;
mod test;
mod tools;
mod vm;

use std::process::ExitCode;

const HELP: &str = "\
Usage: cargo xtask TASK

  test [--all] [TIER...]
                       the gate, every tier and every scenario, or the tiers named; --list shows
                       what is where, and the seconds that it took last
  demo                 a disposable Debian: install, apply, reboot, show
  guest SUITE [SCRIPT...]
                       a disposable bookworm or trixie with the package installed: runs each
                       script in it, or prints how to reach it and keeps it until input ends
  campaign NAME [--minutes M] [--seed S]
                       long runs that go on where they were: power-cuts, write-order, syscalls,
                       reboots, fuzz
  package              the .deb into target/packages/, with its components and checksum
  package --rpm        the same, and the .rpm of the same files
  package --arch ARCH  both for amd64, arm64 or all; another machine's into target/packages/ARCH
  package --verify     both twice: the second time elsewhere and later, with the same bytes
  package --repo DIR [--key KEY]
                       the .deb, and into an apt repository that gpg signs
  generate [--check]   files made from catalogue, schema and programs; --check fails when stale
  licences             debian/copyright and the components, from Cargo.lock and the crates
  bench [PART...]      ratios against what a user would do instead: generator, network, images,
                       and in a guest pool, boot, check
";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let result = match words.as_slice() {
        ["test", tiers @ ..] => test::run(tiers),
        ["demo"] => vm::demo(),
        ["guest", arguments @ ..] => vm::guest(arguments),
        ["campaign", arguments @ ..] => campaign::run(arguments),
        ["package", arguments @ ..] => release::run(arguments),
        ["licences"] => licences::run(),
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
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("cargo xtask {}: {error:#}", words.join(" "));
            ExitCode::FAILURE
        }
    }
}
