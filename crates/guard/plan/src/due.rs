//! When a pool is to be looked at again: before any writer can have passed the next mark.

use std::time::Duration;

use super::{Figures, Policy};

/// The fastest writer for whom the marks hold, in bytes per second; mvm-guard(8) states it. NVMe disks
/// and RAM behind a pool write a few GiB a second for moments.
const FASTEST: u64 = 2 << 30;
/// More often than this is of no use, because flintlockd takes longer to stop.
const SOONEST: Duration = Duration::from_millis(200);
/// Space that goes away raises no event, so a pool is looked at this often in any case.
pub const LATEST: Duration = Duration::from_secs(30);

/// How long until the next look: the time in which the fastest writer fills what is left up to the next
/// mark of the data, the metadata or the file system.
pub fn due(policy: &Policy, figures: &Figures) -> Duration {
    let pool = &figures.pool;
    let block = figures.block;
    let data = remaining(policy, pool.data.used, pool.data.total);
    // Each new block of data takes one block of metadata at the most.
    let metadata = remaining(policy, pool.metadata.used, pool.metadata.total);
    let blocks = data.into_iter().chain(metadata).map(|remaining| remaining.saturating_mul(block));
    let room = figures.room.as_ref().filter(|room| room.promised > 0);
    let room =
        room.and_then(|room| remaining(policy, room.total.saturating_sub(room.free), room.total));
    let Some(bytes) = blocks.chain(room).min() else {
        return LATEST;
    };
    let millis = u128::from(bytes) * 1000 / u128::from(FASTEST);
    Duration::from_millis(u64::try_from(millis).unwrap_or(u64::MAX)).clamp(SOONEST, LATEST)
}

/// How much is left up to the next of the marks; `None` past the last one.
fn remaining(policy: &Policy, used: u64, total: u64) -> Option<u64> {
    let mark = |percent: u8| {
        let mark = u128::from(total) * u128::from(percent) / 100;
        u64::try_from(mark).unwrap_or(u64::MAX)
    };
    let marks = [mark(policy.warn), mark(policy.brake.min(100))];
    marks.into_iter().filter(|mark| *mark > used).map(|mark| mark - used).min()
}
