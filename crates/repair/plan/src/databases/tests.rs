//! On files that containerd's own code wrote (metadata, snapshots/storage and snapshots/devmapper of
//! 1.6.20 with bbolt), with the power cut between the transactions of a Prepare.

use super::read::{digit, varint};
use super::*;

macro_rules! sample {
    ($folder:literal) => {
        Files {
            meta: include_bytes!(concat!("samples/", $folder, "/meta.db")).to_vec(),
            metadata: include_bytes!(concat!("samples/", $folder, "/metadata.db")).to_vec(),
            pool: include_bytes!(concat!("samples/", $folder, "/mvm.db")).to_vec(),
        }
    };
}

/// The very first Prepare of a host was interrupted.
fn first() -> Files {
    sample!("first")
}

/// Two images of three and two layers, three microVMs, and the Prepare of a fourth one.
fn later() -> Files {
    sample!("later")
}

fn judged(files: &Files) -> Verdict {
    judge("mvm", files)
}

fn apart(files: &Files) -> Apart {
    match judged(files) {
        Verdict::Apart(apart) => apart,
        other => panic!("{other:?}"),
    }
}

fn interrupted(files: &Files) -> Interrupted {
    match judged(files) {
        Verdict::Interrupted(interrupted) => interrupted,
        other => panic!("{other:?}"),
    }
}

fn mended(mut files: Files) -> Files {
    let interrupted = interrupted(&files);
    let byte = &mut files.pool[usize::try_from(interrupted.at).unwrap()];
    assert_eq!(*byte, interrupted.was);
    *byte = interrupted.is;
    files
}

#[test]
fn the_device_of_an_interrupted_prepare_is_found_exactly() {
    for (files, name, device) in [(first(), "mvm-snap-1", 1), (later(), "mvm-snap-9", 9)] {
        let interrupted = interrupted(&files);
        assert_eq!(
            (interrupted.name.as_str(), interrupted.device, interrupted.was, interrupted.is),
            (name, device, b'4', b'3')
        );
        let mended = mended(files.clone());
        assert_eq!(judged(&mended), Verdict::Agree);
        let differs = files.pool.iter().zip(&mended.pool).filter(|(was, is)| was != is).count();
        assert_eq!(differs, 1);
        let device = devices(&mended.pool).unwrap().into_iter().find(|one| one.name == name);
        assert_eq!(device.map(|device| device.state), Some(3), "containerd marks it faulty");
    }
}

/// The power went while a layer's unpack was ended, in a recording of every write (containerd 1.6.20).
#[test]
fn a_commit_that_was_interrupted_is_containerds_own() {
    let files: Files = sample!("commit");
    let judged = |files: &Files| judge("flintlock-dev-thinpool", files);
    assert_eq!(judged(&files), Verdict::Agree);
    // The same name without a base, with one that is none, or with another number is a lost snapshot.
    let changed = |from: &[u8], to: &[u8]| {
        let mut files = files.clone();
        for at in 0..files.metadata.len() - from.len() {
            if files.metadata[at..].starts_with(from) {
                files.metadata[at..at + from.len()].copy_from_slice(to);
            }
        }
        files
    };
    for (from, to) in [
        (&b"flintlock/2/base-1"[..], &b"flintlock/3/base-1"[..]),
        (b"flintlock/2/base-1", b"flintlocl/2/base-1"),
        (b"kind\x03", b"kind\x02"),
    ] {
        let verdict = judged(&changed(from, to));
        assert!(matches!(verdict, Verdict::Apart(Apart::SnapshotsLost(_))), "{verdict:?}");
    }
    assert_eq!(judged(&changed(b"flintlock/2/base-1", b"flintlock/2/base-9")), Verdict::Agree);
}

#[test]
fn a_metadata_db_that_was_never_written_lists_nothing() {
    let files = Files { metadata: Vec::new(), ..first() };
    assert_eq!(interrupted(&files).name, "mvm-snap-1");
    assert_eq!(judged(&Files::default()), Verdict::Agree, "a host without images");
    // What a namespace knows is never put away.
    let files = Files { metadata: Vec::new(), ..later() };
    assert!(matches!(apart(&files), Apart::SnapshotsLost(names) if names.len() == 6));
}

#[test]
fn a_lost_or_older_file_is_a_verdict_of_its_own() {
    let (old, new) = (first(), mended(later()));
    assert_eq!(judged(&new), Verdict::Agree);
    let of = |change: fn(&mut Files, &Files)| {
        let mut files = new.clone();
        change(&mut files, &old);
        apart(&files)
    };
    let older = of(|files, old| files.metadata.clone_from(&old.metadata));
    assert!(matches!(older, Apart::SnapshotsLost(_)), "{older:?}");
    let older = of(|files, old| files.pool.clone_from(&old.pool));
    assert!(matches!(&older, Apart::DevicesLost(names) if names.len() == 6), "{older:?}");
    let lost = of(|files, _| files.pool.clear());
    assert!(matches!(lost, Apart::DevicesLost(_)), "{lost:?}");
    // Both that list snapshots are older than the list of devices.
    let older = of(|files, old| {
        files.meta.clone_from(&old.meta);
        files.metadata.clone_from(&old.metadata);
    });
    assert!(matches!(&older, Apart::Newer(names) if names.len() == 8), "{older:?}");
    // Without meta.db containerd would remove all snapshots as what no namespace knows.
    let lost = of(|files, _| files.meta.clear());
    assert!(matches!(&lost, Apart::MetaOlder(names) if names.len() == 6), "{lost:?}");
    // What no namespace has known for long is containerd's to remove, as it does by itself.
    let files = Files { meta: old.meta, ..new };
    assert_eq!(judged(&files), Verdict::Agree);
}

/// The bytes with a number in the place of the only other one that makes `is` true.
fn with_number(bytes: &[u8], was: u64, is: u64, wanted: impl Fn(&[u8]) -> bool) -> Option<Vec<u8>> {
    let places = bytes.windows(8).enumerate().filter(|(_, window)| *window == was.to_le_bytes());
    places.map(|(at, _)| at).find_map(|at| {
        let mut changed = bytes.to_vec();
        changed[at..at + 8].copy_from_slice(&is.to_le_bytes());
        wanted(&changed).then_some(changed)
    })
}

#[test]
fn an_older_meta_db_is_told_by_the_numbers_that_it_gives_out() {
    let files = mended(later());
    let contents = read("mvm", &files).unwrap();
    let (namespace, next) = numbered(&contents.meta.next[0]).unwrap();
    let numbers = contents.snapshots.keys().filter_map(|name| numbered(name));
    let highest =
        numbers.filter(|(of, _)| *of == namespace).map(|(_, number)| number).max().unwrap();
    assert!(highest < next, "{highest} of {next}");
    // As if what was made last had not been given out yet: with all its names it is still whole.
    let sequence_of = |meta: &[u8]| meta_database(meta).unwrap().next;
    let older = with_number(&files.meta, next - 1, 1, |meta| {
        meta_database(meta).is_ok_and(|meta| meta.next == [format!("{namespace}/2/")])
    });
    let older = Files { meta: older.unwrap(), ..files.clone() };
    assert_eq!(sequence_of(&older.meta), [format!("{namespace}/2/")]);
    // All that it knows is as new as anything: a namespace that was removed and made again.
    assert_eq!(judged(&older), Verdict::Agree);
    // It lacks the newest snapshot.
    let newest = contents.snapshots.iter().max_by_key(|(_, snapshot)| snapshot.id).unwrap().0;
    let mut contents = read("mvm", &older).unwrap();
    contents.meta.names.remove(newest);
    assert_eq!(contents.newer_than_meta(), [newest]);
}

#[test]
fn a_layer_that_is_being_unpacked_is_not_looked_for() {
    let mut contents = read("mvm", &mended(later())).unwrap();
    contents.meta.names.insert("flintlock/3/extract-123-abcd sha256:00".to_owned());
    assert_eq!(contents.judge(), Verdict::Agree);
    let mut contents = read("mvm", &mended(later())).unwrap();
    contents.meta.names.insert("flintlock/3/vm-extract-1".to_owned());
    assert!(matches!(contents.judge(), Verdict::Apart(Apart::SnapshotsLost(_))));
}

/// The disk of a microVM with another state and error, in an entry that is as long.
fn with_state(files: &Files, state: &str) -> Files {
    let was = br#""size":10737418240,"name":"mvm-snap-6","parent_name":"mvm-snap-3","state":4,"error":"""#;
    let is = format!(r#""size":1073741824,"name":"mvm-snap-6","parent_name":"mvm-snap-3",{state}"#);
    let mut files = files.clone();
    for at in 0..files.pool.len() - was.len() {
        if files.pool[at..].starts_with(was) {
            files.pool[at..at + was.len()].fill(b' ');
            files.pool[at..at + is.len()].copy_from_slice(is.as_bytes());
        }
    }
    files
}

/// The boot was interrupted after which containerd activates what microVMs have.
#[test]
fn a_disk_that_containerd_does_not_activate_is_found_and_given_back() {
    let files = mended(later());
    assert_eq!(given_up("mvm", &files), []);
    for (state, interrupted, faulty) in [
        (r#""state":3,"error":"""#, true, false),
        (r#""state":3,"error":"E""#, false, false),
        (r#""state":13,"error":"""#, false, true),
    ] {
        let mut begun = with_state(&files, state);
        assert_eq!(judged(&begun), Verdict::Agree, "containerd would start, and give it up");
        let given_up = given_up("mvm", &begun);
        let [one] = given_up.as_slice() else { panic!("{state}: {given_up:?}") };
        assert_eq!((one.name.as_str(), one.device), ("mvm-snap-6", 6));
        assert_eq!((one.interrupted, one.faulty), (interrupted, faulty), "{state}");
        let edit = one.edit.unwrap();
        let place = usize::try_from(edit.at).unwrap();
        begun.pool[place..place + 2].copy_from_slice(&edit.is);
        let device = devices(&begun.pool).unwrap().into_iter().find(|one| one.device_id == 6);
        assert_eq!(device.map(|device| device.state), Some(4), "{state}");
    }
    // The device of a Prepare that was interrupted, and of a layer, are containerd's own.
    let mut all = files;
    for at in 0..all.pool.len() - 12 {
        if all.pool[at..].starts_with(b"\"state\":10,\"") {
            all.pool[at..at + 12].copy_from_slice(b"\"state\": 3,\"");
        }
    }
    assert_eq!(given_up("mvm", &all), []);
}

#[test]
fn damaged_files_are_named() {
    for file in [File::Meta, File::Metadata, File::Pool] {
        let mut files = later();
        let bytes = match file {
            File::Meta => &mut files.meta,
            File::Metadata => &mut files.metadata,
            File::Pool => &mut files.pool,
        };
        bytes[..8192].fill(0);
        assert!(matches!(apart(&files), Apart::Unsound(named, _) if named == file), "{file:?}");
    }
}

#[test]
fn no_cut_of_a_file_is_taken_for_sound_and_none_panics() {
    let files = later();
    for length in (0..files.pool.len()).step_by(509) {
        let cut = Files { pool: files.pool[..length].to_vec(), ..files.clone() };
        assert!(!matches!(judged(&cut), Verdict::Agree), "{length}");
    }
}

#[test]
fn two_devices_with_one_number_are_named() {
    let mut files = mended(later());
    let entry = b"{\"device_id\":7,";
    // Also on the pages that bbolt no longer uses.
    for at in 0..files.pool.len() - entry.len() {
        if files.pool[at..].starts_with(entry) {
            files.pool[at + entry.len() - 2] = b'6';
        }
    }
    assert!(matches!(apart(&files), Apart::Twice(names) if names[0].contains("both 6")));
}

#[test]
fn the_digit_of_the_state_is_beyond_doubt_or_none() {
    let entry = |state: i64| format!(r#"{{"device_id":1,"name":"p","state":{state},"error":""}}"#);
    for (state, is) in [(4, b'3'), (6, b'5'), (8, b'7'), (10, b'1'), (12, b'1')] {
        let entry = entry(state).into_bytes();
        let (at, was) = digit(&entry, state).unwrap();
        let mut changed = entry.clone();
        changed[at] = undone(was, state);
        assert_eq!(changed[at], is);
        let device: Device = serde_json::from_slice(&changed).unwrap();
        assert!(!FINISHED.contains(&device.state) && device.state != FAULTY, "{state}");
    }
    assert_eq!(digit(entry(10).as_bytes(), 1), None);
    assert_eq!(digit(br#"{"error":"\"state\":4","state":4}"#, 4).map(|(at, _)| at), Some(31));
    assert_eq!(digit(br#"{"a":{"state":4},"state":4}"#, 4), None);
}

#[test]
fn numbers_are_read_as_go_writes_them() {
    assert_eq!(varint(&[1, 0]), Some(1));
    assert_eq!(varint(&[0xac, 0x02]), Some(300));
    assert_eq!(varint(&[0x80]), None);
    assert_eq!(varint(&[0xff; 20]), None);
}

#[test]
fn the_pool_has_what_the_list_says_and_nothing_at_the_next_number() {
    let quiet = Expected::of(&mended(later()).pool);
    assert_eq!(quiet.numbers(), [1, 2, 3, 4, 5, 6, 7, 8], "layers and microVMs' devices");
    let mut pool = mended(later()).pool;
    let (half, faulty) = (b"\"state\":3,\"error\":\"\"}", b"\"state\":13,\"error\":1}");
    let at = pool.windows(half.len()).position(|window| window == half).unwrap();
    pool[at..at + half.len()].copy_from_slice(faulty);
    let expected = Expected::of(&pool);
    assert_eq!(expected.next, Some(10), "after a failure");
    assert_eq!(expected.numbers(), [1, 2, 3, 4, 5, 6, 7, 8, 10]);
    assert_eq!(expected.judge(&(1..=8).collect()), None);
    let lost = expected.judge(&BTreeSet::from([1, 2, 3, 4, 5, 6, 8]));
    assert_eq!(lost, Some(Apart::ThinLost(vec!["mvm-snap-7".to_owned()])));
    assert_eq!(expected.judge(&(1..=10).collect()), Some(Apart::ThinTaken(10)));
    assert_eq!(next(&[]).unwrap(), Some(1), "bbolt fills an empty file");
    assert_eq!(Expected::of(&[7; 10_000]), Expected::default());
}
