//! No receipt: make the first pool, or recognise one that is there, and every state in which a
//! run can be cut off.

use super::*;

#[test]
fn a_bare_machine_gets_a_pool() {
    let plan = run(&bare());
    assert_eq!(codes(&plan), [""; 0]);
    assert_eq!(
        lines(&plan),
        [
            format!("create directory {DIR}"),
            format!("create sparse file {DIR}/metadata of 10737418240 bytes"),
            format!("create sparse file {DIR}/data of 107374182400 bytes"),
            format!("attach {DIR}/metadata to a free loop device as metadata"),
            format!("attach {DIR}/data to a free loop device as data"),
            "activate flintlock-dev-thinpool (uuid MVM-flintlock-dev-thinpool): \
             0 209715200 thin-pool <metadata> <data> 128 32768"
                .to_owned(),
            format!("sync {DIR}/metadata and read its superblock back (128 sectors a block)"),
            "write flintlock-dev-thinpool into the receipt".to_owned(),
            "wait for /dev/mapper/flintlock-dev-thinpool".to_owned(),
        ]
    );
}

#[test]
fn a_new_pool_zeroes_its_blocks_and_needs_no_thin_check() {
    let plan = run(&with(bare(), |pool| pool.thin_check = None));
    let table = plan.steps.iter().find_map(|step| match step {
        Step::Activate { table, .. } => Some(table),
        _ => None,
    });
    assert!(table.unwrap().features.is_empty());
}

#[test]
fn whatever_a_crash_left_of_the_making_is_completed() {
    let begun = |metadata, data| Observed { directory: true, metadata, data, ..bare() };
    // (metadata, data) -> the steps before the first attach
    let table = [
        (None, None, 2),
        (Some(file(11, 0, 0)), None, 2),
        (Some(file(11, 10 * GIB, 0)), None, 1),
        (Some(file(11, 10 * GIB, 0)), Some(file(12, 0, 0)), 1),
        (Some(file(11, 10 * GIB, 0)), Some(file(12, 100 * GIB, 0)), 0),
        // Power cut: the second file's entry reached the disk, the first one's did not.
        (None, Some(file(12, 100 * GIB, 0)), 1),
        // The kernel had begun to format: its superblock comes last.
        (Some(file(11, 10 * GIB, 1 << 20)), Some(file(12, 100 * GIB, 0)), 0),
    ];
    for (metadata, data, before) in table {
        let plan = run(&begun(metadata, data));
        assert_eq!(codes(&plan), [""; 0]);
        let first = plan.steps.iter().position(|step| matches!(step, Step::Attach { .. }));
        assert_eq!(first, Some(before), "{plan:?}");
        assert!(is_recorded(&plan));
    }
}

#[test]
fn our_unfinished_device_is_removed_first() {
    let number = DevNum { major: 253, minor: 7 };
    let empty = |uuid: &str| Device::Empty { number, uuid: uuid.to_owned() };
    let mut observed = with(files(), |pool| pool.device = empty("MVM-flintlock-dev-thinpool"));
    // Its inactive table holds the loop device, which goes away with it.
    observed.attachments.push(Attachment {
        device: "loop3".to_owned(),
        file: FileId { device: 0xfe00, inode: 11 },
        whole: true,
        autoclear: true,
        holders: vec!["dm-7".to_owned()],
    });
    let plan = run(&observed);
    assert_eq!(codes(&plan), [""; 0]);
    assert!(matches!(plan.steps.first(), Some(Step::RemoveEmptyDevice { .. })));
    assert_eq!(plan.steps.iter().filter(|s| matches!(s, Step::Attach { .. })).count(), 2);

    for uuid in ["", "LVM-x"] {
        let observed = with(files(), |pool| pool.device = empty(uuid));
        refuses(&observed, &[&pool::empty_foreign::ROW]);
    }
}

#[test]
fn a_pool_without_receipt_is_checked_and_taken_over() {
    let plan = run(&files());
    assert_eq!(codes(&plan), [""; 0]);
    let kinds = lines(&plan);
    assert_eq!(kinds[0], format!("check {DIR}/metadata with /usr/sbin/thin_check"));
    assert!(kinds[3].contains("0 209715200 thin-pool"), "{kinds:?}");
    assert!(is_recorded(&plan));
}

#[test]
fn a_pool_without_receipt_keeps_the_length_its_metadata_names() {
    let sectors = |observed: &Observed| {
        run(observed).steps.into_iter().find_map(|step| match step {
            Step::Activate { table, .. } => Some(table.sectors),
            _ => None,
        })
    };
    let mut longer = files();
    longer.data = Some(file(12, 150 * GIB, 0));
    assert_eq!(sectors(&longer), Some(100 * GIB / 512));
    let mut never_resumed = files();
    never_resumed.superblock = Superblock::Pool(PoolSuperblock { data_blocks: 0, ..superblock() });
    assert_eq!(sectors(&never_resumed), Some(100 * GIB / 512));
    let mut shorter = files();
    shorter.data = Some(file(12, 99 * GIB, 0));
    refuses(&shorter, &[&pool::file_short::ROW]);
    let mut cut = files();
    cut.metadata = Some(file(11, GIB, 0));
    refuses(&cut, &[&pool::file_short::ROW]);
}

#[test]
fn a_loop_device_that_losetup_left_is_used() {
    let mut observed = files();
    let attachment = Attachment {
        device: "loop4".to_owned(),
        file: FileId { device: 0xfe00, inode: 12 },
        whole: true,
        autoclear: false,
        holders: Vec::new(),
    };
    observed.attachments.push(attachment.clone());
    let used = |observed: &Observed| {
        run(observed).steps.iter().any(|step| matches!(step, Step::UseAttached { .. }))
    };
    assert!(used(&observed));
    observed.attachments[0].whole = false;
    assert!(!used(&observed));
    observed.attachments[0] = Attachment { autoclear: true, ..attachment };
    assert!(!used(&observed));
}

#[test]
fn files_that_do_not_make_a_pool_are_left_alone() {
    let halves = Observed { superblock: Superblock::Blank, ..files() };
    refuses(&halves, &[&pool::blank_metadata::ROW]);
    refuses(&Observed { metadata: None, ..halves }, &[&pool::data_alone::ROW]);
    refuses(&Observed { data: None, ..files() }, &[&pool::metadata_alone::ROW]);
    refuses(&Observed { superblock: Superblock::Foreign, ..files() }, &[&pool::not_metadata::ROW]);
    let mut device = files();
    device.data.as_mut().unwrap().regular = false;
    refuses(&device, &[&pool::not_a_file::ROW]);
}

#[test]
fn old_databases_keep_a_new_pool_from_being_made() {
    let databases = desired().pool.databases();
    let observed = with(bare(), |pool| pool.databases = databases);
    refuses(&observed, &[&pool::databases_without_pool::ROW]);
    // Even after a first run began to make files.
    let begun = Observed {
        metadata: Some(file(11, 10 * GIB, 0)),
        data: Some(file(12, 100 * GIB, 0)),
        ..observed
    };
    refuses(&begun, &[&pool::databases_without_pool::ROW]);
    let remedy = run(&begun).findings[0].remedy();
    let moved = format!(
        "mv --backup=numbered -t {DIR}/old {DIR}/metadata {DIR}/data {DIR}/metadata.db \
         {DIR}/flintlock-dev-thinpool.db &&\nmvmhost apply"
    );
    assert!(remedy.ends_with(&moved), "{remedy}");
}

#[test]
fn a_pool_that_exists_needs_thin_check() {
    refuses(&with(files(), |pool| pool.thin_check = None), &[&pool::thin_check_missing::ROW]);
    refuses(&with(reboot(), |pool| pool.thin_check = None), &[&pool::thin_check_missing::ROW]);
}
