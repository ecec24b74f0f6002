//! Reads containerd's three databases about the pool, puts away what an interrupted Prepare left in one
//! of them, and gives containerd back what it was about to give up.

#[cfg(test)]
mod tests;
mod thin;
mod tried;

use std::collections::BTreeSet;
use std::fs::{File, TryLockError};
use std::io::{self, Read};
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use mvm_core::catalogue::database as messages;
use mvm_core::{Finding, Roots, Severity, atomic, names};
use mvm_pool_kernel::mapper::{self, DeviceMapper};
use mvm_pool_kernel::{Error, observe};
use mvm_pool_plan::Backend;
use mvm_pool_plan::thinpool::Pool;
use mvm_repair_plan::databases::{self, Expected, Files, GivenUp, Interrupted, Verdict};
use nix::libc;
use sha2::{Digest, Sha256};

/// A database has some kibibytes for each snapshot; a larger one than this, in bytes, is not read.
const LIMIT: u64 = 256 << 20;
/// A running containerd writes while it is looked at; what it never shows twice is not so.
const LOOKS: u32 = 4;
const PAUSE: Duration = Duration::from_millis(250);

/// What is to be said before containerd starts, and what an interrupted Prepare left put away.
/// Nothing while a containerd has the databases open.
pub fn settle(roots: &Roots, backend: &Backend) -> Vec<Finding> {
    let ask = |numbers: &[u32]| thin::there(&backend.pool().name, numbers);
    settle_with(roots, backend, &mapper::Kernel::new(roots), &ask)
}

/// Of these numbers of thin devices, those that are in the pool.
type Ask<'a> = &'a dyn Fn(&[u32]) -> Result<BTreeSet<u32>, Error>;

fn settle_with(
    roots: &Roots,
    backend: &Backend,
    mapper: &dyn DeviceMapper,
    ask: Ask<'_>,
) -> Vec<Finding> {
    let Some(locked) = LockedDatabase::open(roots, backend.pool()) else {
        return Vec::new();
    };
    let files = match locked.paths.read() {
        Ok(files) => files,
        Err(error) => return vec![error.finding(&backend.pool().name)],
    };
    let mut findings = match databases::judge(&backend.pool().name, &files) {
        Verdict::Agree => against_the_pool(roots, backend, &files, ask),
        Verdict::Apart(apart) => refused(roots, backend, &apart),
        Verdict::Interrupted(interrupted) => {
            match locked.put_away(roots, backend.pool(), &interrupted, &files, mapper) {
                Ok(backup) => vec![databases::put_away(backend.pool(), &interrupted, &backup)],
                Err(error) => {
                    let finding = messages::not_put_away(&interrupted.name, error.chain());
                    vec![finding]
                }
            }
        }
    };
    if findings.iter().all(|finding| finding.severity() != Severity::Error) {
        findings.extend(locked.give_back(roots, backend.pool(), ask));
    }
    findings
}

/// A pool that does not answer has findings of its own.
fn against_the_pool(roots: &Roots, backend: &Backend, files: &Files, ask: Ask<'_>) -> Vec<Finding> {
    let expected = Expected::of(&files.pool);
    match ask(&expected.numbers()) {
        Ok(there) => {
            expected.judge(&there).map(|apart| refused(roots, backend, &apart)).unwrap_or_default()
        }
        Err(error) => {
            log::debug!("{}", error.chain());
            Vec::new()
        }
    }
}

/// What is to be said of the databases at any time. What a running containerd is about to finish looks
/// like something interrupted, and is not said.
pub fn look(roots: &Roots, backend: &Backend) -> Vec<Finding> {
    let mut last = None;
    for turn in 0..LOOKS {
        if turn > 0 {
            thread::sleep(PAUSE);
        }
        let read = paths(roots, backend.pool()).read();
        let judged = read.map(|files| {
            let verdict = databases::judge(&backend.pool().name, &files);
            (files, verdict)
        });
        match judged {
            Ok((_, Verdict::Apart(apart))) => last = Some(apart),
            Ok((files, _)) => return faulty(backend.pool(), &files),
            Err(error) => return vec![error.finding(&backend.pool().name)],
        }
    }
    last.map(|apart| refused(roots, backend, &apart)).unwrap_or_default()
}

/// What a containerd that runs has marked as faulty; what it is about to activate is no news.
fn faulty(pool: &Pool, files: &Files) -> Vec<Finding> {
    let mut devices = databases::given_up(&pool.name, files);
    devices.retain(|device| device.faulty);
    (!devices.is_empty()).then(|| databases::left_given_up(pool, &devices)).into_iter().collect()
}

fn refused(roots: &Roots, backend: &Backend, apart: &databases::Apart) -> Vec<Finding> {
    match observe(roots, backend) {
        Ok(observation) => vec![databases::refused(&observation.aside(), apart)],
        Err(error) => vec![error.finding(&backend.pool().name)],
    }
}

/// Where the three files are.
struct Paths {
    meta: PathBuf,
    metadata: PathBuf,
    pool: PathBuf,
}

fn paths(roots: &Roots, pool: &Pool) -> Paths {
    Paths {
        meta: roots.at(&pool.database_paths.metadata),
        metadata: roots.at(pool.database_paths.devmapper.join("metadata.db")),
        pool: roots.at(pool.device_database()),
    }
}

impl Paths {
    /// In the order in which containerd lets go of a snapshot last.
    fn read(&self) -> Result<Files, Error> {
        let read =
            |path: &Path| match open(path, false).and_then(|file| file.map(contents).transpose()) {
                Ok(bytes) => Ok(bytes.unwrap_or_default()),
                Err(source) => Err(Error::Look { path: path.to_owned(), source }),
            };
        Ok(Files {
            meta: read(&self.meta)?,
            metadata: read(&self.metadata)?,
            pool: read(&self.pool)?,
        })
    }
}

/// A regular file; `None` when there is none.
fn open(path: &Path, writable: bool) -> io::Result<Option<File>> {
    let flags = libc::O_NOFOLLOW | libc::O_NONBLOCK;
    let opened = File::options().read(true).write(writable).custom_flags(flags).open(path);
    let file = match opened {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        file => file?,
    };
    match file.metadata()?.is_file() {
        true => Ok(Some(file)),
        false => Err(io::Error::new(io::ErrorKind::InvalidInput, "not a regular file")),
    }
}

fn contents(file: File) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    file.take(LIMIT + 1).read_to_end(&mut bytes)?;
    match bytes.len() as u64 > LIMIT {
        true => Err(io::Error::new(io::ErrorKind::FileTooLarge, "larger than any such database")),
        false => Ok(bytes),
    }
}

/// The list of devices, which no containerd can open as long as this lives.
struct LockedDatabase {
    paths: Paths,
    file: File,
}

impl LockedDatabase {
    /// `None` when there is no list, or a containerd has it.
    fn open(roots: &Roots, pool: &Pool) -> Option<Self> {
        let paths = paths(roots, pool);
        let file = open(&paths.pool, true).ok().flatten()?;
        match file.try_lock() {
            Ok(()) => Some(Self { paths, file }),
            Err(TryLockError::WouldBlock | TryLockError::Error(_)) => None,
        }
    }

    /// Keeps the list as it was, takes the device down where it is active, and changes one digit.
    fn put_away(
        &self,
        roots: &Roots,
        pool: &Pool,
        interrupted: &Interrupted,
        files: &Files,
        mapper: &dyn DeviceMapper,
    ) -> Result<PathBuf, Error> {
        let backup = save(roots, pool, files)?;
        // Only a kill leaves it active, and mounted below tmpmounts, where containerd unmounts it before
        // it loads the snapshotter.
        if mapper.look(&interrupted.name)?.is_some() {
            mapper.remove_once_closed(&interrupted.name)?;
        }
        self.change(pool, [(interrupted.at, [interrupted.is].as_slice())])?;
        Ok(backup)
    }

    /// Has containerd activate the disks of microVMs that it would mark, or has marked, as faulty.
    fn give_back(&self, roots: &Roots, pool: &Pool, ask: Ask<'_>) -> Vec<Finding> {
        let Ok(files) = self.paths.read() else { return Vec::new() };
        let given_up = databases::given_up(&pool.name, &files);
        if given_up.is_empty() {
            return Vec::new();
        }
        let numbers: Vec<u32> = given_up.iter().map(|device| device.device).collect();
        let there = ask(&numbers).unwrap_or_default();
        let tried = tried::read(roots);
        let (back, left): (Vec<GivenUp>, Vec<GivenUp>) =
            given_up.into_iter().partition(|device| device.is_given_back(&there, &tried));
        let left = (!left.is_empty()).then(|| databases::left_given_up(pool, &left));
        if back.is_empty() {
            return left.into_iter().collect();
        }
        let done = self.activate_again(roots, pool, &files, &back).map_or_else(
            |error| databases::left_given_up(pool, &back).evidence(error.chain()),
            |backup| databases::given_back(pool, &back, &backup),
        );
        [done].into_iter().chain(left).collect()
    }

    fn activate_again(
        &self,
        roots: &Roots,
        pool: &Pool,
        files: &Files,
        devices: &[GivenUp],
    ) -> Result<PathBuf, Error> {
        let backup = save(roots, pool, files)?;
        let failed = devices.iter().filter(|device| !device.interrupted);
        tried::add(roots, failed.map(|device| device.name.clone()))
            .map_err(|source| Error::Note { source })?;
        let edits = devices.iter().filter_map(|device| device.edit.as_ref());
        self.change(pool, edits.map(|edit| (edit.at, edit.is.as_slice())))?;
        Ok(backup)
    }

    /// Writes some bytes into the list, and the list to the disk.
    fn change<'b>(
        &self,
        pool: &Pool,
        edits: impl IntoIterator<Item = (u64, &'b [u8])>,
    ) -> Result<(), Error> {
        let path = pool.device_database();
        for (at, bytes) in edits {
            let changed = self.file.write_all_at(bytes, at);
            changed.map_err(|source| Error::Look { path: path.clone(), source })?;
        }
        self.file.sync_all().map_err(|source| Error::Sync { path, source })
    }
}

/// Keeps the list as it was, and tells where.
fn save(roots: &Roots, pool: &Pool, files: &Files) -> Result<PathBuf, Error> {
    let digits: String =
        Sha256::digest(&files.pool).iter().take(4).map(|byte| format!("{byte:02x}")).collect();
    let backup = Path::new(names::STATE).join(format!("{}.db.{digits}", pool.name));
    atomic::write(&roots.at(&backup), &files.pool, 0o600)
        .map_err(|source| Error::Note { source })?;
    Ok(backup)
}
