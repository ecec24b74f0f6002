use std::fs;
use std::os::unix::fs::PermissionsExt;

use mvm_config::Roots;
use mvm_host::exec::{Exit, Recording};
use mvm_plan::lvm::{Layout, Recorded, VolumeReceipt, Wish};
use mvm_plan::thinpool::Recorded as OnFiles;
use tempfile::TempDir;

use super::{Lvm, disk, observe};
use crate::{Error, receipt};

fn machine() -> (TempDir, Roots) {
    let folder = tempfile::tempdir().unwrap();
    let roots = Roots::new(folder.path());
    fs::create_dir_all(roots.at("/usr/sbin")).unwrap();
    for program in ["/usr/sbin/lvm", "/usr/sbin/wipefs"] {
        fs::write(roots.at(program), "").unwrap();
        fs::set_permissions(roots.at(program), fs::Permissions::from_mode(0o755)).unwrap();
    }
    (folder, roots)
}

fn asked(programs: &Recording) -> Vec<String> {
    let line = |(_, args): (_, Vec<std::ffi::OsString>)| {
        let words: Vec<_> = args.iter().map(|word| word.to_string_lossy()).collect();
        words.join(" ")
    };
    programs.asked().into_iter().map(line).collect()
}

fn says(text: &str) -> Exit {
    Exit { code: Some(0), stdout: text.to_owned(), ..Exit::default() }
}

#[test]
fn nothing_is_forced_and_no_devices_file_is_made() {
    let (_folder, roots) = machine();
    let programs = Recording::default();
    let lvm = Lvm::find(&roots, &programs).unwrap();
    lvm.create_group("flintlock", &["/dev/disk/by-id/a".to_owned()]).unwrap();
    let layout = Layout { data: 800, metadata: 2, room: 200 };
    lvm.create_pool("flintlock", "thinpool", "p", &layout, 4 << 20).unwrap();
    lvm.activate("flintlock/thinpool").unwrap();
    let asked = asked(&programs);
    assert_eq!(
        asked,
        [
            "vgcreate --devicesfile  --addtag mvmhost flintlock /dev/disk/by-id/a",
            "lvcreate --devicesfile  --type thin-pool --name thinpool --extents 800 \
             --poolmetadatasize 8388608b --chunksize 524288b --zero y --poolmetadataspare y \
             --monitor y --metadataprofile p flintlock",
            "lvchange --devicesfile  --activate y --monitor y flintlock/thinpool",
        ]
    );
    // Where the operator has one, LVM keeps it.
    fs::create_dir_all(roots.at("/etc/lvm/devices")).unwrap();
    fs::write(roots.at("/etc/lvm/devices/system.devices"), "").unwrap();
    let programs = Recording::default();
    Lvm::find(&roots, &programs).unwrap().deactivate("a/b").unwrap();
    assert_eq!(self::asked(&programs), ["lvchange --activate n a/b"]);
}

#[test]
fn what_lvm_says_is_told() {
    let (_folder, roots) = machine();
    let failed = Exit { code: Some(5), stderr: "  no\n  space\n".to_owned(), ..Exit::default() };
    let programs = Recording::new([failed, says("nonsense")]);
    let lvm = Lvm::find(&roots, &programs).unwrap();
    let error = lvm.activate("a/b").unwrap_err();
    assert_eq!(error.to_string(), "lvchange failed (exit code 5: no space)");
    let finding = error.finding("pool");
    assert_eq!(finding.code(), mvm_diagnostics::catalogue::disk::COMMAND_FAILED.code);
    assert!(matches!(lvm.groups("a"), Err(Error::Report { .. })));
}

#[test]
fn without_lvm2_nothing_is_seen() {
    let (_folder, roots) = machine();
    let programs =
        Recording::new([says(r#"{"report": [{"vg": []}]}"#), says(r#"{"report": [{"lv": []}]}"#)]);
    let wish = Wish { group: "a".to_owned(), ..Wish::default() };
    let seen = observe(&roots, &programs, &wish).unwrap().unwrap();
    assert!(seen.groups.is_empty() && seen.receipt == Recorded::Absent);
    assert!(asked(&programs)[1].contains("--select vg_name=\"a\" --all"));
    fs::remove_file(roots.at("/usr/sbin/lvm")).unwrap();
    assert!(observe(&roots, &Recording::default(), &wish).unwrap().is_none());
}

#[test]
fn what_is_no_disk_is_not_opened() {
    let (_folder, roots) = machine();
    fs::create_dir_all(roots.at("/dev/disk/by-id")).unwrap();
    fs::write(roots.at("/dev/disk/by-id/file"), "").unwrap();
    let programs = Recording::default();
    for (name, why) in [("none", "it is not there"), ("file", "it is no block device")] {
        let path = format!("/dev/disk/by-id/{name}");
        let looked = disk::look(&roots, &programs, &path).unwrap();
        assert_eq!(looked.disk.obstacles, [why]);
        assert!(looked.lock.is_none());
    }
    assert!(programs.asked().is_empty());
}

#[test]
fn volume_and_files_stand_side_by_side_in_the_receipt() {
    let (_folder, roots) = machine();
    let volume = VolumeReceipt {
        name: "flintlock-thinpool".to_owned(),
        group: "Ab-1".to_owned(),
        volume: "Cd-2".to_owned(),
        databases: Vec::new(),
    };
    assert_eq!(receipt::read_volume(&roots), Recorded::Absent);
    receipt::write_volume(&roots, &volume).unwrap();
    assert_eq!(receipt::read_volume(&roots), Recorded::Volume(volume));
    assert_eq!(receipt::read(&roots), OnFiles::Absent);
    let text = |text: &str| receipt::parse_volume(text);
    for odd in ["", "[]", "{}", r#"{"version": 9}"#, r#"{"version": 1, "volume": 7}"#] {
        assert!(matches!(text(odd), Recorded::Unreadable(_)), "{odd}");
    }
    assert_eq!(text(r#"{"version": 1, "pool": {}}"#), Recorded::Absent);
}
