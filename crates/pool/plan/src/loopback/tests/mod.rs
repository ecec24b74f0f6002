//! The decision table of a pool on files: one machine for each row.

mod fresh;
mod live;
mod place;
mod recorded;

use std::path::PathBuf;

use mvm_containerd::DatabasePaths;
use mvm_core::{Exit, exit};

use super::*;
use crate::thinpool::tests::{nothing, pool as pool_named};
use crate::thinpool::{
    Backing, Control, DevNum, FileFacts, FileId, FileSystem, LivePool, LiveState, PoolSuperblock,
    Receipt, Recorded, RecordedIdentity, Shape, Superblock, ThinPoolTable, ready_finding,
};

const DIR: &str = "/var/lib/containerd-dev/snapshotter/devmapper";
const GIB: u64 = 1 << 30;

/// A pool on files as the default configuration asks for it.
fn desired() -> Desired {
    Desired {
        pool: pool_named("flintlock-dev-thinpool"),
        directory: PathBuf::from(DIR),
        data_size: 100 * GIB,
        metadata_size: 10 * GIB,
    }
}

/// A machine on which nothing was ever done.
fn bare() -> Observed {
    Observed {
        pool: nothing(),
        loop_control: Control::Usable,
        directory: false,
        file_system: FileSystem {
            magic: 0xef53,
            free: 500 * GIB,
            size: 900 * GIB,
            read_only: false,
        },
        metadata: None,
        superblock: Superblock::Blank,
        data: None,
        attachments: Vec::new(),
        receipt: Recorded::Absent,
    }
}

/// With another state of what every pool has.
fn with(mut observed: Observed, change: impl FnOnce(&mut thinpool::Observed)) -> Observed {
    change(&mut observed.pool);
    observed
}

fn file(inode: u64, size: u64, allocated: u64) -> FileFacts {
    FileFacts {
        id: FileId { device: 0xfe00, inode },
        regular: true,
        born: Some(1_700_000_000_000_000_000 + inode),
        size,
        allocated,
    }
}

fn superblock() -> PoolSuperblock {
    PoolSuperblock {
        version: 2,
        needs_check: false,
        transaction: 0,
        data_blocks: 1_638_400,
        data_block_sectors: 128,
        metadata_blocks: 2_621_440,
    }
}

/// A pool on its files after a reboot: whole, not active, not on record.
fn files() -> Observed {
    Observed {
        directory: true,
        metadata: Some(file(11, 10 * GIB, 1 << 20)),
        superblock: Superblock::Pool(superblock()),
        data: Some(file(12, 100 * GIB, 5 * GIB)),
        ..bare()
    }
}

/// The same, on record.
fn reboot() -> Observed {
    let mut observed = files();
    let receipt = Receipt::of(&desired(), &observed, &Shape::new_pool(100 * GIB)).unwrap();
    observed.receipt = Recorded::Pool(Box::new(receipt));
    observed
}

/// The same, live.
fn running() -> Observed {
    let file = |device: &str, inode| Backing {
        device: device.to_owned(),
        file: Some(FileId { device: 0xfe00, inode }),
        path: format!("{DIR}/{}", if inode == 11 { "metadata" } else { "data" }),
    };
    let live = LivePool {
        number: DevNum { major: 253, minor: 0 },
        uuid: "MVM-flintlock-dev-thinpool".to_owned(),
        state: LiveState {
            table: "0 209715200 thin-pool 7:5 7:9 128 32768".parse().unwrap(),
            status: "0 1041/2621440 0/1638400 - rw discard_passdown queue_if_no_space - 1024"
                .to_owned(),
            suspended: false,
            second_table: false,
        },
        metadata: file("loop5", 11),
        data: file("loop9", 12),
    };
    with(reboot(), |pool| {
        (pool.device, pool.node) = (Device::Pool(Box::new(live)), true);
    })
}

fn pool_of(observed: &mut Observed) -> &mut LivePool {
    match &mut observed.pool.device {
        Device::Pool(live) => live,
        other => panic!("{other:?}"),
    }
}

/// The codes of a plan's findings; on the way every text is filled in, which fails where a
/// placeholder has no value.
fn codes(plan: &Plan<Step>) -> Vec<&'static str> {
    for finding in &plan.findings {
        let said = format!("{}\n{}", finding.message(), finding.remedy());
        assert!(!said.contains(['{', '}']), "{said}");
        assert!(!finding.message().contains('\n'));
    }
    plan.findings.iter().map(|finding| finding.entry().code).collect()
}

fn run(observed: &Observed) -> Plan<Step> {
    plan(&desired(), observed)
}

/// The plan refuses with exactly these, touches nothing, and the exit code says so.
fn refuses(observed: &Observed, entries: &[&mvm_core::Entry]) {
    let plan = run(observed);
    let expected: Vec<_> = entries.iter().map(|entry| entry.code).collect();
    assert_eq!(codes(&plan), expected);
    assert!(plan.steps.is_empty());
    assert_ne!(Exit::worst(&plan.findings), None);
}

fn lines(plan: &Plan<Step>) -> Vec<String> {
    plan.steps.iter().map(ToString::to_string).collect()
}

/// The plan ends with the receipt, and then the wait for udev, which worked meanwhile.
fn is_recorded(plan: &Plan<Step>) -> bool {
    matches!(plan.steps.as_slice(), [.., Step::WriteReceipt { .. }, Step::AwaitNode { .. }])
}
