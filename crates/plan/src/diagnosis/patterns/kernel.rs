//! What the kernel writes.

use mvm_diagnostics::catalogue::seen::pool;

use super::About::Pool;
use super::{K, Pattern, p};

pub(super) const TABLE: &[Pattern] = &[
    p(
        51,
        K,
        r"device-mapper: thin: .*reached low water mark for (?<subject>data|metadata) device",
        &pool::RAN_LOW,
        Pool,
    ),
    p(
        52,
        K,
        r"switching pool to out-of-data-space|no free data space available",
        &pool::RAN_FULL,
        Pool,
    ),
    p(
        53,
        K,
        r"switching pool to (?:read-only|failed|fail) mode|metadata operation .*failed|unable to service pool target messages in READ_ONLY or FAIL mode",
        &pool::METADATA_FAILED,
        Pool,
    ),
    p(
        0,
        K,
        r"Buffer I/O error on dev(?:ice)? (?<subject>[A-Za-z0-9._-]+),.*lost async page write",
        &pool::PAGE_LOST,
        Pool,
    ),
];
