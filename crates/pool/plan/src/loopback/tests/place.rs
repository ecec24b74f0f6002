//! What the kernel and the file system cannot carry.

use super::*;

#[test]
fn file_systems_that_forget_are_refused() {
    for magic in [0x0102_1994, 0x8584_58f6, 0x794c_7630, 0x6969] {
        let mut observed = bare();
        observed.file_system.magic = magic;
        refuses(&observed, &[&pool::file_system_refused::ROW]);
    }
    let mut read_only = bare();
    read_only.file_system.read_only = true;
    refuses(&read_only, &[&pool::file_system_read_only::ROW]);
}

#[test]
fn copy_on_write_and_empty_promises_are_warned_about() {
    let mut observed = bare();
    observed.file_system.magic = 0x9123_683e;
    observed.file_system.free = 20 * GIB;
    let plan = run(&observed);
    assert_eq!(codes(&plan), [pool::copy_on_write::ROW.code, pool::space_promised::ROW.code]);
    assert!(!plan.steps.is_empty());
    let said = plan.findings[1].message();
    assert!(said.contains("promise 110.0 GiB, and the file system can hold 20.0 GiB"), "{said}");
}

#[test]
fn what_is_written_already_counts_as_held() {
    let mut observed = reboot();
    observed.file_system.free = 106 * GIB;
    assert_eq!(codes(&run(&observed)), [""; 0]);
    observed.file_system.free = 104 * GIB;
    assert_eq!(codes(&run(&observed)), [pool::space_promised::ROW.code]);
}

#[test]
fn a_full_disk_gets_no_new_pool() {
    let mut observed = bare();
    observed.file_system.free = 1 << 20;
    refuses(&observed, &[&pool::space_promised::ROW, &pool::disk_full::ROW]);
    let mut old = reboot();
    old.file_system.free = 0;
    assert_eq!(codes(&run(&old)), [pool::space_promised::ROW.code]);
    assert!(!run(&old).steps.is_empty());
}

#[test]
fn small_metadata_is_warned_about_before_it_is_made() {
    let small = Desired { metadata_size: 50 << 20, ..desired() };
    let plan = plan(&small, &bare());
    assert_eq!(codes(&plan), [pool::metadata_small::ROW.code]);
    assert!(plan.findings[0].message().contains("is 50 MiB; 75 MiB are advised"));
}

#[test]
fn a_kernel_without_the_drivers_is_told_apart_from_a_node_without_one() {
    for control in [Control::Absent, Control::Dead("No such device (os error 19)".to_owned())] {
        let observed = Observed { loop_control: control.clone(), ..bare() };
        refuses(&observed, &[&pool::no_loop::ROW]);
        let observed = with(bare(), |pool| pool.device_mapper = control);
        refuses(&observed, &[&pool::no_device_mapper::ROW]);
        assert_eq!(exit::by_class(&run(&observed).findings), 69);
    }
}

#[test]
fn files_under_another_device_are_left_alone() {
    let mut observed = files();
    observed.attachments.push(Attachment {
        device: "loop3".to_owned(),
        file: FileId { device: 0xfe00, inode: 12 },
        whole: true,
        autoclear: false,
        holders: vec!["dm-4".to_owned()],
    });
    refuses(&observed, &[&pool::files_in_use::ROW]);
}

#[test]
fn the_worst_finding_makes_the_exit_code() {
    let finding = |entry| Finding::chosen(entry, "p");
    assert_eq!(exit::by_class(&[]), 0);
    assert_eq!(exit::by_class(&[finding(&pool::copy_on_write::ROW)]), 0);
    assert_eq!(exit::by_class(&[finding(&pool::failed::ROW)]), 1);
    assert_eq!(exit::by_class(&[finding(&pool::failed::ROW), finding(&pool::no_loop::ROW)]), 69);
    assert_eq!(
        exit::by_class(&[finding(&pool::no_loop::ROW), finding(&pool::file_missing::ROW)]),
        73
    );
}
