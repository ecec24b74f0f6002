//! What every program has in common, compiled into the tests of each: --help, --version, a bad
//! option, a bad configuration, a closed standard output.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail by panicking")]

use std::fs;
use std::process::{Command, Output, Stdio};

const PROGRAM: &str = env!(concat!("CARGO_BIN_EXE_", env!("CARGO_PKG_NAME")));

fn run(arguments: &[&str]) -> Output {
    Command::new(PROGRAM).args(arguments).stdin(Stdio::null()).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

#[test]
fn help_goes_to_standard_output_and_names_the_program() {
    let output = run(&["--help"]);
    assert_eq!(output.status.code(), Some(0));
    assert!(text(&output.stderr).is_empty());
    assert!(text(&output.stdout).contains("Usage: "), "{}", text(&output.stdout));
    assert!(text(&output.stdout).contains(env!("CARGO_PKG_NAME")));
}

#[test]
fn version_is_the_workspace_s() {
    let output = run(&["--version"]);
    assert_eq!(output.status.code(), Some(0));
    let expected = concat!(env!("CARGO_PKG_NAME"), " ", env!("CARGO_PKG_VERSION"), "\n");
    assert_eq!(text(&output.stdout), expected);
}

#[test]
fn an_unknown_option_is_a_usage_error() {
    let output = run(&["--no-such-option"]);
    assert_eq!(output.status.code(), Some(64), "{}", text(&output.stderr));
    assert!(text(&output.stdout).is_empty());
    assert!(!text(&output.stderr).is_empty());
}

#[test]
fn a_closed_standard_output_is_no_crash() {
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let output = Command::new(PROGRAM).arg("--help").stdout(writer).output().unwrap();
    assert!(output.status.code().is_some(), "killed by a signal: {:?}", output.status);
    assert!(!text(&output.stderr).contains("panicked"), "{}", text(&output.stderr));
}

/// Programs that read the configuration refuse an invalid one that was never good, with its place.
#[test]
fn an_invalid_configuration_is_named_by_file_and_line() {
    if env!("CARGO_PKG_NAME") == "mvmhost-generator" || env!("CARGO_PKG_NAME") == "mvm-hygiene" {
        // The generator never fails for it, which is the golden tests' business; mvm-hygiene
        // reads none.
        assert!(!text(&run(&["--help"]).stdout).contains("--config"));
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("etc")).unwrap();
    fs::write(folder.path().join("etc/mvmhost.toml"), "\n[thinpol]\n").unwrap();
    let root = folder.path().to_str().unwrap();
    let arguments: &[&str] = if env!("CARGO_PKG_NAME") == "mvmhost" {
        &["--root", root, "config", "check"]
    } else {
        &["--root", root]
    };
    let output = run(arguments);
    let output_text = text(&output.stderr) + &text(&output.stdout);
    assert_eq!(output.status.code(), Some(78), "{output_text}");
    assert!(output_text.contains("mvmhost.toml:2:"), "{output_text}");
}
