//! Growing over a folder and a recorded kernel, cut short anywhere.

use std::path::Path;
use std::rc::Rc;
use std::time::Duration;

use mvm_core::exec::Recording;
use mvm_pool_kernel::loopback::{apply, observe};
use mvm_pool_kernel::thinpool::System;
use mvm_pool_plan::loopback::{Desired, plan};
use mvm_pool_plan::thinpool::{Device, Mode};

use super::*;
use crate::fake::{self, Machine};

const MIB: u64 = 1 << 20;
const DIR: &str = "/var/lib/pool";

fn desired() -> Desired {
    fake::desired(DIR)
}

struct Bench {
    _folder: tempfile::TempDir,
    machine: Rc<Machine>,
    programs: Recording,
}

impl Bench {
    fn new() -> Self {
        // Below target/, which is on a disk: /tmp may be a tmpfs, which is refused.
        let program = std::env::current_exe().unwrap();
        let folder = tempfile::TempDir::new_in(program.parent().unwrap()).unwrap();
        let machine = Rc::new(Machine::new(folder.path()));
        let bench = Self { _folder: folder, machine, programs: Recording::default() };
        bench.activate();
        bench
    }

    fn activate(&self) {
        let system = System {
            roots: &self.machine.roots,
            loops: &*self.machine,
            mapper: &*self.machine,
            programs: &self.programs,
            timeout: Duration::from_millis(20),
        };
        let first = plan(&desired(), &observe(&system, &desired()).unwrap());
        assert!(!first.is_refused(), "{first:?}");
        apply(&system, &first, &desired()).unwrap();
        let after = plan(&desired(), &observe(&system, &desired()).unwrap());
        assert!(after.is_settled(), "{after:?}");
    }

    fn files(&self) -> Files {
        let roots = &self.machine.roots;
        let machine = || Rc::clone(&self.machine);
        Files::on(roots, desired(), machine(), machine())
    }

    /// Length of the live table, of the file and of the receipt, and what the receipt intends.
    fn sizes(&self) -> (u64, u64, u64, Option<u64>) {
        let roots = &self.machine.roots;
        let file =
            mvm_pool_kernel::files::facts(&roots.at(Path::new(DIR).join("data"))).unwrap().unwrap();
        let recorded = mvm_pool_kernel::receipt::read(roots);
        let receipt = recorded.pool().unwrap();
        let live = self.files().look().unwrap().figures.unwrap().size;
        (live, file.size, receipt.data.size, receipt.growing)
    }
}

#[test]
fn a_pool_grows_with_its_space_allocated() {
    let bench = Bench::new();
    bench.files().grow(80 * MIB).unwrap();
    assert_eq!(bench.sizes(), (80 * MIB, 80 * MIB, 80 * MIB, None));
    let figures = bench.files().look().unwrap().figures.unwrap();
    assert!(figures.room.unwrap().promised < 65 * MIB, "the new part is no hole");
    let before = bench.machine.calls.borrow().len();
    bench.files().grow(80 * MIB).unwrap();
    assert_eq!(bench.machine.calls.borrow().len(), before, "nothing is left to do");
}

#[test]
fn a_growing_that_is_killed_anywhere_is_ended_by_the_next() {
    let size = 80 * MIB;
    let steps = Bench::new().files().steps(size).unwrap();
    assert_eq!(steps.len(), 5, "{steps:?}");
    for done in 0..=steps.len() {
        for power_cut in [false, true] {
            let bench = Bench::new();
            for step in &steps[..done] {
                bench.files().step(step).unwrap();
            }
            if power_cut {
                bench.machine.reboot();
                bench.activate();
                assert!(!bench.machine.calls.borrow().contains(&"FORMAT".to_owned()));
            }
            let (live, _, _, intended) = bench.sizes();
            assert_eq!(live == size, done >= 4, "{done} {power_cut}");
            let unfinished = bench.files().look().unwrap().figures.unwrap().unfinished;
            assert_eq!(unfinished.map(|begun| begun.size), intended);
            let missing = unfinished.map_or(0, |begun| begun.missing);
            assert_eq!(missing, if done == 1 { size - 64 * MIB } else { 0 }, "{done}");
            bench.files().grow(intended.unwrap_or(size)).unwrap();
            assert_eq!(bench.sizes(), (size, size, size, None), "{done} {power_cut}");
            bench.machine.reboot();
            bench.activate();
            assert_eq!(bench.sizes(), (size, size, size, None), "{done} {power_cut}");
        }
    }
}

#[test]
fn a_step_that_fails_leaves_the_pool_live_and_is_tried_again() {
    for point in ["show", "load", "resume"] {
        let bench = Bench::new();
        *bench.machine.fail_at.borrow_mut() = Some(point);
        bench.files().grow(80 * MIB).unwrap_err();
        assert_eq!(bench.sizes().0, 64 * MIB, "{point}");
        *bench.machine.fail_at.borrow_mut() = None;
        bench.files().grow(80 * MIB).unwrap();
        assert_eq!(bench.sizes(), (80 * MIB, 80 * MIB, 80 * MIB, None), "{point}");
    }
}

#[test]
fn a_power_cut_amid_the_allocation_leaves_any_length() {
    let bench = Bench::new();
    let steps = bench.files().steps(80 * MIB).unwrap();
    bench.files().step(&steps[0]).unwrap();
    let data = bench.machine.roots.at(Path::new(DIR).join("data"));
    std::fs::File::options().write(true).open(&data).unwrap().set_len(71 * MIB + 512).unwrap();
    bench.machine.reboot();
    bench.activate();
    bench.files().grow(80 * MIB).unwrap();
    assert_eq!(bench.sizes(), (80 * MIB, 80 * MIB, 80 * MIB, None));
}

#[test]
fn a_pool_that_is_not_ours_or_not_there_is_not_grown() {
    let bench = Bench::new();
    std::fs::remove_file(bench.machine.roots.receipt()).unwrap();
    assert!(matches!(bench.files().grow(80 * MIB), Err(Error::NotGrowable { .. })));
    bench.machine.reboot();
    assert!(matches!(bench.files().grow(80 * MIB), Err(Error::NotGrowable { .. })));
    assert_eq!(bench.files().look().unwrap().figures, None);
    let Device::Absent = bench.files().observe().unwrap().pool.device else { panic!() };
}

#[test]
fn a_pool_that_has_room_again_is_woken_and_a_full_one_left_alone() {
    let bench = Bench::new();
    let commits = || bench.machine.calls.borrow().iter().filter(|call| *call == "commit").count();
    let mode = || bench.files().look().unwrap().figures.unwrap().pool.mode.unwrap();
    let full = "0 1/2 4/4 - out_of_data_space discard_passdown queue_if_no_space - 1024";
    bench.machine.shows(full);
    assert_eq!((mode(), commits()), (Mode::OutOfDataSpace, 0));
    bench.machine.shows(&full.replace("4/4", "1/4"));
    assert_eq!((mode(), commits()), (Mode::ReadWrite, 1));
    assert_eq!((mode(), commits()), (Mode::ReadWrite, 1));
}
