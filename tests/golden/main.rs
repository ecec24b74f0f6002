//! The generator, by trees: `NN-name/root` in, `NN-name/expected/{normal,early,late,kmsg}` out.
//!
//! To add a case, add a folder; `UPDATE_GOLDEN=1 cargo test -p mvmhost-generator` writes what is
//! expected, for you to read.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail by panicking")]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};

const PROGRAM: &str = env!("CARGO_BIN_EXE_mvmhost-generator");

fn cases() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../tests/golden");
    let mut cases: Vec<PathBuf> =
        fs::read_dir(folder).unwrap().map(|e| e.unwrap().path()).filter(|p| p.is_dir()).collect();
    cases.sort();
    assert!(cases.len() >= 8);
    cases
}

fn copy(from: &Path, to: &Path) {
    assert!(Command::new("cp").arg("-a").arg(from).arg(to).status().unwrap().success());
}

/// A case's root in a scratch folder, with the files that git cannot hold.
fn stage(case: &Path, scratch: &Path) -> PathBuf {
    let root = scratch.join("root");
    copy(&case.join("root"), &root);
    fs::create_dir_all(root.join("dev")).unwrap();
    fs::write(root.join("dev/kmsg"), "").unwrap();
    root
}

fn generate(root: &Path, out: &Path) -> ExitStatus {
    let directories = ["normal", "early", "late"].map(|name| out.join(name));
    for directory in &directories {
        fs::create_dir_all(directory).unwrap();
    }
    let mut command = Command::new(PROGRAM);
    command.args(&directories).env("MVMHOST_GENERATOR_ROOT", root).env_remove("SYSTEMD_IN_INITRD");
    let output = command.output().unwrap();
    assert!(output.stdout.is_empty() && output.stderr.is_empty(), "{output:?}");
    output.status
}

fn tree(folder: &Path) -> BTreeMap<PathBuf, String> {
    let mut found = BTreeMap::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let name = path.strip_prefix(folder).unwrap().to_owned();
                found.insert(name, fs::read_to_string(&path).unwrap());
            }
        }
    }
    found
}

#[test]
fn every_case_gives_its_tree() {
    for case in cases() {
        let scratch = tempfile::tempdir().unwrap();
        let root = stage(&case, scratch.path());
        let out = scratch.path().join("out");
        assert!(generate(&root, &out).success(), "{}", case.display());
        // Messages name files below the root; the scratch folder's name changes.
        let kmsg = fs::read_to_string(root.join("dev/kmsg")).unwrap();
        let kmsg = kmsg.replace(root.to_str().unwrap(), "");
        fs::write(out.join("kmsg"), kmsg).unwrap();
        let expected = case.join("expected");
        if std::env::var_os("UPDATE_GOLDEN").is_some() {
            if expected.exists() {
                fs::remove_dir_all(&expected).unwrap();
            }
            copy(&out, &expected);
        }
        assert_eq!(tree(&out), tree(&expected), "{}", case.display());
    }
}

/// A host with flintlockd's program and without a unit for it.
fn host_with_a_program(scratch: &Path) -> PathBuf {
    let case = cases().into_iter().find(|case| case.ends_with("02-late-unit")).unwrap();
    let root = stage(&case, scratch);
    fs::create_dir_all(root.join("sys/fs/cgroup/system.slice/flintlockd.service")).unwrap();
    root
}

#[test]
fn a_flintlockd_that_runs_is_left_alone_until_something_is_applied() {
    let scratch = tempfile::tempdir().unwrap();
    let root = host_with_a_program(scratch.path());
    let (before, after) = (scratch.path().join("before"), scratch.path().join("after"));
    assert!(generate(&root, &before).success());
    assert!(tree(&before).is_empty(), "{:?}", tree(&before));
    fs::create_dir_all(root.join("etc/mvmhost")).unwrap();
    fs::write(root.join("etc/mvmhost/applied.toml"), "").unwrap();
    assert!(generate(&root, &after).success());
    assert!(tree(&after).len() > 3, "{:?}", tree(&after));
}

#[test]
fn a_unit_with_processes_stays_while_its_program_is_away() {
    let scratch = tempfile::tempdir().unwrap();
    let root = host_with_a_program(scratch.path());
    fs::create_dir_all(root.join("run/mvmhost")).unwrap();
    fs::remove_file(root.join("usr/local/bin/flintlockd")).unwrap();
    let (with, without) = (scratch.path().join("with"), scratch.path().join("without"));
    assert!(generate(&root, &with).success());
    assert!(with.join("late/flintlockd.service").exists());
    fs::remove_dir(root.join("sys/fs/cgroup/system.slice/flintlockd.service")).unwrap();
    assert!(generate(&root, &without).success());
    assert!(!without.join("late/flintlockd.service").exists());
}

#[test]
fn a_second_run_changes_nothing() {
    for case in cases() {
        let scratch = tempfile::tempdir().unwrap();
        let root = stage(&case, scratch.path());
        let (one, two) = (scratch.path().join("one"), scratch.path().join("two"));
        generate(&root, &one);
        generate(&root, &two);
        generate(&root, &two);
        assert_eq!(tree(&one), tree(&two), "{}", case.display());
    }
}

#[test]
fn a_configuration_that_cannot_be_read_never_fails_and_never_blocks() {
    let case = cases().remove(0);
    for kind in ["fifo", "folder", "huge", "binary", "nested", "link"] {
        let scratch = tempfile::tempdir().unwrap();
        let root = stage(&case, scratch.path());
        let file = root.join("etc/mvmhost.toml");
        let _ = fs::remove_file(&file);
        match kind {
            "fifo" => assert!(Command::new("mkfifo").arg(&file).status().unwrap().success()),
            "folder" => fs::create_dir(&file).unwrap(),
            "huge" => fs::File::create(&file).unwrap().set_len(1 << 30).unwrap(),
            "binary" => fs::write(&file, [0xff, 0xfe, 0x00]).unwrap(),
            "nested" => fs::write(&file, format!("a = {}", "[".repeat(100_000))).unwrap(),
            _ => std::os::unix::fs::symlink("mvmhost.toml", &file).unwrap(),
        }
        let out = scratch.path().join("out");
        assert!(generate(&root, &out).success(), "{kind}");
        let tree = tree(&out);
        let held = &tree[Path::new("normal/flintlockd.service.d/50-mvmhost.conf")];
        assert!(held.contains("mvm-validate"), "{kind}: {held}");
        let kmsg = fs::read_to_string(root.join("dev/kmsg")).unwrap();
        assert!(kmsg.contains("MVM-CONF-"), "{kind}: {kmsg}");
    }
}

#[test]
fn directories_that_cannot_be_written_are_said_and_leave_nothing_half_done() {
    let case = cases().remove(0);
    let scratch = tempfile::tempdir().unwrap();
    let root = stage(&case, scratch.path());
    let out = scratch.path().join("out");
    fs::create_dir(&out).unwrap();
    // A file where the directory should be: root may write to a read-only one.
    fs::write(out.join("normal"), "").unwrap();
    let directories = ["normal", "early", "late"].map(|name| out.join(name));
    let mut command = Command::new(PROGRAM);
    command.args(&directories).env("MVMHOST_GENERATOR_ROOT", &root);
    assert_eq!(command.status().unwrap().code(), Some(1));
    assert!(fs::read_to_string(root.join("dev/kmsg")).unwrap().contains("MVM-CONF-"));
}

#[test]
fn in_the_initrd_nothing_is_written() {
    let case = cases().remove(0);
    let scratch = tempfile::tempdir().unwrap();
    let root = stage(&case, scratch.path());
    let out = scratch.path().join("out");
    fs::create_dir(&out).unwrap();
    let mut command = Command::new(PROGRAM);
    command.args([&out, &out, &out]).env("MVMHOST_GENERATOR_ROOT", &root);
    assert!(command.env("SYSTEMD_IN_INITRD", "1").status().unwrap().success());
    assert!(tree(&out).is_empty());
}
