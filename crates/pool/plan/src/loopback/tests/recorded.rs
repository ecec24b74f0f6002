//! A receipt: after a reboot, and everything that must not have changed.

use mvm_core::catalogue::database;

use super::*;

#[test]
fn after_a_reboot_the_pool_comes_back_and_nothing_else_happens() {
    let plan = run(&reboot());
    assert_eq!(codes(&plan), [""; 0]);
    assert_eq!(
        lines(&plan),
        [
            format!("check {DIR}/metadata with /usr/sbin/thin_check"),
            format!("attach {DIR}/metadata to a free loop device as metadata"),
            format!("attach {DIR}/data to a free loop device as data"),
            "activate flintlock-dev-thinpool (uuid MVM-flintlock-dev-thinpool): \
             0 209715200 thin-pool <metadata> <data> 128 32768"
                .to_owned(),
            format!("sync {DIR}/metadata and read its superblock back (128 sectors a block)"),
            "wait for /dev/mapper/flintlock-dev-thinpool".to_owned(),
        ]
    );
}

#[test]
fn a_pool_comes_back_with_the_table_it_had() {
    let mut observed = reboot();
    receipt_of(&mut observed).table.features = vec!["skip_block_zeroing".to_owned()];
    assert!(lines(&run(&observed))[3].ends_with("128 32768 1 skip_block_zeroing"));
}

#[test]
fn other_sizes_in_the_file_change_nothing() {
    let smaller = Desired { data_size: 50 * GIB, metadata_size: GIB, ..desired() };
    let plan = plan(&smaller, &reboot());
    assert_eq!(codes(&plan), [pool::size_kept::ROW.code]);
    assert!(lines(&plan)[3].contains("0 209715200 thin-pool"));
    assert_eq!(plan.findings[0].severity(), mvm_core::Severity::Info);
}

#[test]
fn databases_are_noted_when_they_appear_and_missed_when_they_go() {
    let mut observed = reboot();
    observed.pool.databases = desired().pool.databases();
    let steps = run(&observed).steps;
    let end = [
        Step::RefreshReceipt { name: desired().pool.name },
        Step::AwaitNode { name: desired().pool.name },
    ];
    assert!(steps.ends_with(&end), "{steps:?}");

    for database in &mut receipt_of(&mut observed).databases {
        database.seen = true;
    }
    assert!(!lines(&run(&observed)).iter().any(|line| line.contains("receipt")));
    observed.pool.databases.pop();
    refuses(&observed, &[&pool::database_gone::ROW]);
    observed.pool.databases.clear();
    refuses(&observed, &[&pool::database_gone::ROW, &pool::database_gone::ROW]);
}

#[test]
fn a_database_of_another_pool_is_refused_and_an_old_receipt_learns() {
    let file = |inode, born| RecordedIdentity { inode, born };
    let mut observed = reboot();
    observed.pool.databases = desired().pool.databases();
    observed.pool.database_files =
        desired().pool.databases().into_iter().map(|p| (p, file(5, Some(9)))).collect();
    for database in &mut receipt_of(&mut observed).databases {
        database.seen = true;
    }
    assert!(run(&observed).steps.contains(&Step::RefreshReceipt { name: desired().pool.name }));
    for database in &mut receipt_of(&mut observed).databases {
        database.file = Some(file(5, Some(9)));
    }
    assert!(!lines(&run(&observed)).iter().any(|line| line.contains("receipt")));
    for other in [file(6, Some(9)), file(5, Some(10)), file(6, None)] {
        let mut swapped = observed.clone();
        swapped.pool.database_files[1].1 = other;
        refuses(&swapped, &[&database::replaced::ROW]);
        let remedy = run(&swapped).findings[0].remedy();
        assert!(remedy.contains("mvmhost apply") && remedy.contains("mv --backup=numbered -t"));
    }
    observed.pool.database_files[1].1 = file(5, None);
    assert!(!run(&observed).is_refused(), "a file system that keeps no time of birth");
}

#[test]
fn databases_do_not_stay_behind_when_containerd_goes_elsewhere() {
    let file = RecordedIdentity { inode: 5, born: Some(9) };
    let known = desired().pool.databases();
    let mut observed = reboot();
    for database in &mut receipt_of(&mut observed).databases {
        database.seen = true;
        database.file = Some(file);
    }
    let mut moved = desired();
    moved.pool.database_paths =
        DatabasePaths { devmapper: "/srv/d".into(), ..moved.pool.database_paths };
    let codes = |observed: &Observed| codes(&plan(&moved, observed));
    assert_eq!(codes(&observed), [database::elsewhere::ROW.code; 2], "{known:?}");
    observed.pool.databases = moved.pool.databases();
    assert_eq!(codes(&observed), [database::elsewhere::ROW.code; 2], "of whom nothing is known");
    observed.pool.database_files =
        moved.pool.databases().into_iter().map(|path| (path, file)).collect();
    let along = plan(&moved, &observed);
    assert!(
        along.steps.contains(&Step::RefreshReceipt { name: moved.pool.name.clone() }),
        "{along:?}"
    );
    observed.pool.database_files[0].1.inode = 6;
    assert_eq!(codes(&observed), [database::elsewhere::ROW.code], "a copy");
    let finding = &plan(&moved, &observed).findings[0];
    assert!(finding.message().ends_with("/srv/d/metadata.db"), "{finding:?}");
}

#[test]
fn a_growing_that_the_power_cut_is_known_at_the_next_boot() {
    let grown = |length: u64, blocks: u64, growing: Option<u64>| {
        let mut observed = reboot();
        observed.data.as_mut().unwrap().size = length * GIB;
        let Superblock::Pool(superblock) = &mut observed.superblock else { panic!() };
        superblock.data_blocks = blocks * GIB / 65536;
        receipt_of(&mut observed).growing = growing.map(|size| size * GIB);
        observed
    };
    // (file, metadata, intended) -> the table that is activated, in GiB
    let table =
        [(100, 100, 120, 100), (110, 100, 120, 100), (120, 100, 120, 100), (120, 120, 120, 120)];
    for (length, blocks, intended, live) in table {
        let plan = run(&grown(length, blocks, Some(intended)));
        let activated = plan.steps.iter().find_map(|step| match step {
            Step::Activate { table, .. } => Some(table.bytes()),
            _ => None,
        });
        assert_eq!(activated, Some(live * GIB), "{plan:?}");
    }
    refuses(&grown(121, 100, Some(120)), &[&pool::file_grown::ROW]);
    refuses(&grown(120, 100, None), &[&pool::file_grown::ROW]);
    refuses(&grown(99, 100, Some(120)), &[&pool::file_truncated::ROW]);
}

#[test]
fn every_change_to_the_files_is_refused() {
    let metadata = |change: fn(&mut FileFacts)| {
        let mut observed = reboot();
        change(observed.metadata.as_mut().unwrap());
        observed
    };
    let data = |change: fn(&mut FileFacts)| {
        let mut observed = reboot();
        change(observed.data.as_mut().unwrap());
        observed
    };
    refuses(&Observed { data: None, ..reboot() }, &[&pool::file_missing::ROW]);
    let gone = Observed { metadata: None, superblock: Superblock::Blank, ..reboot() };
    refuses(&gone, &[&pool::file_missing::ROW]);
    refuses(
        &Observed { data: None, ..gone },
        &[&pool::file_missing::ROW, &pool::file_missing::ROW],
    );
    for observed in [metadata(|f| f.size -= 1), data(|f| f.size = 0)] {
        refuses(&observed, &[&pool::file_truncated::ROW]);
    }
    for observed in [metadata(|f| f.size += 1), data(|f| f.size += GIB)] {
        refuses(&observed, &[&pool::file_grown::ROW]);
    }
    for observed in [metadata(|f| f.id.inode = 99), data(|f| f.born = Some(1))] {
        refuses(&observed, &[&pool::file_swapped::ROW]);
    }
}

#[test]
fn every_change_to_the_superblock_is_refused() {
    refuses(&Observed { superblock: Superblock::Blank, ..reboot() }, &[&pool::metadata_wiped::ROW]);
    refuses(&Observed { superblock: Superblock::Foreign, ..reboot() }, &[&pool::not_metadata::ROW]);
    let other = PoolSuperblock { data_block_sectors: 1024, ..superblock() };
    refuses(
        &Observed { superblock: Superblock::Pool(other), ..reboot() },
        &[&pool::block_size_changed::ROW],
    );
}

#[test]
fn everything_that_is_wrong_is_said_at_once() {
    let mut observed = reboot();
    observed.data = None;
    observed.metadata.as_mut().unwrap().id.inode = 99;
    observed.superblock = Superblock::Blank;
    refuses(
        &observed,
        &[&pool::file_swapped::ROW, &pool::file_missing::ROW, &pool::metadata_wiped::ROW],
    );
}

#[test]
fn a_time_of_birth_that_is_not_kept_is_no_difference() {
    let mut observed = reboot();
    observed.data.as_mut().unwrap().born = None;
    assert!(!run(&observed).is_refused());
}

#[test]
fn device_numbers_of_the_file_system_may_change() {
    let mut observed = reboot();
    observed.data.as_mut().unwrap().id.device = 0x10301;
    assert!(!run(&observed).is_refused());
}

#[test]
fn a_receipt_of_another_pool_is_not_overwritten() {
    let renamed = Desired { pool: pool_named("other"), ..desired() };
    let moved = Desired { directory: PathBuf::from("/srv/pool"), ..desired() };
    let empty = Observed { metadata: None, data: None, superblock: Superblock::Blank, ..reboot() };
    for (desired, observed, times) in [(renamed, reboot(), 1), (moved, empty, 2)] {
        let plan = plan(&desired, &observed);
        assert_eq!(codes(&plan), vec![pool::receipt_other::ROW.code; times]);
        assert_eq!(exit::by_class(&plan.findings), 73);
    }
}

#[test]
fn a_receipt_that_says_nothing_is_not_overwritten() {
    let damaged = Recorded::Unreadable("expected value at line 1".to_owned());
    refuses(&Observed { receipt: damaged.clone(), ..bare() }, &[&pool::receipt_unreadable::ROW]);
    refuses(&Observed { receipt: damaged, ..running() }, &[&pool::receipt_unreadable::ROW]);
    let newer = Recorded::Version(2);
    refuses(&Observed { receipt: newer.clone(), ..files() }, &[&pool::receipt_version::ROW]);
    refuses(&Observed { receipt: newer, ..running() }, &[&pool::receipt_version::ROW]);
}

#[test]
fn a_remedy_names_only_what_is_there() {
    let observed = Observed { data: None, ..reboot() };
    let remedy = run(&observed).findings[0].remedy();
    assert!(remedy.contains("systemctl stop flintlockd.service containerd-dev.service\n"));
    assert!(remedy.contains(&format!("-t {DIR}/old {DIR}/metadata &&\n")), "{remedy}");
    assert!(remedy.contains("/var/lib/mvmhost/receipt.json.old"));
    let mut live = running();
    receipt_of(&mut live).databases[1].seen = true;
    let remedy = run(&live).findings[0].remedy();
    let down = "containerd-dev.service\nmvmhost pool remove &&\nmkdir -p ";
    assert!(remedy.contains(down), "its files stay where they are while it is live: {remedy}");
}

pub(super) fn receipt_of(observed: &mut Observed) -> &mut Receipt {
    match &mut observed.receipt {
        Recorded::Pool(receipt) => receipt,
        other => panic!("{other:?}"),
    }
}
