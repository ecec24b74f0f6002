//! What an interrupted `mvmhost pool create` may have left, and what it cannot have.

use super::*;

/// What the first run records for these disks.
fn intent(disks: &[Disk], token: Option<&str>) -> Intent {
    let plan = create(&desired(), &blank(), disks, token, SEED);
    match plan.steps.first() {
        Some(CreateStep::Intend { intent }) => intent.clone(),
        other => panic!("{other:?}"),
    }
}

fn begun(intent: &Intent) -> Observed {
    with(blank(), |lvm| lvm.begun = Some(intent.clone()))
}

/// A disk with our physical volume on it, and what LVM says of that.
fn labelled(intent: &Intent, group: &str, used: &str) -> Vec<Disk> {
    let mut disks = whole(1 << 30);
    let uuid = intent.disks[0].physical.clone();
    disks[0].signatures.push(Signature {
        offset: "0x218".to_owned(),
        kind: "LVM2_member".to_owned(),
        uuid: Some(uuid.clone()),
        label: None,
    });
    let json = format!(
        r#"{{"report": [{{"pv": [{{"pv_uuid":"{uuid}", "vg_name":"{group}", "pv_in_use":"{used}",
        "pv_mda_used_count":"1"}}]}}]}}"#
    );
    disks[0].physical = physicals(&json).unwrap().pop();
    disks
}

fn refused(observed: &Observed, disks: &[Disk], token: Option<&str>, entry: &'static Entry) {
    let plan = create(&desired(), observed, disks, token, SEED);
    assert_eq!(
        (codes(&plan), Exit::worst(&plan.findings)),
        (vec![entry.code], Some(Exit::Refused))
    );
}

#[test]
fn identities_are_as_lvm_takes_them_and_of_one_run() {
    let disks = whole(1 << 30);
    let first = intent(&disks, None);
    let lengths: Vec<usize> = first.disks[0].physical.split('-').map(str::len).collect();
    assert_eq!(lengths, [6, 4, 4, 4, 4, 4, 6]);
    let other = create(&desired(), &blank(), &disks, None, "0ther");
    let [CreateStep::Intend { intent: other }, ..] = other.steps.as_slice() else { panic!() };
    assert_ne!((&other.mark, &other.disks), (&first.mark, &first.disks));
    // A later run of the same goes by what is on record.
    let again = create(&desired(), &begun(&first), &disks, None, "0ther");
    assert_eq!(again.steps.len(), 4, "{again:?}");
    assert!(again.steps.contains(&CreateStep::Label {
        device: disks[0].path.clone(),
        uuid: first.disks[0].physical.clone(),
    }));
}

#[test]
fn our_physical_volume_is_gone_on_with() {
    let first = intent(&whole(1 << 30), None);
    let steps = made(&begun(&first), &labelled(&first, "", ""), None);
    assert_eq!(steps[0], "make volume group flintlock of /dev/disk/by-id/virtio-a");
    // vgcreate marks it before there is a group.
    let steps = made(&begun(&first), &labelled(&first, "[unknown]", "used"), None);
    assert_eq!(
        steps[..2],
        [
            "wipe the signatures of /dev/disk/by-id/virtio-a",
            "make /dev/disk/by-id/virtio-a a physical volume",
        ]
    );
}

#[test]
fn what_is_not_provably_ours_takes_a_token() {
    let first = intent(&whole(1 << 30), None);
    let ours = labelled(&first, "", "");
    refused(&blank(), &ours, None, &disk::occupied::ROW);
    refused(&begun(&first), &labelled(&first, "somebodys", "used"), None, &disk::occupied::ROW);
    let changes: [fn(&mut Disk); 5] = [
        |disk| disk.physical = None,
        |disk| disk.size += 512,
        |disk| disk.signatures.push(disk.signatures[0].clone()),
        |disk| disk.partitions.push("vdb1".to_owned()),
        |disk| disk.signatures[0].uuid = Some("other".to_owned()),
    ];
    for change in changes {
        let mut disks = ours.clone();
        change(&mut disks[0]);
        refused(&begun(&first), &disks, None, &disk::occupied::ROW);
    }
    let mut held = ours;
    held[0].obstacles.push("it is mounted on /srv".to_owned());
    refused(&begun(&first), &held, None, &disk::unusable::ROW);
}

#[test]
fn a_wipe_that_was_cut_short_goes_on_with_its_token() {
    let signature = |kind: &str| Signature {
        offset: "0x438".to_owned(),
        kind: kind.to_owned(),
        uuid: None,
        label: None,
    };
    let mut disks = whole(1 << 30);
    disks[0].signatures = vec![signature("gpt"), signature("PMBR")];
    let given = token(&disks);
    let first = intent(&disks, Some(&given));
    let mut half = disks.clone();
    half[0].signatures.remove(0);
    half[0].edges.push('0');
    assert_eq!(made(&begun(&first), &half, Some(&given)).len(), 5);
    refused(&begun(&first), &half, None, &disk::occupied::ROW);
    refused(&begun(&first), &half, Some("000000000000"), &disk::changed::ROW);
    // Whole, and used by somebody since.
    let mut used = disks.clone();
    used[0].edges.push('0');
    refused(&begun(&first), &used, Some(&given), &disk::changed::ROW);
    half[0].signatures.push(signature("ext4"));
    refused(&begun(&first), &half, Some(&given), &disk::changed::ROW);
    // Another token is for other contents, which are then on record.
    let plan = create(&desired(), &begun(&first), &half, Some(&token(&half)), SEED);
    let [CreateStep::Intend { intent }, ..] = plan.steps.as_slice() else { panic!("{plan:?}") };
    assert_eq!((intent.disks.len(), intent.disks[0].signatures.len()), (1, 2));
}

/// The group of the run, with these volumes of the metadata's size in it.
fn left(volumes: &[(&str, &str)]) -> Observed {
    let first = intent(&whole(1 << 30), None);
    let mark = format!("{TAG},{}", first.mark);
    with(begun(&first), |lvm| {
        lvm.groups.push(group("0", &mark));
        lvm.volumes = volumes
            .iter()
            .map(|(name, tags)| Volume {
                lv_name: (*name).to_owned(),
                lv_size: (8 << 20).to_string(),
                lv_device_open: "unknown".to_owned(),
                lv_profile: desired().volume.profile(),
                lv_tags: tags.replace("MARK", &first.mark),
                ..volume("linear")
            })
            .collect();
    })
}

#[test]
fn what_lvcreate_left_is_removed() {
    let unfinished = left(&[("[lvol0_pmspare]", ""), ("thinpool", "MARK")]);
    assert!(!wants_disks(&desired(), &unfinished).unwrap());
    assert_eq!(made(&unfinished, &[], None)[0], "remove the unfinished flintlock/thinpool");
    assert_eq!(
        made(&left(&[("lvol0", "")]), &[], None)[0],
        "remove the unfinished flintlock/lvol0"
    );
    assert_eq!(made(&left(&[("[lvol0_pmspare]", "")]), &[], None).len(), 2);
    // Boot does none of that, and says how the pool comes to be.
    refuses(&unfinished, &disk::no_pool::ROW, Exit::Unavailable);
    // It may be active under the pool's name.
    let mut active = unfinished;
    active.pool.device = Device::Other { target: "linear".to_owned(), table: String::new() };
    let plan = create(&desired(), &active, &[], None, SEED);
    assert_eq!(codes(&plan), [pool::name_taken::ROW.code]);
    active = with(active, |lvm| lvm.volumes[1].lv_active = "active".to_owned());
    assert!(!create(&desired(), &active, &[], None, SEED).is_refused());
}

#[test]
fn nothing_else_in_the_group_is_removed() {
    let unmade = |observed: Observed, entry: &'static Entry| {
        let plan = create(&desired(), &observed, &[], None, SEED);
        assert_eq!((codes(&plan), plan.steps.len()), (vec![entry.code], 0));
    };
    unmade(left(&[("thinpool", "")]), &disk::not_a_pool::ROW);
    unmade(left(&[("thinpool", "MARK"), ("srv", "")]), &disk::not_a_pool::ROW);
    unmade(left(&[("lvol1", "")]), &disk::group_foreign::ROW);
    let changes: [fn(&mut LvmState); 6] = [
        |lvm| lvm.volumes[0].lv_profile.clear(),
        |lvm| lvm.volumes[0].lv_size = (12 << 20).to_string(),
        |lvm| lvm.volumes[0].lv_device_open = "open".to_owned(),
        |lvm| lvm.volumes[0].segtype = "thin".to_owned(),
        |lvm| lvm.begun = None,
        |lvm| lvm.groups[0].vg_tags = TAG.to_owned(),
    ];
    for change in changes {
        unmade(with(left(&[("lvol0", "")]), change), &disk::group_foreign::ROW);
    }
}

#[test]
fn a_new_pool_that_nobody_watches_is_watched() {
    let first = intent(&whole(1 << 30), None);
    let new = with(up(), |lvm| {
        lvm.begun = Some(first);
        lvm.receipt = Recorded::Absent;
        lvm.volumes[0].seg_monitor = "not monitored".to_owned();
    });
    let steps = made(&new, &[], None);
    assert_eq!(steps[1], "have dmeventd watch flintlock/thinpool by mvmhost-flintlock");
    // One that was there before is the operator's.
    assert_eq!(made(&with(new, |lvm| lvm.begun = None), &[], None), [""; 0]);
}
