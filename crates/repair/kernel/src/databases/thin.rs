//! Which numbers of thin devices are in use in a pool, asked of the kernel: a table that names one that is
//! not there is refused. Nothing is resumed, so that no device is ever readable.

use std::collections::BTreeSet;

use devicemapper::{DM, DevId, DmError, DmName, DmOptions, DmUuid};
use mvm_pool_kernel::mapper::{errno, mapper};
use mvm_pool_kernel::{Error, Operation};
use nix::errno::Errno;

/// Of `numbers`, those that the pool has.
///
/// # Errors
/// The kernel cannot be asked, or the pool is not live.
pub(super) fn there(pool: &str, numbers: &[u32]) -> Result<BTreeSet<u32>, Error> {
    let name = format!("{pool}-mvmhost-look");
    let failed = |error| mapper(Operation::LookInto, pool, &error);
    let dm = DM::new().map_err(failed)?;
    let number = DevId::Name(DmName::new(pool).map_err(failed)?);
    let device = dm.device_info(&number).map_err(failed)?.device();
    let pool = format!("{}:{}", device.major, device.minor);
    let look = DmName::new(&name).map_err(failed)?;
    let id = DevId::Name(look);
    // A run that was killed may have left one.
    let _ = dm.device_remove(&id, DmOptions::default());
    let uuid = format!("MVM-{name}");
    let uuid = DmUuid::new(&uuid).map_err(failed)?;
    dm.device_create(look, Some(uuid), DmOptions::default()).map_err(failed)?;
    let looked = ask(&dm, &id, &pool, numbers).map_err(failed);
    dm.device_remove(&id, DmOptions::default()).map_err(failed)?;
    looked
}

fn ask(dm: &DM, id: &DevId<'_>, pool: &str, numbers: &[u32]) -> Result<BTreeSet<u32>, DmError> {
    /// The shortest device there is, in sectors.
    const SECTORS: u64 = 8;
    let mut there = BTreeSet::new();
    for number in numbers {
        let target = (0, SECTORS, "thin".to_owned(), format!("{pool} {number}"));
        match dm.table_load(id, &[target], DmOptions::default()) {
            Ok(_) => {
                there.insert(*number);
            }
            Err(error) if errno(&error) == Some(Errno::ENODATA) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(there)
}
