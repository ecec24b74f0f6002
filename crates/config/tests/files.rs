//! Which files are read, and that none is ever waited for.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

mod support;

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;

use mvm_config::load::{MOST_FRAGMENTS, load, load_applied, read};
use mvm_config::{Config, to_toml, write_back};
use mvm_core::Roots;
use support::lines;
use tempfile::TempDir;

fn host(files: &[(&str, &[u8])]) -> (TempDir, Roots) {
    let folder = tempfile::tempdir().unwrap();
    for (name, bytes) in files {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }
    let roots = Roots::new(folder.path());
    (folder, roots)
}

fn problems(roots: &Roots) -> Vec<String> {
    lines(&load(roots, None).unwrap_err())
}

#[test]
fn fragments_in_byte_order() {
    let (_folder, roots) = host(&[
        ("etc/mvmhost.toml", b"thinpool.name = \"a\""),
        ("etc/mvmhost.toml.d/9.toml", b"thinpool.name = \"nine\""),
        ("etc/mvmhost.toml.d/10.toml", b"thinpool.name = \"ten\""),
        ("etc/mvmhost.toml.d/.hidden.toml", b"?"),
        ("etc/mvmhost.toml.d/README", b"?"),
        ("etc/mvmhost.toml.d/x.toml.bak", b"?"),
    ]);
    let names: Vec<String> =
        read(&roots, None).unwrap().into_iter().map(|source| source.name).collect();
    assert_eq!(
        names,
        ["/etc/mvmhost.toml", "/etc/mvmhost.toml.d/10.toml", "/etc/mvmhost.toml.d/9.toml"]
    );
    assert_eq!(load(&roots, None).unwrap().config.thinpool.name.as_str(), "nine");
}

#[test]
fn absence_is_the_default_host_unless_the_file_was_named() {
    let (folder, roots) = host(&[]);
    assert_eq!(load(&roots, None).unwrap().config, Config::default());
    let path = folder.path().join("x.toml");
    let shown = lines(&load(&roots, Some(&path)).unwrap_err());
    assert!(shown[0].starts_with(&format!("{}: no such file", path.display())), "{shown:?}");
    fs::write(&path, "thinpool.name = \"x\"").unwrap();
    assert_eq!(load(&roots, Some(&path)).unwrap().config.thinpool.name.as_str(), "x");
}

#[test]
fn a_named_file_has_its_own_fragments() {
    let (folder, roots) = host(&[
        ("etc/mvmhost.toml.d/1.toml", b"?"),
        ("x.toml", b""),
        ("x.toml.d/1.toml", b"thinpool.name = \"y\""),
    ]);
    let loaded = load(&roots, Some(&folder.path().join("x.toml"))).unwrap();
    assert_eq!(loaded.config.thinpool.name.as_str(), "y");
}

#[test]
fn what_cannot_be_read_does_not_hide_mistakes_elsewhere() {
    let (folder, roots) = host(&[
        ("etc/mvmhost.toml", b"\xef\xbb\xbf# caf\xc3\xa9\n\nname = \"\xff\"\n"),
        ("etc/mvmhost.toml.d/2.toml", b"\nnope = 1\nthinpool.backend = \"lvm\""),
    ]);
    fs::create_dir(folder.path().join("etc/mvmhost.toml.d/1.toml")).unwrap();
    symlink("/nowhere/at/all", folder.path().join("etc/mvmhost.toml.d/3.toml")).unwrap();
    symlink("/dev/zero", folder.path().join("etc/mvmhost.toml.d/4.toml")).unwrap();
    let shown = problems(&roots);
    assert_eq!(
        shown.iter().map(|line| line.split(';').next().unwrap()).collect::<Vec<_>>(),
        [
            "/etc/mvmhost.toml:3: not UTF-8",
            "/etc/mvmhost.toml.d/1.toml: not a regular file",
            "/etc/mvmhost.toml.d/3.toml: a symbolic link that leads nowhere",
            "/etc/mvmhost.toml.d/4.toml: not a regular file",
            "/etc/mvmhost.toml.d/2.toml:2: nope = 1: unknown key",
        ]
    );
}

#[test]
fn what_a_power_cut_left_of_a_file_is_named() {
    let (_folder, roots) = host(&[("etc/mvmhost.toml", b"[flintlockd]\n\n[cont\0\0\0\0\0\0\0")]);
    assert!(problems(&roots)[0].starts_with("/etc/mvmhost.toml:3: bytes that are zero; "));
}

#[test]
fn files_are_written_back_where_they_are() {
    let (folder, roots) = host(&[("etc/mvmhost.toml.d/1.toml", b""), ("x.toml", b"")]);
    write_back(&roots, None).unwrap();
    write_back(&roots, Some(&folder.path().join("x.toml"))).unwrap();
    symlink("x.toml", folder.path().join("etc/mvmhost.toml.d/x.toml")).unwrap();
    assert!(write_back(&roots, None).is_err(), "a loop of links cannot be opened");
}

#[test]
fn a_fifo_is_not_waited_for() {
    let (folder, roots) = host(&[("etc/x", b"")]);
    let fifo = folder.path().join("etc/mvmhost.toml");
    assert!(Command::new("mkfifo").arg(&fifo).status().unwrap().success());
    assert!(problems(&roots)[0].starts_with("/etc/mvmhost.toml: not a regular file"));
}

#[test]
fn links_are_followed() {
    let (folder, roots) = host(&[("real", b"thinpool.name = \"x\""), ("etc/y", b"")]);
    symlink(folder.path().join("real"), folder.path().join("etc/mvmhost.toml")).unwrap();
    assert_eq!(load(&roots, None).unwrap().config.thinpool.name.as_str(), "x");
}

#[test]
fn a_loop_of_links_is_told() {
    let (folder, roots) = host(&[("etc/y", b"")]);
    symlink("mvmhost.toml", folder.path().join("etc/mvmhost.toml")).unwrap();
    assert!(problems(&roots)[0].starts_with("/etc/mvmhost.toml: cannot be read: "));
}

#[test]
fn a_gibibyte_is_refused_unread() {
    let (folder, roots) = host(&[("etc/mvmhost.toml", b"")]);
    let file = fs::File::options().write(true).open(folder.path().join("etc/mvmhost.toml"));
    file.unwrap().set_len(1 << 30).unwrap();
    assert!(problems(&roots)[0].starts_with("/etc/mvmhost.toml: 1073741824 bytes long"));
    // Files of /proc have length 0 and content all the same; the limit holds for what is read.
    let shown = load(&roots, Some(Path::new("/proc/kallsyms")));
    assert!(shown.is_err());
}

#[test]
fn too_many_fragments_are_refused() {
    let (folder, roots) = host(&[("etc/mvmhost.toml.d/a.toml", b"")]);
    for number in 0..MOST_FRAGMENTS {
        fs::write(folder.path().join(format!("etc/mvmhost.toml.d/{number}.toml")), "").unwrap();
    }
    assert!(problems(&roots)[0].starts_with("/etc/mvmhost.toml.d: more than 256 fragments"));
}

#[test]
fn the_last_good_configuration() {
    let (folder, roots) = host(&[("etc/mvmhost/x", b"")]);
    assert_eq!(load_applied(&roots), Ok(None));
    let path = folder.path().join("etc/mvmhost/applied.toml");
    fs::write(&path, to_toml(&Config::default())).unwrap();
    assert_eq!(load_applied(&roots).unwrap().unwrap().config, Config::default());
    fs::write(&path, "[").unwrap();
    let shown = lines(&load_applied(&roots).unwrap_err());
    assert!(shown[0].starts_with("/etc/mvmhost/applied.toml:1: not TOML"), "{shown:?}");
}
