//! What containerd writes.

use mvm_core::catalogue::seen::{containerd as ctrd, pool};

use super::About::{Containerd, Pool};
use super::{C, FC, Pattern, p};

/// The devmapper plugin in `failed to load plugin`: 1.6 names it in the message, 1.7 too, later ones
/// in a field of its own behind the error.
pub(super) const TABLE: &[Pattern] = &[
    // Before the rows of its cause, whose words it repeats.
    p(
        47,
        C,
        r"could not use snapshotter devmapper in metadata plugin",
        &ctrd::follows::ROW,
        Containerd,
    ),
    p(
        42,
        C,
        r#"failed to query pool "?(?:/dev/mapper/(?<subject>[A-Za-z0-9._-]+))?.*no such device or address"#,
        &ctrd::pool_absent::ROW,
        Pool,
    ),
    p(
        44,
        C,
        r"(?<subject>dmsetup|blkdiscard) (?:is )?not available",
        &ctrd::tool_missing::ROW,
        Containerd,
    ),
    p(45, C, r"failed to check devices state: devmapper", &ctrd::devices_inconsistent::ROW, Pool),
    p(46, C, r"devmapper not configured", &ctrd::not_configured::ROW, Containerd),
    p(
        48,
        C,
        r#"marked as "?Activated"? but not active, activating it"#,
        &ctrd::reactivated::ROW,
        Containerd,
    ),
    p(49, C, r"has invalid state .*marking as faulty", &ctrd::faulty::ROW, Containerd),
    p(
        61,
        FC,
        r"Incompatible libdevmapper .*kernel driver \(unknown version\)|/dev/mapper/control: open failed",
        &pool::dmsetup_refused::ROW,
        Pool,
    ),
    p(
        43,
        C,
        r#"devmapper.*error="no such device"|error="no such device".*devmapper"#,
        &ctrd::no_device_mapper::ROW,
        Containerd,
    ),
    p(
        0,
        C,
        r"(?s)failed to load plugin.*io\.containerd\.snapshotter\.v1\.devmapper|io\.containerd\.snapshotter\.v1\.devmapper.*failed to load plugin",
        &ctrd::plugin_failed::ROW,
        Containerd,
    ),
    p(
        0,
        C,
        r"(?s)failed to load plugin.*io\.containerd\.(?:snapshotter\.v1\.native|content\.v1\.content|metadata\.v1\.bolt)",
        &ctrd::plugin_failed::ROW,
        Containerd,
    ),
    p(
        0,
        C,
        r#"(?s)(?:panic|fatal|level="?error|failed).*(?:bbolt|boltdb|freelist|invalid database|already freed|invalid page type|meta\.db|metadata\.db)"#,
        &ctrd::database_damaged::ROW,
        Containerd,
    ),
    p(
        0,
        C,
        r"no space left on device|read-only file system",
        &ctrd::spec_not_saved::ROW,
        Containerd,
    ),
    p(
        0,
        C,
        r#"level="?(?:fatal|panic)(?-u:\b)|^panic: |^fatal error: |^containerd: "#,
        &ctrd::not_started::ROW,
        Containerd,
    ),
    // Behind the rows that name why.
    p(
        25,
        FC,
        r"failed to (?:suspend|activate) .*(?:no such device|invalid argument)",
        &pool::thin_device_gone::ROW,
        Pool,
    ),
    p(
        0,
        FC,
        r"(?:(?:failed to remove|removing) (?:device|snapshot)|dmsetup remove).*[Dd]evice or resource busy",
        &ctrd::snapshot_busy::ROW,
        Containerd,
    ),
];
