//! The guard over a pool and a systemd that only remember.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use mvm_config::Config;
use mvm_core::brake::{Off, switch_off};
use mvm_core::catalogue::{guard, pool, said};
use mvm_core::{Finding, Roots, names};
use mvm_guard_kernel::{PoolNow, Store};
use mvm_guard_plan::{Figures, Policy, Room};
use mvm_pool_kernel::Error;
use mvm_pool_plan::thinpool::{Mode as PoolMode, Usage, Working};
use mvm_units_systemd::systemd::{Job, JobResult, Mode, Recording, UnitState, Units};

use crate::guard::Guard;

const MIB: u64 = 1 << 20;

/// A pool in blocks of 1 MiB: (used, size).
#[derive(Clone)]
struct Pool {
    used: Rc<Cell<u64>>,
    size: Rc<Cell<u64>>,
    live: Rc<Cell<bool>>,
    broken: Rc<Cell<bool>>,
}

impl Store for Pool {
    fn look(&self) -> Result<PoolNow, Error> {
        if !self.live.get() {
            return Ok(PoolNow { findings: vec![pool::not_live("p")], figures: None });
        }
        let figures = Figures {
            pool: Working {
                transaction_id: 0,
                metadata: Usage { used: 1, total: 100 },
                data: Usage { used: self.used.get(), total: self.size.get() },
                held_root: None,
                mode: Some(PoolMode::ReadWrite),
                discards: None,
                when_full: None,
                needs_check: None,
                metadata_low_water: None,
            },
            block: MIB,
            size: self.size.get() * MIB,
            room: Some(Room {
                place: "/p".to_owned(),
                total: 10_000 * MIB,
                free: 9000 * MIB,
                promised: 0,
            }),
            unfinished: None,
        };
        Ok(PoolNow { findings: Vec::new(), figures: Some(figures) })
    }

    fn grow(&self, size: u64) -> Result<(), Error> {
        if self.broken.get() {
            return Err(Error::NotGrowable { name: "p".to_owned(), why: "it is broken" });
        }
        self.size.set(size / MIB);
        Ok(())
    }
}

/// A connection that writes into one record.
struct Bus(Rc<RefCell<Recording>>);

impl Units for Bus {
    fn reload(&mut self) -> Result<(), mvm_units_systemd::Error> {
        self.0.borrow_mut().reload()
    }

    fn run(
        &mut self,
        job: Job,
        unit: &str,
        mode: Mode,
        wait: Duration,
    ) -> Result<JobResult, mvm_units_systemd::Error> {
        let active = if job == Job::Start { "active" } else { "inactive" };
        let state = UnitState { active_state: active.to_owned(), ..UnitState::default() };
        self.0.borrow_mut().set(unit, state);
        self.0.borrow_mut().run(job, unit, mode, wait)
    }

    fn reset_failed(&mut self, unit: &str) -> Result<(), mvm_units_systemd::Error> {
        self.0.borrow_mut().reset_failed(unit)
    }

    fn state(&mut self, unit: &str) -> Result<UnitState, mvm_units_systemd::Error> {
        self.0.borrow_mut().state(unit)
    }
}

struct Bench {
    folder: tempfile::TempDir,
    pool: Pool,
    bus: Rc<RefCell<Recording>>,
    guard: Guard,
    now: u64,
}

const UNIT: &str = "flintlockd.service";

impl Bench {
    fn new(used: u64) -> Self {
        let folder = tempfile::TempDir::new().unwrap();
        let pool = Pool {
            used: Rc::new(Cell::new(used)),
            size: Rc::new(Cell::new(100)),
            live: Rc::new(Cell::new(true)),
            broken: Rc::new(Cell::new(false)),
        };
        let bus = Rc::new(RefCell::new(Recording::default()));
        let running = UnitState { active_state: "active".to_owned(), ..UnitState::default() };
        bus.borrow_mut().set(UNIT, running);
        let config: Config = mvm_config::load::parse(&[]).unwrap().config;
        let policy = Policy { warn: 80, grow: 20, brake: 95, largest: Some(150 * MIB) };
        let roots = Roots::new(folder.path());
        let guard = Guard::new(&roots, &config, policy, Box::new(pool.clone()));
        Self { folder, pool, bus, guard, now: 0 }
    }

    fn look(&mut self) -> Vec<&'static str> {
        let bus = Rc::clone(&self.bus);
        self.now += 30;
        self.guard.look(&mut || Ok(Bus(Rc::clone(&bus))), self.now);
        self.guard.take_report().iter().map(Finding::code).collect()
    }

    fn jobs(&self) -> Vec<String> {
        self.bus.borrow().calls().to_vec()
    }

    fn braked(&self) -> bool {
        self.folder.path().join("run/mvmhost/brake").exists()
    }

    fn metrics(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("run/mvmhost/mvmhost.prom")).unwrap()
    }
}

#[test]
fn it_grows_and_leaves_flintlockd_alone() {
    let mut bench = Bench::new(50);
    assert_eq!(bench.look(), [""; 0]);
    bench.pool.used.set(99);
    // Twice at once: 20 % of 100 do not bring 99 below 80 %.
    assert_eq!(bench.look(), [guard::grew::ROW.code, guard::grew::ROW.code]);
    assert_eq!(bench.pool.size.get(), 144);
    assert!(bench.jobs().is_empty() && !bench.braked());
    assert!(
        bench
            .metrics()
            .contains("mvmhost_pool_data_size_bytes{pool=\"flintlock-dev-thinpool\"} 150994944\n")
    );
}

#[test]
fn it_brakes_when_it_cannot_grow_and_releases_when_there_is_room() {
    let mut bench = Bench::new(50);
    bench.pool.size.set(150);
    bench.pool.used.set(130);
    assert_eq!(bench.look(), [guard::data_filling::ROW.code]);
    assert!(!bench.braked());
    assert!(bench.guard.due() < Duration::from_millis(300), "13 MiB up to the brake");
    bench.look();
    assert_eq!(bench.guard.due(), Duration::from_secs(1), "nothing is written");
    bench.pool.used.set(145);
    assert_eq!(bench.look(), [guard::braked::ROW.code]);
    assert!(
        bench.braked() && bench.metrics().contains("braked{pool=\"flintlock-dev-thinpool\"} 1")
    );
    assert_eq!(bench.jobs(), ["stop flintlockd.service"]);
    // Said once, and flintlockd is not stopped again while it is down.
    assert_eq!(bench.look(), [""; 0]);
    assert_eq!(bench.jobs().len(), 1);
    bench.pool.used.set(140);
    assert_eq!(bench.look(), [""; 0]);
    assert!(bench.braked(), "93 % are within the margin");
    bench.pool.used.set(100);
    let cleared = [guard::released::ROW.code, said::cleared::ROW.code, said::cleared::ROW.code];
    assert_eq!(bench.look(), cleared);
    assert_eq!(bench.jobs(), ["stop flintlockd.service", "start flintlockd.service"]);
    assert!(!bench.braked());
}

#[test]
fn a_flintlockd_that_somebody_starts_behind_the_brake_is_stopped_again() {
    let mut bench = Bench::new(99);
    bench.pool.size.set(150);
    bench.pool.used.set(149);
    bench.look();
    for state in ["active", "activating"] {
        let state = UnitState { active_state: state.to_owned(), ..UnitState::default() };
        bench.bus.borrow_mut().set(UNIT, state);
        bench.look();
    }
    assert_eq!(bench.jobs(), ["stop flintlockd.service"; 3]);
}

#[test]
fn a_growing_that_fails_is_said_and_braked_if_need_be() {
    let mut bench = Bench::new(85);
    bench.pool.broken.set(true);
    assert_eq!(bench.look(), [guard::grow_failed::ROW.code]);
    assert!(!bench.braked());
    bench.pool.used.set(97);
    bench.look();
    assert!(bench.braked());
    bench.pool.broken.set(false);
    let codes = bench.look();
    assert!(
        codes.contains(&guard::grew::ROW.code) && codes.contains(&guard::released::ROW.code),
        "{codes:?}"
    );
    assert!(!bench.braked(), "room was made by growing");
}

#[test]
fn a_pool_that_is_gone_changes_nothing_at_the_brake() {
    let mut bench = Bench::new(50);
    bench.pool.live.set(false);
    assert_eq!(bench.look(), [pool::not_live::ROW.code]);
    assert!(bench.metrics().contains("mvmhost_pool_up{pool=\"flintlock-dev-thinpool\"} 0\n"));
    assert!(bench.jobs().is_empty());
    bench.pool.live.set(true);
    assert_eq!(bench.look(), [said::cleared::ROW.code]);
}

#[test]
fn a_flintlockd_whose_stop_would_end_its_microvms_is_not_stopped() {
    let mut bench = Bench::new(99);
    bench.pool.size.set(150);
    bench.pool.used.set(149);
    for load_state in ["loaded", "not-found"] {
        let state = UnitState {
            load_state: load_state.to_owned(),
            active_state: "active".to_owned(),
            kill_mode: "control-group".to_owned(),
            ..UnitState::default()
        };
        bench.bus.borrow_mut().set(UNIT, state);
        bench.look();
    }
    assert!(bench.jobs().is_empty(), "{:?}", bench.jobs());
    assert!(bench.braked(), "and it does not start again while the pool is full");
}

#[test]
fn a_brake_that_is_switched_off_stops_nothing_until_its_time_is_over() {
    let mut bench = Bench::new(50);
    bench.pool.size.set(150);
    bench.pool.used.set(149);
    assert!(bench.look().contains(&guard::braked::ROW.code));
    let roots = Roots::new(bench.folder.path());
    let uptime = |seconds: u64| {
        std::fs::create_dir_all(roots.at("/proc")).unwrap();
        std::fs::write(roots.at("/proc/uptime"), format!("{seconds}.00 1.00\n")).unwrap();
    };
    uptime(1000);
    let off = Off { remaining: Duration::from_secs(600), why: Some("full".to_owned()) };
    switch_off(&roots, names::BRAKE_OFF, &off).unwrap();
    let codes = bench.look();
    assert!(codes.contains(&guard::brake_off::ROW.code), "{codes:?}");
    assert!(!bench.braked());
    assert_eq!(bench.jobs(), ["stop flintlockd.service", "start flintlockd.service"]);
    // Nothing more happens while it lasts, however full the pool is.
    bench.pool.used.set(150);
    bench.look();
    assert_eq!(bench.jobs().len(), 2);
    uptime(1600);
    assert!(bench.look().contains(&guard::braked::ROW.code));
    assert!(bench.braked());
    assert_eq!(bench.jobs().last().unwrap(), "stop flintlockd.service");
}
