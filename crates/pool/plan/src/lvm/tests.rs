//! The decision tables of boot and of `mvmhost pool create`.

use std::path::PathBuf;

use mvm_core::catalogue::{database, disk, pool};
use mvm_core::{Entry, Exit};

mod begun;

use mvm_core::Plan;

use super::*;
use crate::Backend;
use crate::thinpool::tests::{live, nothing};
use crate::thinpool::{DevNum, Device};

fn desired() -> Desired {
    let config =
        self::config("[thinpool]\nbackend = \"lvm\"\nlvm.devices = [\"/dev/disk/by-id/virtio-a\"]");
    Desired::new(&config, None)
}

/// Without lvm2.
fn bare() -> Observed {
    Observed { pool: nothing(), on_files: thinpool::Recorded::Absent, lvm: None }
}

fn config(text: &str) -> mvm_config::Config {
    let source = mvm_config::Source { name: "/etc/mvmhost.toml".into(), text: text.to_owned() };
    mvm_config::load::parse(&[source]).unwrap().config
}

fn group(count: &str, tags: &str) -> Group {
    let json = format!(
        r#"{{"report": [{{"vg": [{{"vg_name":"flintlock", "vg_uuid":"Ab-1", "vg_tags":"{tags}",
        "vg_extent_size":"4194304", "vg_extent_count":"1023", "vg_free_count":"1023",
        "vg_missing_pv_count":"{count}"}}]}}]}}"#
    );
    groups(&json).unwrap().remove(0)
}

fn volume(kind: &str) -> Volume {
    Volume {
        vg_name: "flintlock".to_owned(),
        lv_name: "thinpool".to_owned(),
        lv_uuid: "Cd-2".to_owned(),
        segtype: kind.to_owned(),
        ..Volume::default()
    }
}

/// Disks with nothing of ours on them.
fn blank() -> Observed {
    Observed { lvm: Some(LvmState::default()), ..bare() }
}

/// After a reboot: the pool is there and not active, and it is on record.
fn down() -> Observed {
    let volume_desired = desired().volume;
    let receipt = VolumeReceipt {
        name: "flintlock-thinpool".to_owned(),
        group: "Ab-1".to_owned(),
        volume: "Cd-2".to_owned(),
        databases: thinpool::on_record(&desired().pool, &nothing(), &[]),
    };
    let lvm = LvmState {
        groups: vec![group("0", TAG)],
        volumes: vec![volume("thin-pool")],
        profile: Some(volume_desired.profile_text()),
        receipt: Recorded::Volume(receipt),
        begun: None,
    };
    Observed { lvm: Some(lvm), ..bare() }
}

fn up() -> Observed {
    let mut up = with_pool(down(), |pool| {
        (pool.device, pool.node) = (live("LVM-Ab1Cd2-tpool"), true);
    });
    let lvm = up.lvm.as_mut().unwrap();
    lvm.volumes[0].lv_profile = desired().volume.profile();
    lvm.volumes[0].seg_monitor = "monitored".to_owned();
    up
}

fn with(mut observed: Observed, change: impl FnOnce(&mut LvmState)) -> Observed {
    change(observed.lvm.as_mut().unwrap());
    observed
}

/// With another state of what every pool has.
fn with_pool(mut observed: Observed, change: impl FnOnce(&mut thinpool::Observed)) -> Observed {
    change(&mut observed.pool);
    observed
}

fn codes<S>(plan: &Plan<S>) -> Vec<&'static str> {
    plan.findings.iter().map(mvm_core::Finding::code).collect()
}

fn refuses(observed: &Observed, entry: &'static Entry, exit: Exit) {
    let plan = plan(&desired(), observed);
    assert_eq!((codes(&plan), plan.steps.len()), (vec![entry.code], 0));
    assert_eq!(Exit::worst(&plan.findings), Some(exit), "{}", entry.code);
}

#[test]
fn names_are_those_of_provision_sh_and_of_device_mapper() {
    let volume_desired = desired().volume;
    assert_eq!(
        (desired().pool.name, volume_desired.path()),
        ("flintlock-thinpool".into(), "flintlock/thinpool".into())
    );
    let config = self::config(
        "[thinpool]\nbackend = \"lvm\"\nname = \"a--b-c--d\"\nlvm.volume-group = \"a-b\"\n\
         lvm.devices = [\"/dev/disk/by-id/virtio-a\"]",
    );
    assert_eq!(DesiredVolume::new(&config).path(), "a-b/c-d");
    assert!(
        volume_desired.profile_text().contains("threshold=80")
            && volume_desired.profile_text().contains("percent=20")
    );
    let low = DesiredVolume { warn_percent: 3, ..volume_desired };
    assert!(low.profile_text().contains("threshold=50"));
}

#[test]
fn boot_activates_what_is_there() {
    let plan = plan(&desired(), &down());
    assert!(plan.findings.is_empty(), "{plan:?}");
    let steps: Vec<String> = plan.steps.iter().map(ToString::to_string).collect();
    assert_eq!(
        steps,
        [
            "activate flintlock/thinpool with LVM, watched by dmeventd",
            "wait for /dev/mapper/flintlock-thinpool"
        ]
    );
    assert!(super::plan(&desired(), &up()).is_settled());
}

#[test]
fn what_a_killed_activation_left_is_taken_down() {
    let part = |active: &str| Volume {
        lv_name: "[thinpool_tmeta]".to_owned(),
        lv_active: active.to_owned(),
        ..volume("linear")
    };
    let first = |active| -> String {
        let observed = with(down(), |lvm| lvm.volumes.push(part(active)));
        super::plan(&desired(), &observed).steps[0].to_string()
    };
    assert_eq!(first("active"), "deactivate flintlock/thinpool_tmeta");
    let empty =
        Device::Empty { uuid: "LVM-Ab1Cd2".to_owned(), number: DevNum { major: 253, minor: 2 } };
    let steps = super::plan(&desired(), &with_pool(down(), |pool| pool.device = empty)).steps;
    assert_eq!(steps[0].to_string(), "deactivate flintlock/thinpool");
    assert_eq!(first(""), "activate flintlock/thinpool with LVM, watched by dmeventd");
}

#[test]
fn boot_makes_nothing() {
    refuses(&blank(), &disk::no_pool::ROW, Exit::Unavailable);
    let tagged = with(blank(), |lvm| lvm.groups.push(group("0", TAG)));
    refuses(&tagged, &disk::no_pool::ROW, Exit::Unavailable);
    refuses(&with(down(), |lvm| lvm.groups.clear()), &disk::gone::ROW, Exit::Refused);
    refuses(&with(down(), |lvm| lvm.volumes.clear()), &disk::gone::ROW, Exit::Refused);
}

#[test]
fn what_is_not_our_pool_is_left_alone() {
    refuses(
        &with(down(), |lvm| lvm.groups[0] = group("1", "")),
        &disk::group_partial::ROW,
        Exit::Unavailable,
    );
    refuses(
        &with(down(), |lvm| lvm.groups.push(group("0", ""))),
        &disk::group_twice::ROW,
        Exit::Refused,
    );
    refuses(
        &with(down(), |lvm| lvm.volumes[0] = volume("linear")),
        &disk::not_a_pool::ROW,
        Exit::Refused,
    );
    let swapped = with(down(), |lvm| lvm.volumes[0].lv_uuid = "Ef-3".to_owned());
    refuses(&swapped, &disk::other_volume::ROW, Exit::Refused);
    let spoilt = with(down(), |lvm| lvm.receipt = Recorded::Unreadable("x".to_owned()));
    refuses(&spoilt, &disk::receipt_unreadable::ROW, Exit::Refused);
    let foreign = with_pool(down(), |pool| pool.device = live("MVM-flintlock-thinpool"));
    refuses(&foreign, &pool::name_taken::ROW, Exit::Refused);
    assert!(is_live(&desired(), &up()) && !is_live(&desired(), &foreign));
    assert!(!is_live(&desired(), &down()) && !is_live(&desired(), &bare()));
    let unchecked = with_pool(down(), |pool| pool.thin_check = None);
    refuses(&unchecked, &pool::thin_check_missing::ROW, Exit::Unavailable);
}

#[test]
fn databases_and_pool_stay_together() {
    let databases = desired().pool.databases();
    let mut observed = down();
    let Some(LvmState { receipt: Recorded::Volume(receipt), .. }) = &mut observed.lvm else {
        panic!()
    };
    receipt.databases[0].seen = true;
    refuses(&observed, &pool::database_gone::ROW, Exit::Refused);
    let remedy = plan(&desired(), &observed).findings[0].remedy();
    for line in [
        "LVM asks first:\nlvremove flintlock/thinpool &&\n",
        "receipt.json.old &&\nmvmhost pool create",
    ] {
        assert!(remedy.contains(line), "{remedy}");
    }
    let mut other = with_pool(observed, |pool| pool.databases.clone_from(&databases));
    let identity = |inode| crate::thinpool::RecordedIdentity { inode, born: None };
    other.pool.database_files = vec![(databases[0].clone(), identity(1))];
    let Some(LvmState { receipt: Recorded::Volume(receipt), .. }) = &mut other.lvm else {
        panic!()
    };
    receipt.databases[0].file = Some(identity(2));
    assert_eq!(codes(&plan(&desired(), &other)), [database::replaced::ROW.code]);
}

#[test]
fn what_is_new_is_put_on_record() {
    let first = plan(&desired(), &with(up(), |lvm| lvm.receipt = Recorded::Absent));
    assert!(matches!(first.steps.as_slice(), [Step::WriteReceipt { .. }]), "{first:?}");
    let containerd = with_pool(up(), |pool| pool.databases = desired().pool.databases());
    let second = plan(&desired(), &containerd);
    assert!(matches!(second.steps.as_slice(), [Step::RefreshReceipt { .. }]), "{second:?}");
    let percent = plan(&desired(), &with(up(), |lvm| lvm.profile = None));
    assert!(matches!(percent.steps.as_slice(), [Step::WriteProfile { .. }]), "{percent:?}");
}

#[test]
fn a_pool_that_nobody_makes_longer_is_said() {
    for spoil in [(|volume| volume.lv_profile.clear()) as fn(&mut Volume), |volume| {
        volume.seg_monitor = "not monitored".to_owned()
    }] {
        let plan = plan(&desired(), &with(up(), |lvm| spoil(&mut lvm.volumes[0])));
        assert_eq!(codes(&plan), [disk::not_grown::ROW.code]);
    }
}

/// 1,023 extents of 4 MiB are free.
#[test]
fn a_group_without_room_for_a_step_is_said() {
    let sized = |bytes: u64| with(up(), |lvm| lvm.volumes[0].lv_size = bytes.to_string());
    let room = 1023_u64 << 22;
    let step = u64::from(desired().volume.grow_percent);
    assert_eq!(codes(&plan(&desired(), &sized(room / step * 100))), [""; 0]);
    let plan = plan(&desired(), &sized((room / step + 1) * 100));
    assert_eq!(codes(&plan), [disk::no_room::ROW.code]);
    assert!(plan.findings[0].message().contains("4092 MiB"), "{:?}", plan.findings);
}

const SEED: &str = "5eed";

fn whole(size: u64) -> Vec<Disk> {
    vec![Disk { path: "/dev/disk/by-id/virtio-a".to_owned(), size, ..Disk::default() }]
}

fn made(observed: &Observed, disks: &[Disk], token: Option<&str>) -> Vec<String> {
    let plan = create(&desired(), observed, disks, token, SEED);
    assert!(!plan.is_refused(), "{plan:?}");
    plan.steps.iter().map(ToString::to_string).collect()
}

#[test]
fn a_pool_is_made_on_blank_disks() {
    let expected = [
        "record what is begun, as mvmhost-19e92fa378398076",
        "make /dev/disk/by-id/virtio-a a physical volume",
        "make volume group flintlock of /dev/disk/by-id/virtio-a",
        "write /etc/lvm/profile/mvmhost-flintlock.profile",
        "make thin pool flintlock/thinpool with profile mvmhost-flintlock and room for a step of 20 %",
    ];
    assert_eq!(made(&blank(), &whole(1 << 30), None), expected);
    // What an interrupted run left is gone on with, whatever is on the disks.
    let begun = with(blank(), |lvm| lvm.groups.push(group("0", TAG)));
    assert!(!wants_disks(&desired(), &begun).unwrap());
    let tag = "tag volume group flintlock with mvmhost-19e92fa378398076";
    assert_eq!(made(&begun, &[], None), [expected[0], tag, expected[3], expected[4]]);
    assert_eq!(made(&down(), &[], None), [""; 0]);
}

#[test]
fn a_token_wipes_what_it_was_printed_for() {
    let mut disks = whole(1 << 30);
    disks[0].partitions.push("vdb1".to_owned());
    let refused = create(&desired(), &blank(), &disks, None, SEED);
    assert_eq!(
        (codes(&refused), Exit::worst(&refused.findings)),
        (vec![disk::occupied::ROW.code], Some(Exit::Refused))
    );
    let steps = made(&blank(), &disks, Some(&token(&disks)));
    assert_eq!(
        (steps.len(), steps[1].as_str()),
        (6, "wipe the signatures of /dev/disk/by-id/virtio-a")
    );
}

#[test]
fn no_pool_is_made_where_one_was_or_may_be() {
    let unmade = |observed: Observed, entry: &'static Entry| {
        let plan = create(&desired(), &observed, &whole(1 << 30), None, SEED);
        assert_eq!((codes(&plan), plan.steps.len()), (vec![entry.code], 0));
    };
    unmade(with(down(), |lvm| lvm.groups.clear()), &disk::gone::ROW);
    unmade(with(blank(), |lvm| lvm.groups.push(group("0", ""))), &disk::group_foreign::ROW);
    let left = |lvm: &mut LvmState| {
        lvm.groups.push(group("0", TAG));
        lvm.volumes.push(Volume { lv_name: "lvol0".to_owned(), ..volume("linear") });
    };
    unmade(with(blank(), left), &disk::group_foreign::ROW);
    let databases = vec![PathBuf::from("/x.db")];
    unmade(with_pool(blank(), |pool| pool.databases = databases), &disk::databases::ROW);
    unmade(with_pool(blank(), |pool| pool.device = live("MVM-x")), &pool::name_taken::ROW);
    unmade(with_pool(blank(), |pool| pool.thin_check = None), &pool::thin_check_missing::ROW);
    unmade(bare(), &disk::lvm_missing::ROW);
    let plan = create(&desired(), &blank(), &whole(8 << 20), None, SEED);
    assert_eq!(codes(&plan), [disk::too_small::ROW.code]);
    let on_files = Backend::new(&config(""), None);
    assert_eq!(on_files.on_disks().unwrap_err().code(), disk::not_lvm::ROW.code);
}

#[test]
fn without_lvm2_there_is_no_pool_on_lvm() {
    let plan = plan(&desired(), &bare());
    assert_eq!(codes(&plan), [disk::lvm_missing::ROW.code]);
    assert_eq!(Exit::worst(&plan.findings), Some(Exit::Unavailable));
}
