//! Figures to decisions, as a table.

use std::time::Duration;

use mvm_core::catalogue::guard;
use mvm_pool_plan::thinpool::{Mode, Usage};

use super::*;

const MIB: u64 = 1 << 20;
const POLICY: Policy = Policy { warn: 80, grow: 20, brake: 95, largest: Some(1000 * MIB) };

/// A pool of 500 MiB in blocks of 64 KiB on a large disk, so many percent full.
fn figures(data: u64, metadata: u64) -> Figures {
    Figures {
        pool: Working {
            transaction_id: 0,
            metadata: Usage { used: metadata * 10, total: 1000 },
            data: Usage { used: data * 80, total: 8000 },
            held_root: None,
            mode: Some(Mode::ReadWrite),
            discards: None,
            when_full: None,
            needs_check: Some(false),
            metadata_low_water: None,
        },
        block: 64 << 10,
        size: 500 * MIB,
        room: Some(Room {
            place: "/var/lib/pool".to_owned(),
            total: 10_000 * MIB,
            free: 8000 * MIB,
            promised: 100 * MIB,
        }),
        unfinished: None,
    }
}

fn begun(size: u64, missing: u64) -> Option<Unfinished> {
    Some(Unfinished { size: size * MIB, missing: missing * MIB })
}

fn codes(decision: &Decision) -> Vec<&'static str> {
    decision.findings.iter().map(mvm_core::Finding::code).collect()
}

fn decided(figures: &Figures, braked: bool) -> Decision {
    decide("pool", &POLICY, figures, braked, false)
}

#[test]
fn below_warn_percent_nothing_happens() {
    for data in [0, 50, 79] {
        let decision = decided(&figures(data, 10), false);
        assert_eq!(decision, Decision { grow: None, brake: Brake::Keep, findings: vec![] });
    }
}

#[test]
fn at_warn_percent_the_pool_grows_by_grow_percent_while_there_is_room() {
    // (size, room.free, promised, percent full) -> the new size in MiB
    let table = [
        (500, 8000, 100, 80, Some(600)),
        (500, 8000, 100, 100, Some(600)),
        // No further than max-data-size.
        (900, 8000, 100, 80, Some(1000)),
        (1000, 8000, 100, 80, None),
        // 5 % of the file system stay free, and what was promised stays promised.
        (500, 500 + 100 + 60, 100, 80, Some(560)),
        (500, 500 + 100 + 9, 100, 80, None),
        (500, 500, 100, 80, None),
    ];
    for (size, free, promised, percent, grown) in table {
        let mut figures = figures(percent, 10);
        figures.size = size * MIB;
        let room = figures.room.as_mut().unwrap();
        (room.free, room.promised) = (free * MIB, promised * MIB);
        let decision = decided(&figures, false);
        assert_eq!(decision.grow, grown.map(|size: u64| size * MIB), "{size} {free}");
        let is_reported = codes(&decision).contains(&guard::data_filling::ROW.code);
        assert_eq!(is_reported, grown.is_none());
        if decision.grow.is_some() {
            assert_eq!(decision.brake, Brake::Keep, "growing comes first");
        }
    }
}

#[test]
fn a_pool_that_somebody_else_grows_is_only_watched() {
    let policy = Policy { largest: None, ..POLICY };
    let full = Figures { room: None, ..figures(96, 10) };
    let decision = decide("pool", &policy, &full, false, false);
    assert_eq!(decision.grow, None);
    assert_eq!(codes(&decision), [guard::data_filling::ROW.code]);
    assert!(matches!(decision.brake, Brake::Set(_)));
}

#[test]
fn what_cannot_grow_is_braked_and_released_with_a_margin() {
    let stuck = |data, metadata| Figures { size: 1000 * MIB, ..figures(data, metadata) };
    let set = |decision: &Decision| matches!(decision.brake, Brake::Set(_));
    assert!(!set(&decided(&stuck(94, 10), false)));
    assert!(set(&decided(&stuck(95, 10), false)));
    assert!(set(&decided(&stuck(10, 95), false)), "metadata counts as much");
    for percent in [90, 94, 95] {
        assert_eq!(decided(&stuck(percent, 10), true).brake, Brake::Keep);
        assert_eq!(decided(&stuck(10, percent), true).brake, Brake::Keep);
    }
    assert_eq!(decided(&stuck(89, 10), true).brake, Brake::Release);
}

#[test]
fn a_pool_that_could_grow_and_failed_to_is_braked() {
    let decision = decide("pool", &POLICY, &figures(97, 10), false, true);
    assert_eq!(decision.grow, None);
    assert!(matches!(decision.brake, Brake::Set(_)));
}

#[test]
fn a_full_host_file_system_brakes_only_what_still_needs_it() {
    let mut short = figures(50, 10);
    short.room.as_mut().unwrap().free = 400 * MIB;
    let decision = decided(&short, false);
    assert_eq!(codes(&decision), [guard::room_filling::ROW.code]);
    assert!(matches!(&decision.brake, Brake::Set(why) if why == "/var/lib/pool is 96 % full"));
    short.room.as_mut().unwrap().promised = 0;
    assert_eq!(decided(&short, false).brake, Brake::Keep);
}

#[test]
fn the_kernels_own_word_for_full_counts_more_than_numbers() {
    let mut full = Figures { size: 1000 * MIB, ..figures(10, 10) };
    full.pool.mode = Some(Mode::OutOfDataSpace);
    assert!(matches!(decided(&full, false).brake, Brake::Set(_)));
    assert_eq!(decided(&full, true).brake, Brake::Keep);
    full.size = 500 * MIB;
    assert_eq!(decided(&full, false).grow, Some(600 * MIB));
}

#[test]
fn a_brake_at_100_percent_is_none_whatever_the_fill() {
    let policy = Policy { brake: 100, ..POLICY };
    let mut full = Figures { size: 1000 * MIB, ..figures(100, 100) };
    full.pool.mode = Some(Mode::OutOfDataSpace);
    assert_eq!(decide("pool", &policy, &full, true, false).brake, Brake::Release);
    assert_eq!(decide("pool", &policy, &full, false, false).brake, Brake::Keep);
}

#[test]
fn metadata_that_needs_a_check_is_not_resized() {
    for (needs_check, mode) in [(true, Mode::ReadWrite), (false, Mode::ReadOnly)] {
        let mut figures = figures(85, 10);
        figures.pool.needs_check = Some(needs_check);
        figures.pool.mode = Some(mode);
        assert_eq!(decided(&figures, false).grow, None);
    }
}

#[test]
fn what_was_begun_is_ended_whatever_the_fill() {
    for (unfinished, grown) in [(600, Some(600)), (2000, Some(2000)), (500, Some(500))] {
        let figures = Figures { unfinished: begun(unfinished, 100), ..figures(10, 10) };
        assert_eq!(decided(&figures, false).grow, grown.map(|size: u64| size * MIB));
    }
    let mut figures = Figures { unfinished: begun(600, 100), ..figures(10, 10) };
    figures.room.as_mut().unwrap().free = 50 * MIB;
    assert_eq!(decided(&figures, false).grow, None, "it waits for space");
    figures.unfinished = begun(600, 0);
    assert_eq!(decided(&figures, false).grow, Some(600 * MIB), "its space is allocated already");
}

#[test]
fn an_empty_or_hostile_status_divides_by_nothing() {
    let mut odd = figures(0, 0);
    odd.pool.data = Usage { used: 0, total: 0 };
    odd.pool.metadata = Usage { used: u64::MAX, total: u64::MAX };
    (odd.block, odd.size) = (0, u64::MAX);
    odd.room = Some(Room { place: String::new(), total: 0, free: u64::MAX, promised: u64::MAX });
    for braked in [false, true] {
        let _ = decided(&odd, braked);
        let _ = metrics("pool", Some(&odd), braked);
    }
}

#[test]
fn metrics_are_prometheus_text() {
    let text = metrics("pool", Some(&figures(50, 10)), true);
    assert!(text.contains("# TYPE mvmhost_pool_data_used_bytes gauge\n"));
    assert!(text.contains("\nmvmhost_pool_data_used_bytes{pool=\"pool\"} 262144000\n"));
    assert!(text.contains("\nmvmhost_pool_braked{pool=\"pool\"} 1\n"));
    assert!(text.contains("\nmvmhost_pool_metadata_size_bytes{pool=\"pool\"} 4096000\n"));
    let writable =
        |figures: Option<&Figures>| Standing::of(figures).map(|standing| standing.writable);
    assert_eq!(writable(Some(&figures(50, 10))), Some(true));
    let mut full = figures(100, 10);
    full.pool.mode = Some(Mode::OutOfDataSpace);
    assert_eq!(writable(Some(&full)), Some(false));
    let down = metrics("pool", None, false);
    assert_eq!(writable(None), None);
    assert_eq!(down.lines().filter(|line| !line.starts_with('#')).count(), 2);
}

#[test]
fn the_operator_may_go_past_the_largest_size_and_not_past_the_space() {
    let stuck = Figures { size: 1000 * MIB, ..figures(10, 10) };
    assert!(step(&POLICY, &stuck).is_err());
    assert_eq!(step(&POLICY, &figures(10, 10)), Ok(600 * MIB));
    assert_eq!(up_to(&POLICY, &stuck, 2000 * MIB + 5), Ok(2000 * MIB));
    for requested in [0, 1000 * MIB, 9000 * MIB, u64::MAX] {
        assert!(up_to(&POLICY, &stuck, requested).is_err(), "{requested}");
    }
    for (was, requested, size) in [(1000, 1000, 1000), (1200, 1100, 1200), (1200, 1300, 1300)] {
        let figures = Figures { unfinished: begun(was, 0), ..stuck.clone() };
        assert_eq!(up_to(&POLICY, &figures, requested * MIB), Ok(size * MIB));
    }
    let policy = Policy { largest: None, ..POLICY };
    assert!(up_to(&policy, &stuck, 2000 * MIB).is_err());
}

#[test]
fn the_next_look_comes_before_the_fastest_writer_reaches_a_mark() {
    const GIB: u64 = 1 << 30;
    let pool = |gib: u64, used: u64| {
        let mut figures = figures(0, 10);
        figures.block = 64 << 10;
        figures.size = gib * GIB;
        figures.pool.data =
            Usage { used: used * GIB / figures.block, total: figures.size / figures.block };
        figures.pool.metadata = Usage { used: 0, total: 1 << 24 };
        figures.room = None;
        due(&POLICY, &figures).as_millis()
    };
    // 100 GiB, warned of at 80 and braked at 95, at 2 GiB a second.
    assert_eq!(pool(100, 10), 30_000, "no later than ever");
    assert_eq!(pool(100, 50), 15_000);
    assert_eq!(pool(100, 78), 1000);
    assert_eq!(pool(100, 80), 7500, "the brake is next");
    assert_eq!(pool(100, 94), 500);
    assert_eq!(pool(100, 96), 30_000, "past every mark");
    assert_eq!(pool(1, 0), 399, "a small pool is filled at once");
    let mut small = figures(70, 79);
    assert_eq!(due(&POLICY, &small), Duration::from_millis(200), "metadata and room count too");
    small.pool.data.total = 0;
    small.pool.metadata.total = 0;
    small.room = None;
    assert_eq!(due(&POLICY, &small), LATEST);
}
