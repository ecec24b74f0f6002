//! A live pool is left as it is.

use super::recorded::receipt_of;
use super::*;
use crate::thinpool::PoolState;

#[test]
fn the_second_run_has_nothing_to_do() {
    let plan = run(&running());
    assert_eq!(codes(&plan), [""; 0]);
    assert!(plan.is_settled(), "{plan:?}");
}

#[test]
fn only_the_receipt_is_written_for_a_live_pool_that_is_not_on_record() {
    let mut observed = Observed { receipt: Recorded::Absent, ..running() };
    // provision.sh's: no UUID, its own table, its own loop numbers.
    let live = pool_of(&mut observed);
    live.uuid = String::new();
    live.state.table.shape.features = vec!["skip_block_zeroing".to_owned()];
    let plan = run(&observed);
    assert_eq!(codes(&plan), [""; 0]);
    assert_eq!(plan.steps, [Step::WriteReceipt { name: desired().pool.name }]);
    let receipt = Receipt::of(
        &desired(),
        &observed,
        &"0 209715200 thin-pool 7:5 7:9 128 32768 1 \
        skip_block_zeroing"
            .parse::<ThinPoolTable>()
            .unwrap()
            .shape,
    );
    observed.receipt = Recorded::Pool(Box::new(receipt.unwrap()));
    assert!(run(&observed).is_settled());
}

#[test]
fn growing_by_somebody_else_is_put_on_record() {
    let mut observed = running();
    observed.data.as_mut().unwrap().size = 150 * GIB;
    pool_of(&mut observed).state.table.shape.sectors = 150 * GIB / 512;
    let plan = run(&observed);
    assert_eq!(codes(&plan), [pool::size_kept::ROW.code]);
    assert_eq!(plan.steps, [Step::WriteReceipt { name: desired().pool.name }]);
}

#[test]
fn a_missing_node_is_waited_for() {
    let plan = run(&with(running(), |pool| pool.node = false));
    assert_eq!(plan.steps, [Step::AwaitNode { name: desired().pool.name }]);
}

#[test]
fn a_pool_on_other_files_is_not_ours() {
    let mut moved = running();
    pool_of(&mut moved).data.file = Some(FileId { device: 0xfe00, inode: 77 });
    refuses(&moved, &[&pool::other_files::ROW]);
    let mut on_disk = running();
    pool_of(&mut on_disk).metadata =
        Backing { device: "dm-3".to_owned(), file: None, path: String::new() };
    refuses(&on_disk, &[&pool::other_files::ROW]);
    // Deleted underneath it: there is no file of that name any more.
    refuses(&Observed { data: None, ..running() }, &[&pool::other_files::ROW]);
}

#[test]
fn a_name_that_is_taken_is_left_alone() {
    let device =
        Device::Other { target: "linear".to_owned(), table: "0 8 linear 254:0 0".to_owned() };
    refuses(&with(reboot(), |pool| pool.device = device), &[&pool::name_taken::ROW]);
}

#[test]
fn what_the_kernel_says_is_wrong_is_passed_on() {
    let status = |text: &str| {
        let mut observed = running();
        pool_of(&mut observed).state.status = text.to_owned();
        observed
    };
    refuses(&status("Fail"), &[&pool::failed::ROW]);
    refuses(&status("Error"), &[&pool::failed::ROW]);
    refuses(&status("0 1/2 3/4 - ro discard_passdown"), &[&pool::read_only::ROW]);
    refuses(
        &status("0 2/2 3/4 - ro discard_passdown queue_if_no_space needs_check 1"),
        &[&pool::needs_check::ROW],
    );
    // Fullness is the brake's: what uses the pool stays up, so that it can be emptied.
    let mut full = status("0 1/2 4/4 - out_of_data_space");
    assert_eq!(codes(&run(&full)), [""; 0]);
    let state = PoolState::Live(pool_of(&mut full).state.clone());
    let remedy = state.full("pool").unwrap().remedy();
    assert!(remedy.ends_with("\nmvmhost pool grow --to 112640MiB"), "{remedy}");
    assert_eq!(codes(&run(&status("brand new"))), [pool::status_unknown::ROW.code]);

    let mut suspended = running();
    pool_of(&mut suspended).state.suspended = true;
    refuses(&suspended, &[&pool::suspended::ROW]);
    let mut loaded = running();
    pool_of(&mut loaded).state.second_table = true;
    assert_eq!(codes(&run(&loaded)), [pool::second_table::ROW.code]);
    assert!(run(&loaded).is_settled());
}

#[test]
fn a_live_pool_is_held_against_the_receipt_too() {
    let mut swapped = running();
    receipt_of(&mut swapped).data.inode = 99;
    refuses(&swapped, &[&pool::file_swapped::ROW]);
    let mut cut = running();
    cut.data.as_mut().unwrap().size = GIB;
    refuses(&cut, &[&pool::file_truncated::ROW]);
    let wiped = Observed { superblock: Superblock::Blank, ..running() };
    refuses(&wiped, &[&pool::not_metadata::ROW]);
    let mut gone = running();
    receipt_of(&mut gone).databases[1].seen = true;
    refuses(&gone, &[&pool::database_gone::ROW]);
}

#[test]
fn the_last_word_says_how_full_the_pool_is() {
    let finding = ready_finding("p", &running().pool.device).unwrap();
    assert!(finding.message().ends_with("data 0 % full, metadata 0 %"));
    assert!(ready_finding("p", &bare().pool.device).is_none());
}

/// containerd makes one of its databases with its first snapshot: a microVM is no change of the
/// host. The first database that is seen at all goes on record.
#[test]
fn a_second_database_is_no_step() {
    let with = |seen: usize, there: usize| {
        let mut observed = running();
        let databases = desired().pool.databases();
        for database in receipt_of(&mut observed).databases.iter_mut().take(seen) {
            database.seen = true;
        }
        observed.pool.databases = databases.into_iter().take(there).collect();
        run(&observed).steps.len()
    };
    assert_eq!([with(0, 0), with(0, 1), with(1, 1), with(1, 2), with(2, 2)], [0, 1, 0, 0, 0]);
}
