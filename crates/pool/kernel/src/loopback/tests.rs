//! Observe, plan, apply over a folder and a recorded kernel.

use std::fs::{self, File};
use std::path::Path;
use std::time::Duration;

use mvm_core::Roots;
use mvm_core::catalogue::pool;
use mvm_core::exec::{Exit, Recording};
use mvm_pool_plan::thinpool::Recorded;

use super::*;
use crate::fake::{self, Machine, use_block};
use crate::mapper::DeviceMapper;
use crate::thinpool::{lock, reconcile};

const DIR: &str = "/var/lib/containerd-dev/snapshotter/devmapper";

fn desired() -> Desired {
    fake::desired(DIR)
}

/// Below target/, which is on a disk: /tmp may be a tmpfs, which is refused.
fn folder() -> tempfile::TempDir {
    let program = std::env::current_exe().unwrap();
    tempfile::TempDir::new_in(program.parent().unwrap()).unwrap()
}

struct Bench {
    _folder: tempfile::TempDir,
    machine: Machine,
    programs: Recording,
}

impl Bench {
    fn new() -> Self {
        let folder = folder();
        let machine = Machine::new(folder.path());
        Self { _folder: folder, machine, programs: Recording::default() }
    }

    fn run(&self) -> Result<Report<Step>, Error> {
        self.with(|system| {
            let plan = self.plan();
            assert!(!plan.is_refused(), "{plan:?}");
            apply(system, &plan, &desired())
        })
    }

    fn plan(&self) -> Plan<Step> {
        self.with(|system| plan(&desired(), &observe(system, &desired()).unwrap()))
    }

    fn with<T>(&self, run: impl FnOnce(&System<'_>) -> T) -> T {
        run(&System {
            roots: &self.machine.roots,
            loops: &self.machine,
            mapper: &self.machine,
            programs: &self.programs,
            timeout: Duration::from_millis(20),
        })
    }

    fn path(&self, name: &str) -> std::path::PathBuf {
        self.machine.roots.at(Path::new(DIR).join(name))
    }

    fn calls(&self) -> Vec<String> {
        self.machine.calls.borrow().clone()
    }
}

#[test]
fn a_bare_machine_converges_and_stays() {
    let bench = Bench::new();
    let report = bench.run().unwrap();
    assert_eq!(report.applied.len(), 9);
    let calls = ["attach", "attach", "create", "load", "FORMAT", "resume", "udev", "settle"];
    assert_eq!(bench.calls(), calls);
    assert!(bench.programs.calls().is_empty(), "nothing to check in a new pool");
    assert!(bench.plan().is_settled(), "{:?}", bench.plan());
    let Recorded::Pool(receipt) = crate::receipt::read(&bench.machine.roots) else { panic!() };
    assert_eq!((receipt.data.size, receipt.table.block_sectors), (64 << 20, 128));
    assert!(bench.run().unwrap().applied.is_empty());
}

#[test]
fn the_whole_road_says_how_it_ended() {
    let bench = Bench::new();
    let codes = |bench: &Bench| -> Vec<&'static str> {
        let findings = bench.with(|system| reconcile(system, &desired()));
        findings.iter().map(|finding| finding.code()).collect()
    };
    assert_eq!(codes(&bench), [pool::ready::ROW.code]);
    assert_eq!(codes(&bench), [pool::ready::ROW.code], "and so does a run with nothing to do");
    bench.machine.reboot();
    *bench.machine.fail_at.borrow_mut() = Some("resume");
    assert_eq!(codes(&bench), [pool::activation_failed::ROW.code]);
    *bench.machine.fail_at.borrow_mut() = None;
    fs::remove_file(bench.path("data")).unwrap();
    assert_eq!(codes(&bench), [pool::file_missing::ROW.code]);
}

#[test]
fn after_a_reboot_the_same_files_come_back_checked() {
    let bench = Bench::new();
    bench.run().unwrap();
    use_block(&bench.path("data"));
    let before = fs::metadata(bench.path("data")).unwrap();
    for _ in 0..3 {
        bench.machine.reboot();
        bench.run().unwrap();
        assert!(!bench.calls().contains(&"FORMAT".to_owned()));
        assert!(bench.plan().is_settled());
    }
    let after = fs::metadata(bench.path("data")).unwrap();
    assert_eq!(
        std::os::unix::fs::MetadataExt::ino(&before),
        std::os::unix::fs::MetadataExt::ino(&after)
    );
    let asked = bench.programs.calls();
    assert_eq!(asked.len(), 3);
    let arguments = ["--clear-needs-check-flag".into(), bench.path("metadata").into()];
    assert_eq!(asked[0], (bench.machine.roots.at("/usr/sbin/thin_check"), arguments.into()));
}

#[test]
fn a_run_that_is_killed_anywhere_is_completed_by_the_next() {
    let bench = Bench::new();
    let steps = bench.plan().steps.len();
    for killed_after in 0..=steps {
        let bench = Bench::new();
        let mut cut = bench.plan();
        cut.steps.truncate(killed_after);
        bench.with(|system| apply(system, &cut, &desired())).unwrap();
        // With the power (nothing but files is left) or without (the kernel keeps what it has).
        for reboot in [false, true] {
            if reboot {
                bench.machine.reboot();
            }
            bench.run().unwrap();
            assert!(bench.plan().is_settled(), "{killed_after} {reboot}: {:?}", bench.plan());
        }
    }
}

#[test]
fn between_create_and_resume_a_kill_leaves_what_the_next_run_removes() {
    for (created, loaded) in [(true, false), (true, true)] {
        let bench = Bench::new();
        let mut files = bench.plan();
        files.steps.truncate(5);
        bench.with(|system| apply(system, &files, &desired())).unwrap();
        if created {
            bench.machine.create("pool", "MVM-pool").unwrap();
        }
        if loaded {
            let table = "0 131072 thin-pool 7:7 7:8 128 32768".parse().unwrap();
            bench.machine.load("pool", &table).unwrap();
        }
        bench.run().unwrap();
        assert!(bench.calls().contains(&"remove".to_owned()));
        assert!(bench.plan().is_settled(), "{:?}", bench.plan());
    }
}

#[test]
fn a_step_that_fails_takes_the_pool_down_and_leaves_the_files() {
    for point in ["attach", "create", "load", "resume", "udev", "settle"] {
        let bench = Bench::new();
        *bench.machine.fail_at.borrow_mut() = Some(point);
        let error = bench.run().unwrap_err();
        assert!(!matches!(error, Error::Undo { .. }), "{error:?}");
        assert!(!error.finding("pool").message().is_empty());
        let undone = bench.calls().contains(&"remove".to_owned());
        assert_eq!(undone, ["load", "resume", "udev", "settle"].contains(&point), "{point}");
        assert!(bench.path("metadata").exists());
        *bench.machine.fail_at.borrow_mut() = None;
        let _ = fs::remove_file(bench.machine.roots.at("/dev/mapper/pool"));
        bench.run().unwrap();
        assert!(bench.plan().is_settled());
    }
}

#[test]
fn a_pool_that_cannot_be_recorded_is_not_left_running() {
    let bench = Bench::new();
    // Not even root writes a file where there is a folder.
    fs::create_dir_all(bench.machine.roots.at("/var/lib/mvmhost")).unwrap();
    let plan = bench.plan();
    fs::create_dir(bench.machine.roots.receipt()).unwrap();
    let error = bench.with(|system| apply(system, &plan, &desired())).unwrap_err();
    assert_eq!(error.finding("pool").code(), pool::step_failed::ROW.code);
    assert!(bench.calls().contains(&"remove".to_owned()));
}

#[test]
fn a_record_that_cannot_be_added_to_holds_nothing_up() {
    let bench = Bench::new();
    bench.run().unwrap();
    bench.machine.reboot();
    for database in desired().pool.databases() {
        let path = bench.machine.roots.at(database);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, "").unwrap();
    }
    let plan = bench.plan();
    let refresh = Step::RefreshReceipt { name: "pool".to_owned() };
    assert!(plan.steps.contains(&refresh), "{plan:?}");
    let kept = fs::read(bench.machine.roots.receipt()).unwrap();
    fs::remove_file(bench.machine.roots.receipt()).unwrap();
    fs::create_dir(bench.machine.roots.receipt()).unwrap();
    let report = bench.with(|system| apply(system, &plan, &desired())).unwrap();
    let codes: Vec<&str> = report.findings.iter().map(Finding::code).collect();
    assert_eq!(codes, [pool::receipt_stale::ROW.code]);
    fs::remove_dir(bench.machine.roots.receipt()).unwrap();
    fs::write(bench.machine.roots.receipt(), kept).unwrap();
    assert_eq!(bench.plan().steps, [Step::RefreshReceipt { name: "pool".to_owned() }]);
    assert!(!bench.calls().contains(&"remove".to_owned()));
}

#[test]
fn damaged_metadata_is_not_activated() {
    let mut bench = Bench::new();
    bench.run().unwrap();
    bench.machine.reboot();
    bench.programs = Recording::new([
        Exit {
            code: Some(1),
            stderr: "bad checksum in superblock\n".to_owned(),
            ..Exit::default()
        },
        Exit { code: Some(0), stdout: "0.9.0\n".to_owned(), ..Exit::default() },
    ]);
    let finding = bench.run().unwrap_err().finding("pool");
    assert_eq!(finding.code(), pool::check_failed::ROW.code);
    assert_eq!(
        finding.evidence_text(),
        "exit code 1, version 0.9.0, said: bad checksum in superblock"
    );
    assert!(bench.calls().is_empty(), "nothing was attached: {:?}", bench.calls());
}

#[test]
fn a_check_by_hand_clears_no_flag_and_leaves_a_live_pool_alone() {
    let mut bench = Bench::new();
    bench.run().unwrap();
    let check = |bench: &Bench| bench.with(|system| check_metadata(system, &desired()));
    assert!(check(&bench).unwrap().is_none());
    bench.machine.reboot();
    assert!(check(&bench).unwrap().is_some());
    assert_eq!(bench.programs.calls()[0].1, [std::ffi::OsString::from(bench.path("metadata"))]);
    bench.programs = Recording::new([Exit { code: Some(1), ..Exit::default() }]);
    assert!(matches!(check(&bench), Err(Error::CheckFailed { .. })));
    let metadata = File::options().write(true).open(bench.path("metadata")).unwrap();
    metadata.set_len(2 << 20).unwrap();
    assert!(check(&bench).unwrap().is_some_and(|refused| !refused.is_empty()));
}

#[test]
fn whatever_is_done_to_the_files_is_refused_and_not_mended() {
    type Spoil = fn(&Bench);
    let spoil: [(&str, Spoil); 6] = [
        (pool::file_missing::ROW.code, |b| fs::remove_file(b.path("data")).unwrap()),
        (pool::file_missing::ROW.code, |b| fs::remove_file(b.path("metadata")).unwrap()),
        (pool::file_truncated::ROW.code, |b| set_len(&b.path("data"), 1 << 20)),
        (pool::file_grown::ROW.code, |b| set_len(&b.path("data"), 128 << 20)),
        (pool::file_swapped::ROW.code, |b| {
            fs::copy(b.path("data"), b.path("copy")).unwrap();
            fs::rename(b.path("copy"), b.path("data")).unwrap();
        }),
        (pool::metadata_wiped::ROW.code, |b| {
            let file = File::options().write(true).open(b.path("metadata")).unwrap();
            std::os::unix::fs::FileExt::write_all_at(&file, &[0; 4096], 0).unwrap();
        }),
    ];
    for (code, spoil) in spoil {
        let bench = Bench::new();
        bench.run().unwrap();
        bench.machine.reboot();
        spoil(&bench);
        let plan = bench.plan();
        assert_eq!(plan.findings.iter().map(|f| f.code()).collect::<Vec<_>>(), [code]);
        assert!(plan.steps.is_empty());
    }
}

fn set_len(path: &Path, length: u64) {
    File::options().write(true).open(path).unwrap().set_len(length).unwrap();
}

#[test]
fn only_one_run_at_a_time() {
    let folder = folder();
    let roots = Roots::new(folder.path());
    let first = lock(&roots).unwrap();
    let second = File::open(roots.runtime().join("thinpool.lock")).unwrap();
    assert!(second.try_lock().is_err());
    drop(first);
    assert!(second.try_lock().is_ok());
}
