//! containerd's three databases about the pool, held against each other.
//!
//! Three transactions of containerd make one snapshot: the namespace's `meta.db` reserves a name, the
//! snapshotter's `metadata.db` gives it a number, and, while that transaction is open, `<pool>.db`
//! lists the thin device, which is made and activated. Then `metadata.db` commits, and `meta.db`
//! writes the snapshot down. (containerd: metadata/snapshot.go, snapshots/devmapper/snapshotter.go
//! and pool_device.go; the same from 1.6 to 2.3.) Whatever interrupts this leaves that
//!
//! - `meta.db` knows nothing that `metadata.db` lacks, but for the one below, and
//! - what it knows has a device in `<pool>.db`, and
//! - at most one device is there that `metadata.db` lacks, with the next number.
//!
//! Two transactions make a snapshot the base of others, which ends the unpack of each layer: while
//! `meta.db`'s is open, `metadata.db` gives the snapshot its new name, with the next number of the
//! namespace, and commits. Whatever interrupts this leaves that `meta.db` knows one snapshot by its old
//! name, and `metadata.db` has a committed one with that next number. No layer counts as unpacked then:
//! containerd removes what no namespace knows, and unpacks it again. The old name stays for as long as
//! its lease, and the namespace gives out more numbers meanwhile; nothing is built on a layer that is being
//! unpacked, so its name is not looked for.
//!
//! That one device of a Prepare is what an interrupted Prepare left: nobody was told of it. When containerd had
//! activated it, every later Prepare gets the same number and fails. A device whose activation had
//! only begun is no obstacle: at its start containerd marks it faulty and takes another one. So the
//! device's state is set back by that one step, which is one digit in the file. Everything else is
//! containerd's own work. Whatever breaks one of the three rules is a lost or an older file.
//!
//! `meta.db` gives a number out before the snapshotter gets it. A snapshot with a higher number that is
//! newer than all that the namespace knows shows an older `meta.db`, and any snapshot shows a lost one:
//! containerd would remove the disks of microVMs as what no namespace knows.

mod given_up;
mod read;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use mvm_core::catalogue::database;
use mvm_core::{Entry, Finding};
use mvm_pool_plan::thinpool::{Aside, Pool, refusal};
use read::{Device, MetaDatabase, devices, meta_database, next, snapshots};

pub use given_up::{Edit, GivenUp, given_up};

use crate::bolt::NotBolt;

/// The bytes of the three files; none for a file that is not there.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Files {
    /// containerd's `meta.db`.
    pub meta: Vec<u8>,
    /// The snapshotter's `metadata.db`.
    pub metadata: Vec<u8>,
    /// The snapshotter's `<pool>.db`.
    pub pool: Vec<u8>,
}

/// What the three files are to each other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// containerd may be started on them as they are.
    Agree,
    /// They agree but for what an interrupted Prepare left.
    Interrupted(Interrupted),
    /// containerd must not be started on them.
    Apart(Apart),
}

/// What an interrupted Prepare left in `<pool>.db`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Interrupted {
    /// The device's name.
    pub name: String,
    /// Its number in the pool.
    pub device: u32,
    /// Where in the file the digit of its state is, in bytes.
    pub at: u64,
    /// The digit there.
    pub was: u8,
    /// The digit that makes containerd give the device up.
    pub is: u8,
}

/// Why two of the files do not belong together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Apart {
    /// A file is no sound database.
    Unsound(File, String),
    /// `meta.db` knows snapshots that `metadata.db` lacks.
    SnapshotsLost(Vec<String>),
    /// Snapshots that `meta.db` knows have no device in `<pool>.db`.
    DevicesLost(Vec<String>),
    /// `<pool>.db` has devices that are newer than anything in `metadata.db`.
    Newer(Vec<String>),
    /// `meta.db` is older than snapshots that `metadata.db` has.
    MetaOlder(Vec<String>),
    /// Devices of `<pool>.db` have the same number.
    Twice(Vec<String>),
    /// The pool lacks devices that `<pool>.db` has.
    ThinLost(Vec<String>),
    /// The pool has a device with the number that `<pool>.db` gives out next.
    ThinTaken(u32),
}

/// What the pool itself is to be asked when the files agree.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Expected {
    /// Devices that were made whole, by number.
    pub there: BTreeMap<u32, String>,
    /// The number that it gives out next, where that may be the trouble: a number that was in use made
    /// containerd mark a device faulty. The kernel calls it an error to be asked for one that is not.
    pub next: Option<u32>,
}

impl Expected {
    /// As `<pool>.db` has it; nothing of a file that is none.
    pub fn of(pool: &[u8]) -> Self {
        let devices = devices(pool).unwrap_or_default();
        let trouble = devices.iter().any(|device| device.state == FAULTY);
        let finished = devices.into_iter();
        let finished = finished.filter(|one| one.state != REMOVED && FINISHED.contains(&one.state));
        Self {
            there: finished.map(|device| (device.device_id, device.name)).collect(),
            next: next(pool).ok().flatten().filter(|_| trouble),
        }
    }

    /// What is wrong when these numbers are in the pool.
    pub fn judge(&self, there: &BTreeSet<u32>) -> Option<Apart> {
        let lost = self.there.iter().filter(|(id, _)| !there.contains(id)).map(|(_, name)| name);
        let taken = self.next.filter(|next| there.contains(next));
        shortened(lost).map(Apart::ThinLost).or(taken.map(Apart::ThinTaken))
    }

    /// All numbers that the pool is to be asked about.
    pub fn numbers(&self) -> Vec<u32> {
        self.there.keys().copied().chain(self.next).collect()
    }
}

/// One of the three files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum File {
    /// containerd's `meta.db`.
    Meta,
    /// The snapshotter's `metadata.db`.
    Metadata,
    /// The snapshotter's `<pool>.db`.
    Pool,
}

impl File {
    fn path(self, pool: &Pool) -> String {
        let path = match self {
            Self::Meta => pool.database_paths.metadata.clone(),
            Self::Metadata => pool.database_paths.devmapper.join("metadata.db"),
            Self::Pool => pool.device_database(),
        };
        path.display().to_string()
    }
}

/// Holds the files of pool `name` against each other.
pub fn judge(name: &str, files: &Files) -> Verdict {
    read(name, files).map_or_else(Verdict::Apart, |contents| contents.judge())
}

/// What the files say.
struct Contents {
    meta: MetaDatabase,
    /// The snapshotter's snapshots, by name.
    snapshots: BTreeMap<String, Snapshot>,
    /// The device of the next snapshot.
    next: String,
    devices: Vec<Device>,
    /// What the name of a device of this pool begins with.
    prefix: String,
    /// The number of the newest snapshot.
    newest: u64,
}

/// What `metadata.db` says of a snapshot.
struct Snapshot {
    id: u64,
    /// The name of its device.
    device: String,
    /// It is the base of others, and nobody writes into it.
    committed: bool,
}

fn read(name: &str, files: &Files) -> Result<Contents, Apart> {
    let unsound = |file| move |why: NotBolt| Apart::Unsound(file, why.to_string());
    let prefix = format!("{name}-snap-");
    let (newest, all) = snapshots(&files.metadata).map_err(unsound(File::Metadata))?;
    let snapshots = all.into_iter().map(|one| {
        let device = format!("{prefix}{}", one.id);
        (one.name, Snapshot { id: one.id, device, committed: one.committed })
    });
    let snapshots = snapshots.collect();
    Ok(Contents {
        meta: meta_database(&files.meta).map_err(unsound(File::Meta))?,
        snapshots,
        next: format!("{prefix}{}", newest.saturating_add(1)),
        devices: devices(&files.pool)?,
        prefix,
        newest,
    })
}

impl Contents {
    fn judge(self) -> Verdict {
        let lost = self
            .meta
            .names
            .iter()
            .filter(|name| !self.snapshots.contains_key(*name) && !is_being_unpacked(name));
        let lost: Vec<&String> = lost.collect();
        let renamed = matches!(lost.as_slice(), [one] if self.is_being_committed(one));
        if let Some(lost) = shortened(lost.into_iter()).filter(|_| !renamed) {
            return Verdict::Apart(Apart::SnapshotsLost(lost));
        }
        let has = |name: &String| self.devices.iter().any(|device| device.name == *name);
        let bare = self.snapshots.iter().filter(|(key, snapshot)| {
            // The namespace gives a snapshot up before the snapshotter removes its device.
            self.meta.names.contains(*key) && !has(&snapshot.device)
        });
        if let Some(bare) = shortened(bare.map(|(key, _)| key)) {
            return Verdict::Apart(Apart::DevicesLost(bare));
        }
        if let Some(twice) = shortened(self.twice().iter()) {
            return Verdict::Apart(Apart::Twice(twice));
        }
        if let Some(newer) = shortened(self.newer_than_meta().into_iter()) {
            return Verdict::Apart(Apart::MetaOlder(newer));
        }
        let newer: Vec<&Device> = self.devices.iter().filter(|one| self.is_newer(one)).collect();
        match newer.as_slice() {
            [] => Verdict::Agree,
            [one] if one.name == self.next && one.digit.is_some() => {
                let (at, was) = one.digit.unwrap_or_default();
                let (name, device) = (one.name.clone(), one.device_id);
                Verdict::Interrupted(Interrupted {
                    name,
                    device,
                    at,
                    was,
                    is: undone(was, one.state),
                })
            }
            more => {
                let names = more.iter().map(|device| device.name.clone()).collect();
                Verdict::Apart(Apart::Newer(names))
            }
        }
    }

    /// Whether the snapshotter has given the namespace's snapshot `name` the name of a base, and the
    /// namespace was not told. The name is one that no namespace has given out yet.
    fn is_being_committed(&self, name: &str) -> bool {
        let namespace = name.split('/').next().unwrap_or_default();
        let next = self.meta.next.iter().find(|next| {
            next.strip_prefix(namespace).is_some_and(|number| number.starts_with('/'))
        });
        let Some(next) = next else { return false };
        let bases = self.snapshots.iter().filter(|(_, snapshot)| snapshot.committed);
        bases.filter(|(base, _)| base.starts_with(next.as_str())).count() == 1
    }

    /// Snapshots that the namespaces of a whole `meta.db` would know, or have known. A namespace that
    /// was removed and made again counts from 1, and what is left of it is older than what it knows.
    fn newer_than_meta(&self) -> Vec<&String> {
        if !self.meta.written {
            return self.snapshots.keys().collect();
        }
        let newest_known = |namespace: &str| {
            let known = self.snapshots.iter().filter(|(name, _)| self.meta.names.contains(*name));
            let of_it =
                known.filter(|(name, _)| numbered(name).is_some_and(|(one, _)| one == namespace));
            of_it.map(|(_, snapshot)| snapshot.id).max()
        };
        let mut newer = Vec::new();
        for (namespace, next) in self.meta.next.iter().filter_map(|next| numbered(next)) {
            let Some(known) = newest_known(namespace) else { continue };
            newer.extend(self.snapshots.iter().filter_map(|(name, snapshot)| {
                let (_, number) = numbered(name).filter(|(one, _)| *one == namespace)?;
                let unheard = number > next || (number == next && !snapshot.committed);
                (unheard && snapshot.id > known).then_some(name)
            }));
        }
        newer
    }

    /// Devices with a number above the newest snapshot's, which are in the way of those to come.
    fn is_newer(&self, device: &Device) -> bool {
        let number = device.name.strip_prefix(&self.prefix).and_then(|rest| rest.parse().ok());
        number.is_some_and(|number: u64| number > self.newest) && FINISHED.contains(&device.state)
    }

    /// Two devices with one number. One that was given up keeps its own for good.
    fn twice(&self) -> Vec<String> {
        let mut numbers: BTreeMap<u32, &str> = BTreeMap::new();
        let sound = self.devices.iter().filter(|device| device.state != FAULTY);
        let twice = sound.filter_map(|device| {
            let other = numbers.insert(device.device_id, &device.name)?;
            Some(format!("{other} and {} are both {}", device.name, device.device_id))
        });
        twice.collect()
    }
}

/// Namespace and number of the snapshotter's name of a snapshot, `NAMESPACE/NUMBER/KEY`.
fn numbered(name: &str) -> Option<(&str, u64)> {
    let (namespace, rest) = name.split_once('/')?;
    let (number, _) = rest.split_once('/')?;
    Some((namespace, number.parse().ok()?))
}

/// Whether it is a layer that is being unpacked (containerd's snapshots.UnpackKeyFormat).
fn is_being_unpacked(name: &str) -> bool {
    name.splitn(3, '/').nth(2).is_some_and(|key| key.starts_with("extract-"))
}

/// States that containerd leaves as they are at its start: Activated, Suspended, Resumed,
/// Deactivated, Removed. All others are of half-done work, which it marks faulty, or Faulty
/// (snapshots/devmapper/device_info.go and pool_device.go, ensureDeviceStates).
const FINISHED: [i64; 5] = [4, 6, 8, 10, 12];
const REMOVED: i64 = 12;
const FAULTY: i64 = 13;

/// The last digit of the state of half-done work beside a finished one: the step before it, and for
/// Deactivated, whose step before has one digit, the step after.
fn undone(digit: u8, state: i64) -> u8 {
    if state == 10 { digit.saturating_add(1) } else { digit.saturating_sub(1) }
}

/// So many are named one by one.
const NAMED: usize = 5;

fn shortened<'a>(names: impl Iterator<Item = &'a String>) -> Option<Vec<String>> {
    let mut all: Vec<String> = names.cloned().collect();
    let more = all.len().saturating_sub(NAMED);
    all.truncate(NAMED);
    if more > 0 {
        all.push(format!("and {more} more"));
    }
    (!all.is_empty()).then_some(all)
}

/// What there is to say of files that do not belong together.
pub fn refused(aside: &Aside<'_>, apart: &Apart) -> Finding {
    let finding = |entry: &'static Entry, file: File, names: &[String]| {
        let finding = refusal(entry, file.path(aside.pool), aside);
        finding.with("pool", &aside.pool.name).with("names", names.join(", "))
    };
    match apart {
        Apart::Unsound(file, why) => {
            finding(&database::unsound::ROW, *file, &[]).with("why", why).evidence(why)
        }
        Apart::SnapshotsLost(names) => {
            finding(&database::snapshots_lost::ROW, File::Metadata, names)
        }
        Apart::DevicesLost(names) => finding(&database::devices_lost::ROW, File::Pool, names),
        Apart::Newer(names) => finding(&database::newer::ROW, File::Metadata, names),
        Apart::MetaOlder(names) => finding(&database::meta_older::ROW, File::Meta, names),
        Apart::Twice(names) => finding(&database::twice::ROW, File::Pool, names),
        Apart::ThinLost(names) => finding(&database::thin_lost::ROW, File::Pool, names),
        Apart::ThinTaken(id) => finding(&database::thin_taken::ROW, File::Pool, &[]).with("id", id),
    }
}

/// What there is to say of a device that was put away.
pub fn put_away(pool: &Pool, interrupted: &Interrupted, backup: &Path) -> Finding {
    database::put_away(&interrupted.name, &pool.name, interrupted.device, backup.display())
        .evidence(format!(
            "{}: byte {} was {:?} and is {:?}",
            pool.device_database().display(),
            interrupted.at,
            char::from(interrupted.was),
            char::from(interrupted.is)
        ))
}

/// What there is to say of devices that containerd activates again.
pub fn given_back(pool: &Pool, devices: &[GivenUp], backup: &Path) -> Finding {
    database::given_back(&pool.name, names_of(devices), backup.display())
}

/// What there is to say of devices that it does not activate.
pub fn left_given_up(pool: &Pool, devices: &[GivenUp]) -> Finding {
    let snapshots: Vec<&str> = devices.iter().map(|one| one.snapshot.as_str()).collect();
    let containerd = mvm_config::places::containerd_unit(pool.instance);
    database::given_up(&pool.name, names_of(devices), containerd).evidence(snapshots.join("\n"))
}

fn names_of(devices: &[GivenUp]) -> String {
    shortened(devices.iter().map(|one| &one.name)).unwrap_or_default().join(", ")
}
