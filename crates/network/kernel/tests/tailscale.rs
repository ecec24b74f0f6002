//! tailscale's routes, with a program in its place that keeps its list in a file.

#![allow(clippy::unwrap_used)]

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};

use ipnet::IpNet;
use mvm_core::Roots;
use mvm_core::exec::System;
use mvm_network_kernel::tailscale::{Tailscale, bring_up};
use tempfile::TempDir;

/// Answers as tailscale does, from the file beside it.
const PROGRAM: &str = r#"#!/bin/sh
here=$(dirname "$0")
case "$*" in
"debug prefs") printf '{"ControlURL": "x", "AdvertiseRoutes": [%s]}\n' "$(sed 's/[^,]*/"&"/g' "$here/list")" ;;
"set --advertise-routes="*) echo "$*" | sed 's/.*=//' >"$here/list" ;;
*) echo "unknown: $*" >&2; exit 1 ;;
esac
"#;

fn machine() -> (TempDir, Roots) {
    let folder = tempfile::tempdir().unwrap();
    let bin = folder.path().join("usr/bin");
    fs::create_dir_all(&bin).unwrap();
    fs::write(bin.join("list"), "0.0.0.0/0").unwrap();
    fs::write(bin.join("tailscale"), PROGRAM).unwrap();
    fs::set_permissions(bin.join("tailscale"), fs::Permissions::from_mode(0o755)).unwrap();
    symlink("/bin", folder.path().join("bin")).unwrap();
    let roots = Roots::new(folder.path());
    (folder, roots)
}

fn run(roots: &Roots, desired: &[&str]) -> Vec<&'static str> {
    let desired: Vec<IpNet> = desired.iter().map(|net| net.parse().unwrap()).collect();
    let findings = bring_up(&Tailscale { roots, programs: &System }, &desired);
    findings.iter().map(|finding| finding.code()).collect()
}

#[test]
fn routes_come_and_go_beside_those_of_others() {
    let (folder, roots) = machine();
    let list = || fs::read_to_string(folder.path().join("usr/bin/list")).unwrap().trim().to_owned();
    assert_eq!(run(&roots, &[]), [""; 0]);
    assert_eq!(run(&roots, &["10.42.0.0/24"]), ["MVM-NET-092"]);
    assert_eq!(list(), "0.0.0.0/0,10.42.0.0/24");
    assert_eq!(run(&roots, &["10.42.0.0/24"]), [""; 0]);
    assert_eq!(run(&roots, &[]), ["MVM-NET-092"]);
    assert_eq!(list(), "0.0.0.0/0");
    assert_eq!(run(&roots, &[]), [""; 0]);
}

#[test]
fn a_tailscale_that_fails_or_is_not_there_is_said() {
    let (folder, roots) = machine();
    let program = folder.path().join("usr/bin/tailscale");
    fs::write(&program, "#!/bin/sh\necho 'failed to connect to local tailscaled' >&2; exit 1\n")
        .unwrap();
    assert_eq!(run(&roots, &["10.42.0.0/24"]), ["MVM-NET-091"]);
    fs::write(&program, "#!/bin/sh\necho '<html>'\n").unwrap();
    assert_eq!(run(&roots, &["10.42.0.0/24"]), ["MVM-NET-091"]);
    fs::remove_file(&program).unwrap();
    assert_eq!(run(&roots, &["10.42.0.0/24"]), ["MVM-NET-090"]);
    assert_eq!(run(&roots, &[]), [""; 0]);
}
