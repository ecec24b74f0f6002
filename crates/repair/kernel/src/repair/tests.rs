//! A repair over a folder, a recorded kernel and thin-provisioning-tools that keep what they know in
//! the file: in order or not, and the devices.

use std::cell::{Cell, RefCell};
use std::ffi::OsStr;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::time::Duration;

use mvm_core::catalogue::pool;
use mvm_core::exec::{Exit, Limits, Recording};
use mvm_pool_kernel::loopback::{apply, observe};
use mvm_pool_kernel::receipt;
use mvm_pool_kernel::thinpool::System;
use mvm_pool_plan::external;
use mvm_pool_plan::loopback::{Desired, plan};
use mvm_pool_plan::thinpool::RecordedIdentity;

use super::*;
use crate::fake::{self, Machine, use_block};

mod volume;

const DIR: &str = "/var/lib/containerd-dev/snapshotter/devmapper";
/// Where the tools keep whether the metadata are in order, and what is in them.
const SOUND: u64 = 8192;
const DEVICES: u64 = 12288;

fn desired() -> Desired {
    fake::desired(DIR)
}

#[derive(Default)]
struct Fake {
    /// What thin_repair finds.
    finds: RefCell<String>,
    /// It has to be told what the superblock said.
    needs_help: Cell<bool>,
    /// It gives up.
    hopeless: Cell<bool>,
    /// How often it ran.
    repairs: Cell<usize>,
}

impl Fake {
    fn repair(&self, args: &[&OsStr]) -> Exit {
        self.repairs.set(self.repairs.get() + 1);
        let has_transaction = args.len() > 4;
        if self.hopeless.get() || (self.needs_help.get() && !has_transaction) {
            let stderr = "bad checksum\n".to_owned();
            return Exit { code: Some(1), stderr, ..Exit::default() };
        }
        let source = fs::read(args[1]).unwrap();
        let result = File::options().write(true).open(args[3]).unwrap();
        assert_eq!(result.metadata().unwrap().len(), 4 << 20);
        result.write_all_at(&source[..4096], 0).unwrap();
        result.write_all_at(b"S", SOUND).unwrap();
        result.write_all_at(self.finds.borrow().as_bytes(), DEVICES).unwrap();
        Exit { code: Some(0), ..Exit::default() }
    }
}

impl Execute for Fake {
    fn run(
        &self,
        program: &Path,
        args: &[&OsStr],
        limits: &mut Limits<'_>,
    ) -> Result<Exit, mvm_core::Error> {
        let name = program.file_name().unwrap().to_str().unwrap();
        if name == "thin_repair" {
            return Ok(self.repair(args));
        }
        if name == "lvm" {
            let args: Vec<&str> = args.iter().map(|arg| arg.to_str().unwrap()).collect();
            return Ok(volume::lvm(program, &args));
        }
        let bytes = fs::read(args.last().unwrap()).unwrap();
        let at = |place: u64| &bytes[usize::try_from(place).unwrap()..];
        let (sound, text) = (at(SOUND)[0], at(DEVICES));
        let text = text.split(|byte| *byte == 0).next().unwrap();
        // `?`: what is damaged so that nobody can list it.
        let good = match name {
            "thin_check" => sound == b'S',
            _ => text != b"?",
        };
        if let Some(take) = &mut limits.stdout {
            take(if good { text } else { b"<superblock uuid=\"\">\n" });
        }
        Ok(Exit { code: Some(i32::from(!good)), ..Exit::default() })
    }
}

struct Bench {
    _folder: tempfile::TempDir,
    machine: Machine,
    tools: Fake,
}

impl Bench {
    /// A pool with two devices that was up once, and is damaged and down now.
    fn new() -> Self {
        let program = std::env::current_exe().unwrap();
        let folder = tempfile::TempDir::new_in(program.parent().unwrap()).unwrap();
        let machine = Machine::new(folder.path());
        for tool in ["thin_repair", "thin_dump", "thin_ls"] {
            let sbin = machine.roots.at("/usr/sbin");
            fs::copy(sbin.join("thin_check"), sbin.join(tool)).unwrap();
        }
        let bench = Self { _folder: folder, machine, tools: Fake::default() };
        bench.up();
        bench.machine.reboot();
        use_block(&bench.path("data"));
        bench.damage("1 10\n2 20\n");
        *bench.tools.finds.borrow_mut() = "1 10\n2 20\n".to_owned();
        bench
    }

    fn with<T>(&self, run: impl FnOnce(&System<'_>) -> T) -> T {
        run(&System {
            roots: &self.machine.roots,
            loops: &self.machine,
            mapper: &self.machine,
            programs: &Recording::default(),
            timeout: Duration::from_millis(20),
        })
    }

    /// The pool is planned up, and comes up.
    fn up(&self) {
        self.with(|system| {
            let plan = plan(&desired(), &observe(system, &desired()).unwrap());
            assert!(!plan.is_refused(), "{plan:?}");
            apply(system, &plan, &desired()).unwrap();
        });
    }

    fn path(&self, name: &str) -> PathBuf {
        self.machine.roots.at(Path::new(DIR).join(name))
    }

    fn damage(&self, devices: &str) {
        let file = File::options().write(true).open(self.path("metadata")).unwrap();
        file.write_all_at(b"D", SOUND).unwrap();
        file.write_all_at(&[0; 64], DEVICES).unwrap();
        file.write_all_at(devices.as_bytes(), DEVICES).unwrap();
    }

    fn run(&self, options: &RepairOptions) -> Report {
        self.with(|system| {
            let desired = desired();
            let observation = Observation::Loop(&desired, observe(system, &desired).unwrap());
            run(&self.machine.roots, &self.tools, &observation, options).unwrap()
        })
    }

    fn repair(&self) -> Report {
        self.run(&RepairOptions::default())
    }

    fn metadata(&self) -> (u64, Vec<u8>) {
        let path = self.path("metadata");
        (fs::metadata(&path).unwrap().ino(), fs::read(path).unwrap())
    }

    fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(self.path("")).unwrap();
        let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let mut names: Vec<String> = names.collect();
        names.sort();
        names
    }
}

fn codes(report: &Report) -> Vec<&'static str> {
    for finding in &report.findings {
        let text = format!("{}\n{}", finding.message(), finding.remedy());
        assert!(!text.contains(['{', '}']), "{text}");
    }
    report.findings.iter().map(Finding::code).collect()
}

#[test]
fn a_repair_without_a_loss_takes_the_place_of_the_damaged_metadata() {
    let bench = Bench::new();
    let before = bench.metadata();
    let report = bench.repair();
    assert_eq!(codes(&report), [messages::repaired::ROW.code]);
    let backup = fs::read(bench.machine.roots.at(report.backup.unwrap())).unwrap();
    assert_eq!(backup, before.1);
    assert_ne!(bench.metadata().0, before.0);
    assert_eq!(bench.names().len(), 3, "data, metadata and the copy: {:?}", bench.names());
    bench.up();
    bench.machine.reboot();
    assert_eq!(codes(&bench.repair()), [teardown::checked::ROW.code]);
}

#[test]
fn a_loss_takes_the_word_for_it() {
    let bench = Bench::new();
    let before = bench.metadata();
    *bench.tools.finds.borrow_mut() = "1 3\n".to_owned();
    let report = bench.repair();
    assert!(report.refused);
    assert_eq!(codes(&report), [messages::loses::ROW.code]);
    let message = report.findings[0].message();
    assert!(message.contains("device 1 has 3 of its 10 blocks; device 2 with 20"), "{message}");
    let accept = |token: &str| RepairOptions { accept: Some(token.to_owned()), dry_run: false };
    assert_eq!(
        codes(&bench.run(&accept("no"))),
        [messages::other_token::ROW.code, messages::loses::ROW.code]
    );
    assert_eq!(bench.metadata(), before);
    // The word is for that result, and the tool is not asked again.
    *bench.tools.finds.borrow_mut() = "1 1\n".to_owned();
    let (token, runs) = (report.token.unwrap(), bench.tools.repairs.get());
    let report = bench.run(&accept(&token));
    assert_eq!((codes(&report), report.losses.len()), (vec![messages::repaired::ROW.code], 2));
    assert_eq!(bench.tools.repairs.get(), runs);
    bench.up();
}

#[test]
fn half_a_result_is_never_accepted() {
    let bench = Bench::new();
    *bench.tools.finds.borrow_mut() = "1 3\n".to_owned();
    let token = bench.repair().token.unwrap();
    fs::write(bench.path("metadata.repaired"), b"half").unwrap();
    *bench.tools.finds.borrow_mut() = "1 1\n".to_owned();
    let report = bench.run(&RepairOptions { accept: Some(token), dry_run: false });
    assert_eq!(codes(&report), [messages::other_token::ROW.code, messages::loses::ROW.code]);
}

#[test]
fn a_device_of_containerd_that_is_missing_is_a_loss() {
    let bench = Bench::new();
    *bench.tools.finds.borrow_mut() = "1 10\n".to_owned();
    bench.damage("?");
    let database = bench.machine.roots.at(desired().pool.device_database());
    let bytes = include_bytes!("../../../../../tests/fuzz/seeds/repair/database");
    fs::write(&database, bytes).unwrap();
    let report = bench.repair();
    // Devices 1 to 31 are in it, and the damaged metadata list nothing.
    assert_eq!((codes(&report), report.losses.len()), (vec![messages::loses::ROW.code], 31));
    let held = File::open(&database).unwrap();
    held.lock().unwrap();
    let report = bench.repair();
    assert_eq!((codes(&report), report.refused), (vec![messages::database_busy::ROW.code], true));
    drop(held);
    fs::write(&database, &bytes[..9000]).unwrap();
    assert!(matches!(bench.repair().losses[0], Loss::Unknown { .. }));
}

#[test]
fn what_cannot_be_repaired_stays() {
    let bench = Bench::new();
    let before = bench.metadata();
    bench.tools.hopeless.set(true);
    let report = bench.repair();
    assert_eq!((codes(&report), bench.metadata()), (vec![messages::failed::ROW.code], before));
    assert_eq!(bench.tools.repairs.get(), 2, "once more with what is on record");
}

#[test]
fn a_lost_superblock_is_made_up_for_by_the_record() {
    let bench = Bench::new();
    bench.tools.needs_help.set(true);
    assert_eq!(codes(&bench.repair()), [messages::repaired::ROW.code]);
}

#[test]
fn a_dry_run_leaves_nothing() {
    let bench = Bench::new();
    let (before, names) = (bench.metadata(), bench.names());
    let dry = RepairOptions { dry_run: true, accept: None };
    assert_eq!(codes(&bench.run(&dry)), [messages::repairable::ROW.code]);
    *bench.tools.finds.borrow_mut() = String::new();
    let report = bench.run(&dry);
    assert_eq!((codes(&report), report.token), (vec![messages::loses::ROW.code], None));
    assert_eq!((bench.metadata(), bench.names()), (before, names));
}

#[test]
fn a_live_pool_and_files_that_are_not_on_record_are_left_alone() {
    let bench = Bench::new();
    bench.up();
    assert_eq!(codes(&bench.repair()), [messages::active::ROW.code]);
    bench.machine.reboot();
    File::options().write(true).open(bench.path("data")).unwrap().set_len(1 << 20).unwrap();
    assert_eq!(codes(&bench.repair()), [pool::file_truncated::ROW.code]);
    let external = Backend::External(external::Desired { pool: desired().pool });
    let refused = bench.with(|system| {
        let observation = mvm_pool_kernel::observe_with(system, &external).unwrap();
        run(system.roots, &bench.tools, &observation, &RepairOptions::default()).unwrap()
    });
    assert_eq!(
        (codes(&refused), refused.refused),
        (vec![messages::not_repairable::ROW.code], true)
    );
}

/// Between any two writes the pool on record is the one that is there.
#[test]
fn a_kill_at_the_swap_leaves_a_pool_that_comes_up() {
    for killed_after in 0..3 {
        let bench = Bench::new();
        let observed = bench.with(|system| observe(system, &desired()).unwrap());
        let result = bench.path("metadata.repaired");
        fs::copy(bench.path("metadata"), &result).unwrap();
        let old = observed.receipt.pool().unwrap();
        let new = RecordedIdentity::of(&files::facts(&result).unwrap().unwrap());
        if killed_after > 0 {
            receipt::write(&bench.machine.roots, &old.repaired(new, false)).unwrap();
        }
        if killed_after > 1 {
            fs::rename(&result, bench.path("metadata")).unwrap();
        }
        bench.up();
        let observed = bench.with(|system| observe(system, &desired()).unwrap());
        let record = observed.receipt.pool().unwrap();
        assert!(record.repairing.is_none(), "{killed_after}");
        assert!(record.metadata.is_same(&observed.metadata.clone().unwrap()));
        let again = plan(&desired(), &observed);
        assert_eq!(mvm_core::Exit::worst(&again.findings), None);
    }
}

#[test]
fn holes_stay_holes_and_do_not_count() {
    let folder = tempfile::tempdir().unwrap();
    let (one, two) = (folder.path().join("one"), folder.path().join("two"));
    let file = File::create(&one).unwrap();
    file.set_len(10 << 30).unwrap();
    file.write_all_at(&[7; 5000], (5 << 30) + 100).unwrap();
    copy::copy(&one, &two).unwrap();
    assert_eq!(copy::digest(&one).unwrap(), copy::digest(&two).unwrap());
    assert!(fs::metadata(&two).unwrap().blocks() < 100);
    copy::head(&one, &two).unwrap();
    // Bytes 100 to 5100 behind 5 GiB are in two blocks.
    assert_eq!(fs::metadata(&two).unwrap().len(), (5 << 30) + 8192);
    copy::copy(&one, &two).unwrap();
    file.write_all_at(&[0; 4096], 1 << 20).unwrap();
    assert_eq!(copy::digest(&one).unwrap(), copy::digest(&two).unwrap());
    file.write_all_at(&[1], 1 << 20).unwrap();
    assert_ne!(copy::digest(&one).unwrap(), copy::digest(&two).unwrap());
    file.set_len((10 << 30) + 4096).unwrap();
    assert_ne!(copy::digest(&one).unwrap(), copy::digest(&two).unwrap());
}
