//! What the tests of every backend start from.

use mvm_core::catalogue::pool as said;

use super::*;

/// What the default configuration asks for of a pool of this name.
pub(crate) fn pool(name: &str) -> Pool {
    let config = mvm_config::load::parse(&[]).unwrap().config;
    Pool { name: name.to_owned(), ..Pool::new(&config, None) }
}

/// A machine without a pool that can have one.
pub(crate) fn nothing() -> Observed {
    let thin_check = Some(PathBuf::from("/usr/sbin/thin_check"));
    Observed { thin_check, ..Observed::new(Control::Usable) }
}

/// A pool that is well, on block devices of somebody's.
pub(crate) fn live(uuid: &str) -> Device {
    let backing = || Backing { device: "dm-1".to_owned(), file: None, path: String::new() };
    Device::Pool(Box::new(LivePool {
        number: DevNum { major: 253, minor: 2 },
        uuid: uuid.to_owned(),
        state: LiveState {
            table: "0 8192 thin-pool 253:0 253:1 1024 0".parse().unwrap(),
            status: "0 1/2 0/4 - rw discard_passdown queue_if_no_space - 1024".to_owned(),
            suspended: false,
            second_table: false,
        },
        metadata: backing(),
        data: backing(),
    }))
}

#[test]
fn device_mapper_alone_is_enough_to_tell_whether_a_pool_serves() {
    let Device::Pool(live) = live("") else { panic!() };
    assert!(PoolState::Live(live.state).findings("p").is_empty());
    for state in [PoolState::Absent, PoolState::Empty] {
        assert_eq!(state.findings("p")[0].code(), said::not_live::ROW.code);
    }
}

#[test]
fn a_uuid_fits_into_device_mapper() {
    assert_eq!(pool(&"x".repeat(127)).uuid().len(), 128);
}
