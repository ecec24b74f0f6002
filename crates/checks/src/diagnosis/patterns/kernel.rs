//! What the kernel writes. The prefixes are the DM_MSG_PREFIX of drivers/md and
//! drivers/md/persistent-data, whose errors are the metadata's; the words are those of dm-thin.c,
//! block/blk-core.c, drivers/block/loop.c, mm/oom_kill.c and fs/ext4.

use mvm_core::catalogue::seen::{kernel, network, pool};

use super::About::{Host, Pool};
use super::{K, Pattern, p};

pub(super) const TABLE: &[Pattern] = &[
    // ENOSPC of an operation on the metadata is a full metadata device.
    p(
        0,
        K,
        r"device-mapper: .*(?:unable to allocate (?:a )?new metadata block|no free metadata space available|metadata operation .*failed: error = -28|out of metadata space|space map metadata: .*(?:no space|out of space))",
        &kernel::metadata_full::ROW,
        Pool,
    ),
    p(
        0,
        K,
        r"device-mapper: thin metadata: (?:sb_check failed|couldn't read superblock|.*superblock)",
        &kernel::superblock_damaged::ROW,
        Pool,
    ),
    p(
        0,
        K,
        r"device-mapper: (?:thin metadata|btree(?: [a-z]+)?|space map [a-z]+|block manager|transaction manager|array|bitset|bufio)[ :]",
        &kernel::metadata_damaged::ROW,
        Pool,
    ),
    p(
        51,
        K,
        r"device-mapper: thin: .*reached low water mark for (?<subject>data|metadata) device",
        &pool::ran_low::ROW,
        Pool,
    ),
    p(
        52,
        K,
        r"switching pool to out-of-data-space|no free data space available",
        &pool::ran_full::ROW,
        Pool,
    ),
    p(
        53,
        K,
        r"switching pool to (?:read-only|failed|fail) mode|metadata operation .*failed|unable to service pool target messages in READ_ONLY or FAIL mode",
        &pool::metadata_failed::ROW,
        Pool,
    ),
    p(0, K, r"device-mapper: table: .*thin", &kernel::table_refused::ROW, Pool),
    p(
        0,
        K,
        r"device-mapper: thin: .*(?:[Ff]ailed|[Ee]rror|aborting|too small|needs_check|unable to|not permitted)",
        &kernel::pool_trouble::ROW,
        Pool,
    ),
    p(
        0,
        K,
        r"Buffer I/O error on dev(?:ice)? (?<subject>[A-Za-z0-9._-]+),.*lost async page write",
        &pool::page_lost::ROW,
        Pool,
    ),
    p(0, K, r"loop: Write error at byte offset", &kernel::loop_file_full::ROW, Pool),
    p(
        0,
        K,
        r"critical space allocation error, dev (?<subject>[A-Za-z0-9._-]+)",
        &pool::ran_full::ROW,
        Pool,
    ),
    p(
        0,
        K,
        r"(?:I/O error|critical (?:medium|target|nexus) error|protection error), dev (?<subject>[A-Za-z0-9._-]+)",
        &kernel::disk_error::ROW,
        Host,
    ),
    p(
        0,
        K,
        r"nvme (?<subject>[A-Za-z0-9._-]+): (?:I/O .*timeout|controller is down|Abort status)",
        &kernel::disk_error::ROW,
        Host,
    ),
    p(
        0,
        K,
        r"(?:EXT4-fs|XFS|BTRFS)(?: error)? \(?(?:device )?(?<subject>[A-Za-z0-9._-]+)\)?: ?(?:.*(?:[Rr]emounting filesystem read-only|error count|Corruption|corruption|metadata I/O error|forced readonly|Aborting journal)|[a-z0-9_]+:[0-9]+: )",
        &kernel::file_system_error::ROW,
        Host,
    ),
    p(
        0,
        K,
        r"EXT4-fs warning \(device (?<subject>[A-Za-z0-9._-]+)\): [a-z0-9_]+:[0-9]+: I/O error",
        &kernel::file_system_error::ROW,
        Host,
    ),
    p(
        0,
        K,
        r"Killed process [0-9]+ \((?<subject>firecracker|cloud-hyperviso|cloud-hypervisor|flintlockd|containerd|dnsmasq|virtiofsd)",
        &kernel::out_of_memory::ROW,
        Host,
    ),
    p(
        0,
        K,
        r"kvm.*(?:disabled by [Bb][Ii][Oo][Ss]|no hardware support|not supported by (?:CPU|BIOS))|(?:VMX|SVM) (?:not supported|not available|disabled)",
        &kernel::no_virtualisation::ROW,
        Host,
    ),
    p(0, K, r"nf_conntrack: .*table full, dropping packet", &kernel::conntrack_full::ROW, Host),
    p(0, K, r"neighbour: .*neighbor table overflow", &kernel::neighbours_full::ROW, Host),
    p(
        0,
        K,
        r"(?<subject>[A-Za-z0-9._-]+): received packet on [^ ]+ with own address as source address",
        &kernel::own_address::ROW,
        Host,
    ),
    // AppArmor hides no path with plain characters in hexadecimal digits.
    p(
        0,
        K,
        r#"apparmor="DENIED".*name="/(?:run/mvmhost|run/mvm-dhcp|var/lib/mvmhost)/[^"]*".*comm="(?<subject>dnsmasq)""#,
        &network::dnsmasq_denied::ROW,
        Host,
    ),
    p(
        0,
        K,
        r#"(?:apparmor="DENIED"|avc: +denied).*(?<subject>firecracker|cloud-hypervisor|flintlockd|containerd|dnsmasq)"#,
        &kernel::denied::ROW,
        Host,
    ),
];
