//! Of a pool on LVM: its volumes are files in the folder.

use mvm_pool_plan::lvm::{self, LvmState, Observed, Recorded, VolumeReceipt, groups, volumes};
use mvm_pool_plan::thinpool::{self, Control};

use super::*;

const POOL: &str = "flintlock-thinpool";

/// LVM, as far as a repair asks it. `old` is what a swap put aside.
pub(super) fn lvm(program: &Path, args: &[&str]) -> Exit {
    let mapper = program.ancestors().nth(3).unwrap().join("dev/mapper");
    let (metadata, repair) = (mapper.join("flintlock-thinpool_tmeta"), mapper.join(REPAIR));
    match args[0] {
        "lvcreate" => {
            assert!(args.contains(&"4194304b"), "{args:?}");
            // Extents that something else was in.
            fs::write(&repair, vec![7; 4 << 20]).unwrap();
        }
        "lvconvert" => {
            let old = mapper.join("old");
            fs::rename(&metadata, &old).unwrap();
            fs::rename(&repair, &metadata).unwrap();
            fs::rename(&old, &repair).unwrap();
        }
        "lvremove" => fs::remove_file(&repair).unwrap(),
        other => assert_eq!(other, "lvchange"),
    }
    Exit { code: Some(0), ..Exit::default() }
}

const REPAIR: &str = "flintlock-thinpool--mvmhost--repair";

fn on_lvm() -> lvm::Desired {
    let text = "[thinpool]\nbackend = \"lvm\"\nlvm.devices = [\"/dev/disk/by-id/virtio-a\"]";
    let source = mvm_config::Source { name: "/etc/mvmhost.toml".into(), text: text.to_owned() };
    lvm::Desired::new(&mvm_config::load::parse(&[source]).unwrap().config, None)
}

/// Of a pool of 64 MiB of data in a group with so many free extents.
fn lvm_state(free: u32, leftover: bool) -> LvmState {
    let group = format!(
        r#"{{"report": [{{"vg": [{{"vg_name":"flintlock", "vg_uuid":"Ab-1", "vg_tags":"mvmhost",
        "vg_extent_size":"4194304", "vg_extent_count":"1023", "vg_free_count":"{free}",
        "vg_missing_pv_count":"0"}}]}}]}}"#
    );
    let volume = |name: &str, kind: &str, size: u32| {
        format!(
            r#"{{"vg_name":"flintlock", "lv_name":"{name}", "lv_uuid":"Cd-2", "segtype":"{kind}",
            "lv_size":"{size}", "lv_profile":"", "seg_monitor":"", "chunk_size":"65536",
            "transaction_id":"0"}}"#
        )
    };
    let mut all = vec![
        volume("thinpool", "thin-pool", 64 << 20),
        volume("[thinpool_tmeta]", "linear", 4 << 20),
    ];
    all.extend(leftover.then(|| volume("thinpool-mvmhost-repair", "linear", 4 << 20)));
    let all = format!(r#"{{"report": [{{"lv": [{}]}}]}}"#, all.join(","));
    let receipt = VolumeReceipt {
        name: POOL.to_owned(),
        group: "Ab-1".to_owned(),
        volume: "Cd-2".to_owned(),
        databases: Vec::new(),
    };
    LvmState {
        groups: groups(&group).unwrap(),
        volumes: volumes(&all).unwrap(),
        receipt: Recorded::Volume(receipt),
        ..LvmState::default()
    }
}

/// The damaged metadata of [`Bench`] are in a volume.
fn bench() -> Bench {
    let bench = Bench::new();
    let roots = &bench.machine.roots;
    for folder in ["/dev/mapper", "/var/lib/mvmhost"] {
        fs::create_dir_all(roots.at(folder)).unwrap();
    }
    fs::copy(roots.at("/usr/sbin/thin_check"), roots.at("/usr/sbin/lvm")).unwrap();
    fs::rename(bench.path("metadata"), roots.at("/dev/mapper/flintlock-thinpool_tmeta")).unwrap();
    bench
}

fn run_on(bench: &Bench, lvm: LvmState, options: &RepairOptions) -> Report {
    let (pool, on_files) = (thinpool::Observed::new(Control::Usable), thinpool::Recorded::Absent);
    let desired = on_lvm();
    let observation = Observation::Lvm(&desired, Observed { pool, on_files, lvm: Some(lvm) });
    run(&bench.machine.roots, &bench.tools, &observation, options).unwrap()
}

fn metadata(bench: &Bench) -> Vec<u8> {
    fs::read(bench.machine.roots.at("/dev/mapper/flintlock-thinpool_tmeta")).unwrap()
}

#[test]
fn the_volume_is_swapped_and_the_damaged_metadata_are_kept_in_a_file() {
    for leftover in [false, true] {
        let bench = bench();
        let (roots, before) = (&bench.machine.roots, metadata(&bench));
        if leftover {
            fs::write(roots.at("/dev/mapper").join(REPAIR), "half").unwrap();
        }
        let report = run_on(&bench, lvm_state(100, leftover), &RepairOptions::default());
        assert_eq!(codes(&report), [messages::repaired::ROW.code]);
        assert_eq!(fs::read(roots.at(report.backup.unwrap())).unwrap(), before);
        let after = metadata(&bench);
        let sound = usize::try_from(SOUND).unwrap();
        assert_eq!((after.len(), after[sound]), (before.len(), b'S'));
        assert!(after[sound + 1..usize::try_from(DEVICES).unwrap()].iter().all(|byte| *byte == 0));
        assert!(!roots.at("/dev/mapper").join(REPAIR).exists());
        assert!(!roots.at("/var/lib/mvmhost/metadata.repaired").exists());
        // What a run leaves that is killed after the swap.
        fs::write(roots.at("/dev/mapper").join(REPAIR), "damaged").unwrap();
        fs::write(roots.at("/var/lib/mvmhost/metadata.repaired"), "").unwrap();
        assert_eq!(
            codes(&run_on(&bench, lvm_state(100, true), &RepairOptions::default())),
            ["MVM-POOL-134"]
        );
        assert!(!roots.at("/dev/mapper").join(REPAIR).exists());
        assert!(!roots.at("/var/lib/mvmhost/metadata.repaired").exists());
    }
}

#[test]
fn a_loss_takes_the_word_for_it_there_too() {
    let bench = bench();
    let before = metadata(&bench);
    *bench.tools.finds.borrow_mut() = "1 3\n".to_owned();
    let report = run_on(&bench, lvm_state(100, false), &RepairOptions::default());
    assert_eq!((codes(&report), report.refused), (vec![messages::loses::ROW.code], true));
    assert!(report.findings[0].remedy().contains("flintlock/thinpool_tmeta"));
    assert_eq!(metadata(&bench), before);
    let accept = RepairOptions { accept: report.token, dry_run: false };
    assert_eq!(
        codes(&run_on(&bench, lvm_state(100, false), &accept)),
        [messages::repaired::ROW.code]
    );
    assert_ne!(metadata(&bench), before);
}

#[test]
fn what_speaks_against_it_is_said_before_anything_is_touched() {
    let bench = bench();
    let full = run_on(&bench, lvm_state(0, false), &RepairOptions::default());
    assert_eq!((codes(&full), full.refused), (vec![messages::no_room::ROW.code], true));
    // A volume that an earlier run left makes room.
    let dry = RepairOptions { dry_run: true, accept: None };
    assert_eq!(codes(&run_on(&bench, lvm_state(0, true), &dry)), [messages::repairable::ROW.code]);
    let swapped = LvmState { volumes: Vec::new(), ..lvm_state(100, false) };
    assert_eq!(codes(&run_on(&bench, swapped, &dry)), ["MVM-DISK-012"]);
    bench.tools.hopeless.set(true);
    let report = run_on(&bench, lvm_state(100, false), &RepairOptions::default());
    assert_eq!(codes(&report), [messages::volume_failed::ROW.code]);
    assert!(report.findings[0].remedy().contains("lvremove flintlock/thinpool"));
}
