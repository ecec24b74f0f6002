use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

use mvm_core::exec::{Exit, Recording};
use mvm_core::{Finding, Roots};
use mvm_pool_plan::lvm::{Desired, DesiredVolume, Intent, Layout, Recorded, VolumeReceipt};
use mvm_pool_plan::thinpool::Recorded as OnFiles;
use tempfile::TempDir;

use super::observe::lvm_state as observe;
use super::{Lvm, disk, receipt};
use crate::Error;
use crate::fake::Machine;
use crate::thinpool::{System, reconcile};

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
    programs.calls().into_iter().map(line).collect()
}

fn says(text: &str) -> Exit {
    Exit { code: Some(0), stdout: text.to_owned(), ..Exit::default() }
}

#[test]
fn nothing_is_forced_and_no_devices_file_is_made() {
    let (_folder, roots) = machine();
    let programs = Recording::default();
    let lvm = Lvm::find(&roots, &programs).unwrap();
    lvm.label("/dev/disk/by-id/a", "u").unwrap();
    lvm.create_group("flintlock", "m", &["/dev/disk/by-id/a".to_owned()]).unwrap();
    let layout = Layout { data: 800, metadata: 2, room: 200 };
    lvm.create_pool("flintlock", ("thinpool", "m"), "p", &layout, 4 << 20).unwrap();
    lvm.activate("flintlock/thinpool").unwrap();
    let asked = asked(&programs);
    assert_eq!(
        asked,
        [
            "pvcreate --devicesfile  --uuid u --norestorefile /dev/disk/by-id/a",
            "vgcreate --devicesfile  --addtag mvmhost --addtag m flintlock /dev/disk/by-id/a",
            "lvcreate --devicesfile  --type thin-pool --name thinpool --addtag m --extents 800 \
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
    assert_eq!(finding.code(), mvm_core::catalogue::disk::command_failed::ROW.code);
    assert!(matches!(lvm.groups("a"), Err(Error::Report { .. })));
}

#[test]
fn without_lvm2_nothing_is_seen() {
    let (_folder, roots) = machine();
    let programs =
        Recording::new([says(r#"{"report": [{"vg": []}]}"#), says(r#"{"report": [{"lv": []}]}"#)]);
    let volume_desired = DesiredVolume { group: "a".to_owned(), ..DesiredVolume::default() };
    let lvm = observe(&roots, &programs, &volume_desired).unwrap().unwrap();
    assert!(lvm.groups.is_empty() && lvm.receipt == Recorded::Absent);
    assert!(asked(&programs)[1].contains("--select vg_name=\"a\" --all"));
    fs::remove_file(roots.at("/usr/sbin/lvm")).unwrap();
    assert!(observe(&roots, &Recording::default(), &volume_desired).unwrap().is_none());
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
    assert!(programs.calls().is_empty());
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
    assert_eq!(receipt::read(&roots), Recorded::Absent);
    receipt::write(&roots, &volume).unwrap();
    assert_eq!(receipt::read(&roots), Recorded::Volume(volume));
    assert_eq!(crate::receipt::read(&roots), OnFiles::Absent);
    let text = |text: &str| receipt::parse(text);
    for odd in ["", "[]", "{}", r#"{"version": 9}"#, r#"{"version": 1, "volume": 7}"#] {
        assert!(matches!(text(odd), Recorded::Unreadable(_)), "{odd}");
    }
    assert_eq!(text(r#"{"version": 1, "pool": {}}"#), Recorded::Absent);
}

#[test]
fn what_is_begun_is_on_record_until_the_pool_is() {
    let (_folder, roots) = machine();
    assert_eq!(receipt::read_begun(&roots), Ok(None));
    let intent = Intent { mark: "mvmhost-0".to_owned(), token: None, disks: Vec::new() };
    receipt::write_begun(&roots, &intent).unwrap();
    assert_eq!(receipt::read_begun(&roots), Ok(Some(intent)));
    assert_eq!(receipt::read(&roots), Recorded::Absent);
    let volume = VolumeReceipt {
        name: "a".to_owned(),
        group: "b".to_owned(),
        volume: "c".to_owned(),
        databases: Vec::new(),
    };
    receipt::write(&roots, &volume).unwrap();
    assert_eq!(receipt::read_begun(&roots), Ok(None));
    fs::write(roots.receipt(), r#"{"version": 1, "creating": 7}"#).unwrap();
    assert!(receipt::read_begun(&roots).is_err());
}

#[test]
fn a_table_that_a_killed_lvextend_left_is_got_rid_of() {
    let (_folder, roots) = machine();
    let failed = || Exit { code: Some(5), ..Exit::default() };
    let programs = Recording::new([failed(), says("")]);
    Lvm::find(&roots, &programs).unwrap().refresh("a/b").unwrap();
    assert_eq!(asked(&programs), ["lvchange --devicesfile  --refresh a/b"; 2]);
    let programs = Recording::new([failed(), failed()]);
    assert!(Lvm::find(&roots, &programs).unwrap().refresh("a/b").is_err());
}

/// A group with a pool in it that is not active.
fn a_pool_that_is_down() -> [Exit; 2] {
    let group = r#"{"report": [{"vg": [{"vg_name":"flintlock", "vg_uuid":"Ab-1", "vg_tags":"mvmhost",
        "vg_extent_size":"4194304", "vg_extent_count":"1023", "vg_free_count":"1023",
        "vg_missing_pv_count":"0"}]}]}"#;
    let volume = r#"{"report": [{"lv": [{"vg_name":"flintlock", "lv_name":"thinpool",
        "lv_uuid":"Cd-2", "segtype":"thin-pool", "lv_profile":"", "seg_monitor":"",
        "lv_size":"1019215872"}]}]}"#;
    [says(group), says(volume)]
}

fn on_disks() -> Desired {
    let text = "[thinpool]\nbackend = \"lvm\"\nlvm.devices = [\"/dev/disk/by-id/virtio-a\"]";
    let source = mvm_config::Source { name: "t".to_owned(), text: text.to_owned() };
    Desired::new(&mvm_config::load::parse(&[source]).unwrap().config, None)
}

/// The device never shows itself, as when the kernel loses it at once.
#[test]
fn a_volume_that_does_not_come_up_is_taken_down_again() {
    let folder = tempfile::tempdir().unwrap();
    let machine = Machine::new(folder.path());
    let lvm = machine.roots.at("/usr/sbin/lvm");
    fs::copy(machine.roots.at("/usr/sbin/thin_check"), lvm).unwrap();
    for refused in [true, false] {
        let activation = Exit { code: Some(if refused { 5 } else { 0 }), ..Exit::default() };
        let programs = Recording::new(a_pool_that_is_down().into_iter().chain([activation]));
        let system = System {
            roots: &machine.roots,
            loops: &machine,
            mapper: &machine,
            programs: &programs,
            timeout: Duration::from_millis(20),
        };
        let findings = reconcile(&system, &on_disks());
        let codes: Vec<&str> = findings.iter().map(Finding::code).collect();
        let failed = match refused {
            true => mvm_core::catalogue::disk::command_failed::ROW.code,
            false => mvm_core::catalogue::pool::step_failed::ROW.code,
        };
        assert_eq!(codes, [failed]);
        let changes: Vec<String> =
            asked(&programs).into_iter().filter(|line| line.starts_with("lvchange")).collect();
        let up = "lvchange --devicesfile  --activate y --monitor y flintlock/thinpool";
        let down = "lvchange --devicesfile  --activate n flintlock/thinpool";
        assert_eq!(changes, if refused { vec![up] } else { vec![up, down] });
        // What was done before is there: the next run finds it.
        assert!(machine.roots.at(on_disks().volume.profile_path()).exists());
        let recorded = matches!(receipt::read(&machine.roots), Recorded::Volume(_));
        assert_eq!(recorded, !refused);
        let _ = fs::remove_file(machine.roots.receipt());
    }
}
