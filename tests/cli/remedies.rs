//! States that a folder can hold, healed by what mvmhost prints for them, typed as it is printed.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail by panicking")]

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::Value;

/// A host in a folder, and a `mvmhost` that knows no other.
struct Host(tempfile::TempDir);

impl Host {
    fn new() -> Self {
        let host = Self(tempfile::tempdir().unwrap());
        for path in ["etc", "run/mvmhost", "var/lib/mvmhost", "proc", "bin"] {
            fs::create_dir_all(host.0.path().join(path)).unwrap();
        }
        let program = host.0.path().join("bin/mvmhost");
        let root = host.0.path().display();
        let text =
            format!("#!/bin/sh\nexec {} --root {root} \"$@\"\n", env!("CARGO_BIN_EXE_mvmhost"));
        fs::write(&program, text).unwrap();
        fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
        host
    }

    /// Types lines, as an operator does.
    fn types(&self, lines: &str) -> (Option<i32>, String) {
        let bin = self.0.path().join("bin");
        let path = format!("{}:/usr/sbin:/usr/bin:/sbin:/bin", bin.display());
        let mut shell = Command::new("sh");
        // A machine with systemd is not touched.
        shell.env("DBUS_SYSTEM_BUS_ADDRESS", "unix:path=/nonexistent/bus").env("PATH", path);
        let output = shell.args(["-c", lines]).stdin(Stdio::null()).output().unwrap();
        (output.status.code(), String::from_utf8_lossy(&output.stdout).into_owned())
    }

    /// What a command says under this code.
    fn finding(&self, command: &str, code: &str) -> Option<Value> {
        let (_, text) = self.types(&format!("mvmhost --json {command}"));
        let document: Value = serde_json::from_str(&text).unwrap();
        let findings = document["findings"].as_array().cloned().unwrap_or_default();
        findings.into_iter().find(|finding| finding["code"] == code)
    }

    fn at(&self, path: &str) -> std::path::PathBuf {
        self.0.path().join(Path::new(path).strip_prefix("/").unwrap())
    }
}

#[test]
fn a_printed_remedy_heals_what_it_is_for() {
    let host = Host::new();
    for (code, prepare, command) in [
        ("MVM-SEC-022", "true", "tls show"),
        ("MVM-SEC-016", "mvmhost tls init", "tls show --client nobody --secret s"),
    ] {
        host.types(prepare);
        let (before, _) = host.types(&format!("mvmhost {command}"));
        assert_ne!(before, Some(0), "{code}");
        let finding = host.finding(command, code).unwrap();
        let (status, _) = host.types(finding["remedy"].as_str().unwrap());
        assert_eq!(status, Some(0), "{finding}");
        assert_eq!(host.types(&format!("mvmhost {command}")).0, Some(0), "{code}");
    }
}

#[test]
fn an_init_that_nobody_answers_is_answered_by_its_remedy() {
    let host = Host::new();
    let finding = host.finding("init", "MVM-HOST-263").unwrap();
    let (status, _) = host.types(finding["remedy"].as_str().unwrap());
    // What stands in the way of its plan is no matter of init.
    assert!(host.at("/etc/mvmhost.toml").exists(), "{status:?} {finding}");
}
