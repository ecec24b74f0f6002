//! A pool that somebody else makes: it is looked at, and nothing is done to it.

use mvm_config::Config;
use mvm_core::Finding;
use mvm_core::catalogue::pool;

use crate::thinpool::{Device, Observed, Pool, device_mapper, health, name_taken};

/// Nothing is asked for beside what every pool has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Desired {
    /// What every pool has.
    pub pool: Pool,
}

impl Desired {
    /// From the configuration; `containerd` is that of the containerd that uses the pool, where
    /// mvmhost does not render one.
    pub fn new(config: &Config, containerd: Option<&str>) -> Self {
        Self { pool: Pool::new(config, containerd) }
    }
}

/// What there is to say about the pool.
pub fn look(desired: &Desired, observed: &Observed) -> Vec<Finding> {
    let name = &desired.pool.name;
    if let Some(finding) = device_mapper(&desired.pool, observed) {
        return vec![finding];
    }
    match &observed.device {
        Device::Pool(live) => health::flaws(name, &live.state),
        Device::Other { target, table } => vec![name_taken(name, target, table)],
        Device::Absent | Device::Empty { .. } => {
            vec![pool::external_absent(name)]
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::thinpool::tests::{live, nothing, pool as named};
    use crate::thinpool::{Control, DevNum};

    fn desired() -> Desired {
        Desired { pool: named("theirs") }
    }

    fn codes(observed: &Observed) -> Vec<&'static str> {
        look(&desired(), observed).iter().map(Finding::code).collect()
    }

    #[test]
    fn an_external_pool_is_only_looked_at() {
        let well = Observed { device: live("LVM-x"), ..nothing() };
        assert_eq!(codes(&well), [""; 0]);
        assert_eq!(codes(&nothing()), [pool::external_absent::ROW.code]);
        let mut full = well;
        let Device::Pool(live) = &mut full.device else { panic!() };
        live.state.status = "0 1/2 4/4 - out_of_data_space".to_owned();
        assert_eq!(codes(&full), [""; 0], "mvm-guard brakes, and the chain stays up");
    }

    #[test]
    fn a_device_of_another_kind_is_said() {
        let table = "0 8 linear 254:0 0".to_owned();
        let other = Device::Other { target: "linear".to_owned(), table };
        assert_eq!(codes(&Observed { device: other, ..nothing() }), [pool::name_taken::ROW.code]);
        let number = DevNum { major: 253, minor: 7 };
        let empty = Device::Empty { number, uuid: "MVM-theirs".to_owned() };
        let none = [pool::external_absent::ROW.code];
        assert_eq!(codes(&Observed { device: empty, ..nothing() }), none);
        let deaf = Observed::new(Control::Absent);
        assert_eq!(codes(&deaf), [pool::no_device_mapper::ROW.code]);
    }
}
