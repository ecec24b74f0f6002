//! Loop devices of the machine that runs the tests: needs root, the loop module, and a disk below
//! target/. Every device clears itself when its test ends, however it ends.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use std::fs::{self, File};
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use std::thread;
use std::time::{Duration, Instant};

use mvm_core::Roots;
use mvm_pool_kernel::loops::{Kernel, Loop, LoopDevices, OpenLoop};
use mvm_pool_kernel::{Error, files};
use mvm_pool_plan::thinpool::{Control, FileId, SECTOR};

const SIZE: u64 = 16 << 20;

struct Backed {
    _folder: tempfile::TempDir,
    path: PathBuf,
    id: FileId,
}

fn backed() -> Backed {
    let folder = tempfile::TempDir::new_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let path = folder.path().join("data");
    files::create(&path, SIZE).unwrap();
    let file = fs::metadata(&path).unwrap();
    Backed { _folder: folder, path, id: FileId { device: file.dev(), inode: file.ino() } }
}

fn kernel() -> Kernel {
    Kernel::new(&Roots::new("/"))
}

fn behind(id: FileId) -> Vec<Loop> {
    kernel().attached().unwrap().into_iter().filter(|attached| attached.file == id).collect()
}

/// A device that clears itself does so a moment after its last user is gone.
fn cleared(id: FileId) -> bool {
    let begun = Instant::now();
    while !behind(id).is_empty() {
        if begun.elapsed() > Duration::from_secs(5) {
            return false;
        }
        thread::sleep(Duration::from_millis(10));
    }
    true
}

#[test]
fn loop_control_is_usable() {
    assert_eq!(kernel().control(), Control::Usable);
    let elsewhere = Kernel::new(&Roots::new("/nowhere"));
    assert_eq!(elsewhere.control(), Control::Absent);
}

#[test]
fn loop_is_attached_found_by_inode_and_clears_itself() {
    let file = backed();
    let held = kernel().attach(&file.path).unwrap();
    assert!(held.is_open());
    assert_eq!(held.number.major, 7);
    let attached = behind(file.id);
    let expected = Loop {
        device: held.device.clone(),
        file: file.id,
        offset: 0,
        limit: 0,
        read_only: false,
        autoclear: true,
    };
    assert_eq!(attached, std::slice::from_ref(&expected));
    assert_eq!(kernel().status(&held.device).unwrap(), Some(expected));
    let sys = PathBuf::from("/sys");
    assert_eq!(files::device_name(&sys, held.number), held.device);
    let shown = files::block_attribute(&sys, &held.device, "loop/backing_file");
    assert_eq!(shown, file.path.to_str().unwrap());
    assert_eq!(files::block_attribute(&sys, &held.device, "size"), (SIZE / SECTOR).to_string());
    assert_eq!(files::block_attribute(&sys, &held.device, "queue/logical_block_size"), "512");
    let direct = files::block_attribute(&sys, &held.device, "loop/dio");
    assert_eq!(direct, u8::from(held.direct).to_string());
    assert!(files::holders(&sys, &held.device).is_empty());
    drop(held);
    assert!(cleared(file.id));
}

#[test]
fn loop_is_found_when_its_file_was_renamed_or_deleted() {
    let file = backed();
    let held = kernel().attach(&file.path).unwrap();
    let moved = file.path.with_file_name("moved");
    fs::rename(&file.path, &moved).unwrap();
    assert_eq!(behind(file.id).len(), 1);
    fs::remove_file(&moved).unwrap();
    assert_eq!(behind(file.id).len(), 1);
    drop(held);
    assert!(cleared(file.id));
}

#[test]
fn loop_that_is_attached_already_is_taken_over() {
    let file = backed();
    let first = kernel().attach(&file.path).unwrap();
    let second = kernel().hold(&first.device, &file.path).unwrap();
    assert_eq!((second.number, &second.device), (first.number, &first.device));
    drop(first);
    assert_eq!(behind(file.id).len(), 1, "the second one keeps it");
    let other = backed();
    let error = kernel().hold(&second.device, &other.path).unwrap_err();
    assert!(matches!(error, Error::Detached { .. }), "{error:?}");
    drop(second);
    assert!(cleared(file.id));
}

#[test]
fn loop_devices_are_shared_out_when_many_ask_at_once() {
    let attached: Vec<(OpenLoop, Backed)> = thread::scope(|scope| {
        let run = || {
            let file = backed();
            (kernel().attach(&file.path).unwrap(), file)
        };
        let threads: Vec<_> = (0..8).map(|_| scope.spawn(run)).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    let mut devices: Vec<&str> =
        attached.iter().map(|(attached, _)| attached.device.as_str()).collect();
    devices.sort_unstable();
    devices.dedup();
    assert_eq!(devices.len(), 8);
    let ids: Vec<FileId> = attached.iter().map(|(_, file)| file.id).collect();
    let (devices, folders): (Vec<OpenLoop>, Vec<Backed>) = attached.into_iter().unzip();
    drop(devices);
    assert!(ids.into_iter().all(cleared));
    drop(folders);
}

#[test]
fn loop_says_what_cannot_be_attached() {
    let missing = kernel().attach(&PathBuf::from("/nowhere/data")).unwrap_err();
    assert!(matches!(missing, Error::Attach { .. }), "{missing:?}");
    let folder = kernel().attach(env!("CARGO_TARGET_TMPDIR").as_ref()).unwrap_err();
    assert!(matches!(folder, Error::Attach { .. }), "{folder:?}");
    assert_eq!(kernel().status("loop-that-is-none").unwrap(), None);
}

#[test]
fn loop_keeps_what_is_written_through_it() {
    use std::io::{Read, Write};

    let file = backed();
    let attached = kernel().attach(&file.path).unwrap();
    let mut device = File::options().write(true).open(format!("/dev/{}", attached.device)).unwrap();
    device.write_all(&[7; 8192]).unwrap();
    device.sync_all().unwrap();
    let mut read = [0; 8192];
    File::open(&file.path).unwrap().read_exact(&mut read).unwrap();
    assert_eq!(read, [7; 8192]);
    drop((device, attached));
    assert!(cleared(file.id));
}
