//! On the files that containerd's own code wrote.

use std::fs;
use std::os::unix::fs::MetadataExt;

use super::*;
use crate::fake::{self, Machine};

const DIR: &str = "/var/lib/containerd-dev/snapshotter/devmapper";

/// Puts the three files of one sample where containerd has them.
fn put(machine: &Machine, backend: &Backend, sample: &str) {
    let samples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../plan/src/databases/samples");
    let paths = paths(&machine.roots, backend.pool());
    for (name, path) in
        [("meta.db", &paths.meta), ("metadata.db", &paths.metadata), ("mvm.db", &paths.pool)]
    {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::copy(samples.join(sample).join(name), path).unwrap();
    }
}

/// A host whose first Prepare was interrupted.
fn host() -> (tempfile::TempDir, Machine, Backend) {
    let folder = tempfile::tempdir().unwrap();
    let machine = Machine::new(folder.path());
    let mut desired = fake::desired(DIR);
    desired.pool.name = "mvm".to_owned();
    let desired = Backend::Loop(desired);
    put(&machine, &desired, "first");
    (folder, machine, desired)
}

/// The pool has nothing, as the list says once the interrupted one is put away.
fn as_listed(_: &[u32]) -> Result<BTreeSet<u32>, Error> {
    Ok(BTreeSet::new())
}

fn codes(findings: &[Finding]) -> Vec<&'static str> {
    findings.iter().map(Finding::code).collect()
}

#[test]
fn an_interrupted_prepare_is_put_away_once_and_kept() {
    let (_folder, machine, desired) = host();
    let path = paths(&machine.roots, desired.pool()).pool;
    let (before, inode) = (fs::read(&path).unwrap(), fs::metadata(&path).unwrap().ino());
    assert_eq!(look(&machine.roots, &desired), [], "a running containerd may be about to finish");
    let findings = settle_with(&machine.roots, &desired, &machine, &as_listed);
    assert_eq!(codes(&findings), [messages::put_away::ROW.code], "{findings:?}");
    assert_ne!(fs::read(&path).unwrap(), before);
    assert_eq!(fs::metadata(&path).unwrap().ino(), inode, "the receipt knows the file by it");
    let backup = fs::read_dir(machine.roots.at(names::STATE)).unwrap().next().unwrap().unwrap();
    assert_eq!(fs::read(backup.path()).unwrap(), before);
    assert_eq!(settle_with(&machine.roots, &desired, &machine, &as_listed), []);
}

#[test]
fn a_containerd_that_runs_is_left_alone() {
    let (_folder, machine, desired) = host();
    let path = paths(&machine.roots, desired.pool()).pool;
    let before = fs::read(&path).unwrap();
    let file = File::open(&path).unwrap();
    file.lock().unwrap();
    assert_eq!(settle_with(&machine.roots, &desired, &machine, &as_listed), []);
    assert_eq!(fs::read(&path).unwrap(), before);
}

#[test]
fn nothing_is_changed_when_the_list_cannot_be_kept() {
    let (_folder, machine, desired) = host();
    let path = paths(&machine.roots, desired.pool()).pool;
    let before = fs::read(&path).unwrap();
    fs::write(machine.roots.at(names::STATE), "in the way").unwrap();
    let findings = settle_with(&machine.roots, &desired, &machine, &as_listed);
    assert_eq!(codes(&findings), [messages::not_put_away::ROW.code], "{findings:?}");
    assert_eq!(fs::read(&path).unwrap(), before);
}

#[test]
fn files_that_do_not_belong_together_are_refused_untouched() {
    let (_folder, machine, desired) = host();
    let path = paths(&machine.roots, desired.pool());
    fs::write(&path.metadata, [1; 8192]).unwrap();
    let before = fs::read(&path.pool).unwrap();
    let findings = settle_with(&machine.roots, &desired, &machine, &as_listed);
    assert_eq!(codes(&findings), [messages::unsound::ROW.code], "{findings:?}");
    assert!(findings[0].remedy().contains("systemctl stop flintlockd.service"));
    assert_eq!(codes(&look(&machine.roots, &desired)), [messages::unsound::ROW.code]);
    assert_eq!(fs::read(&path.pool).unwrap(), before);
}

#[test]
fn a_pool_that_lacks_a_listed_device_is_refused() {
    let (_folder, machine, desired) = host();
    put(&machine, &desired, "later");
    let whole = |numbers: &[u32]| Ok(numbers.iter().copied().collect());
    assert_eq!(
        codes(&settle_with(&machine.roots, &desired, &machine, &whole)),
        [messages::put_away::ROW.code]
    );
    assert_eq!(settle_with(&machine.roots, &desired, &machine, &whole), []);
    let lost = |numbers: &[u32]| Ok(numbers.iter().copied().filter(|id| *id != 7).collect());
    let findings = settle_with(&machine.roots, &desired, &machine, &lost);
    assert_eq!(codes(&findings), [messages::thin_lost::ROW.code], "{findings:?}");
    assert!(findings[0].message().contains("mvm-snap-7"), "{findings:?}");
    // Who cannot be asked says nothing.
    let silent = |_: &[u32]| Err(Error::NotGrowable { name: String::new(), why: "silent" });
    assert_eq!(settle_with(&machine.roots, &desired, &machine, &silent), []);
}

/// Two microVMs whose disks containerd was activating when the power went.
fn begun(machine: &Machine, backend: &Backend) -> PathBuf {
    put(machine, backend, "later");
    let whole = |numbers: &[u32]| Ok(numbers.iter().copied().collect());
    settle_with(&machine.roots, backend, machine, &whole);
    paths(&machine.roots, backend.pool()).pool
}

/// Replaces each occurrence, also on pages that bbolt no longer uses.
fn replace(path: &Path, was: &[u8], is: &[u8]) {
    let mut bytes = fs::read(path).unwrap();
    for at in 0..bytes.len() - was.len() {
        if bytes[at..].starts_with(was) {
            bytes[at..at + was.len()].copy_from_slice(is);
        }
    }
    fs::write(path, bytes).unwrap();
}

#[test]
fn disks_that_were_being_activated_are_given_back() {
    let (_folder, machine, backend) = host();
    let path = begun(&machine, &backend);
    let whole = fs::read(&path).unwrap();
    let all = |numbers: &[u32]| Ok(numbers.iter().copied().collect());
    replace(&path, b"\"state\":4,\"error\":\"\"", b"\"state\":3,\"error\":\"\"");
    assert_eq!(look(&machine.roots, &backend), [], "containerd may be about to finish");
    let findings = settle_with(&machine.roots, &backend, &machine, &all);
    assert_eq!(codes(&findings), [messages::given_back::ROW.code], "{findings:?}");
    let paths = paths(&machine.roots, backend.pool());
    let left = databases::given_up("mvm", &paths.read().unwrap());
    assert_eq!(left, []);
    assert_eq!(fs::read(&path).unwrap().len(), whole.len());
    assert_eq!(settle_with(&machine.roots, &backend, &machine, &all), []);
    // The pool has none of them: containerd could not activate them either.
    replace(&path, b"\"state\":4,\"error\":\"\"", b"\"state\":3,\"error\":\"\"");
    let layers = |numbers: &[u32]| Ok(numbers.iter().copied().filter(|id| *id < 6).collect());
    let findings = settle_with(&machine.roots, &backend, &machine, &layers);
    assert_eq!(codes(&findings), [messages::given_up::ROW.code], "{findings:?}");
}

#[test]
fn what_containerd_cannot_activate_is_tried_once_more_and_then_reported() {
    let (_folder, machine, backend) = host();
    let path = begun(&machine, &backend);
    // Nothing has the number that is given out next.
    let all = |numbers: &[u32]| Ok(numbers.iter().copied().filter(|id| *id < 9).collect());
    let entry = |size: &str, state: &str| {
        format!(r#""size":{size},"name":"mvm-snap-6","parent_name":"mvm-snap-3","state":{state}"#)
    };
    let (whole, faulty) = (entry("10737418240", "4,"), entry("1073741824", "13,"));
    let given_back = entry("1073741824", " 4,");
    replace(&path, whole.as_bytes(), faulty.as_bytes());
    assert_eq!(codes(&look(&machine.roots, &backend)), [messages::given_up::ROW.code]);
    let findings = settle_with(&machine.roots, &backend, &machine, &all);
    assert_eq!(codes(&findings), [messages::given_back::ROW.code], "{findings:?}");
    assert_eq!(look(&machine.roots, &backend), []);
    // It failed again, and this containerd serves the other microVMs.
    replace(&path, given_back.as_bytes(), faulty.as_bytes());
    let findings = settle_with(&machine.roots, &backend, &machine, &all);
    assert_eq!(codes(&findings), [messages::given_up::ROW.code], "{findings:?}");
    assert!(findings[0].message().contains("mvm-snap-6"), "{findings:?}");
}
