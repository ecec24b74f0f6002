//! Looking at a disk that may become a part of the pool. Nothing is written, and while the answer
//! lives udev and everybody else who keeps to systemd's locking of block devices is kept out.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom};
use std::os::unix::fs::{FileTypeExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use mvm_core::exec::{self, Execute, Limits};
use mvm_core::{Digest, Roots};
use mvm_pool_plan::lvm::{Disk, signatures};
use mvm_pool_plan::thinpool::{DevNum, SECTOR};
use nix::libc;

use super::commands::succeed;
use crate::{Error, files, loops};

/// udev holds its lock for as long as it looks at a disk, some tenths of a second.
const TIMEOUT: Duration = Duration::from_secs(10);
const POLL_INTERVAL: Duration = Duration::from_millis(50);
/// wipefs reads some kilobytes of a disk that answers.
const PROBE_LIMIT: Duration = Duration::from_secs(60);
/// How much of both ends is remembered, in bytes: where signatures and LVM's own data are.
const EDGE: u64 = 1 << 20;

/// A disk that was looked at.
pub(super) struct Looked {
    pub(super) disk: Disk,
    /// Open for as long as nobody else is to touch it; `None` when it could not be locked.
    pub(super) lock: Option<File>,
}

/// Looks at one disk, and locks it.
///
/// # Errors
/// When it cannot be read.
pub(super) fn look(roots: &Roots, programs: &dyn Execute, device: &str) -> Result<Looked, Error> {
    let mut disk = Disk { path: device.to_owned(), ..Disk::default() };
    let path = roots.at(device);
    let failed = |source| Error::Look { path: path.clone(), source };
    let node = match fs::metadata(&path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Ok(no(disk, "it is not there"));
        }
        node => node.map_err(failed)?,
    };
    if !node.file_type().is_block_device() {
        return Ok(no(disk, "it is no block device"));
    }
    let number = loops::number(node.rdev());
    let sys = roots.at("/sys/dev/block").join(number.to_string());
    if sys.join("partition").exists() {
        return Ok(no(disk, "it is a partition, and whole disks are wanted"));
    }
    let mut file = open(&path, 0).map_err(failed)?;
    let begun = Instant::now();
    while file.try_lock().is_err() {
        if begun.elapsed() > TIMEOUT {
            return Ok(no(disk, "another program has locked it (see lslocks)"));
        }
        thread::sleep(POLL_INTERVAL);
    }
    disk.size = attribute(&sys, "size").parse().unwrap_or(0u64).saturating_mul(SECTOR);
    uses(roots, &sys, number, &mut disk);
    if disk.obstacles.is_empty()
        && let Err(error) = open(&path, libc::O_EXCL)
    {
        disk.obstacles.push(format!("it does not open exclusively: {error}"));
    }
    disk.edges = edges(&mut file, disk.size).map_err(failed)?;
    disk.signatures = probe(roots, programs, &path)?;
    Ok(Looked { disk, lock: Some(file) })
}

fn no(mut disk: Disk, why: &str) -> Looked {
    disk.obstacles.push(why.to_owned());
    Looked { disk, lock: None }
}

/// For reading: a close after opening for writing makes udev look at the disk again.
fn open(path: &Path, flags: i32) -> io::Result<File> {
    OpenOptions::new().read(true).custom_flags(libc::O_NONBLOCK | flags).open(path)
}

fn attribute(sys: &Path, name: &str) -> String {
    fs::read_to_string(sys.join(name)).unwrap_or_default().trim().to_owned()
}

/// Who uses the disk or one of its partitions, and the partitions.
fn uses(roots: &Roots, sys: &Path, number: DevNum, disk: &mut Disk) {
    if attribute(sys, "ro") != "0" {
        disk.obstacles.push("it is read-only".to_owned());
    }
    if disk.size == 0 {
        disk.obstacles.push("it has no size".to_owned());
    }
    let udev = roots.at(format!("/run/udev/data/b{number}"));
    let multipath = |line: &str| line == "E:DM_MULTIPATH_DEVICE_PATH=1";
    if fs::read_to_string(udev).unwrap_or_default().lines().any(multipath) {
        disk.obstacles.push("it is one path of a multipath device".to_owned());
    }
    let mut parts = vec![("it".to_owned(), sys.to_owned())];
    for (name, path) in folders(sys) {
        if path.join("partition").exists() {
            disk.partitions.push(name.clone());
            parts.push((format!("its partition {name}"), path));
        }
    }
    disk.partitions.sort();
    for (part, path) in parts {
        for (holder, _) in folders(&path.join("holders")) {
            let name = attribute(&path, &format!("holders/{holder}/dm/name"));
            let name = if name.is_empty() { holder } else { format!("{holder} ({name})") };
            disk.obstacles.push(format!("{part} is held by {name}"));
        }
        let Ok(number) = attribute(&path, "dev").parse::<DevNum>() else { continue };
        for place in files::mounts(roots, number) {
            disk.obstacles.push(format!("{part} is mounted on {place}"));
        }
        if is_swap(roots, number) {
            disk.obstacles.push(format!("{part} is swap in use"));
        }
    }
}

fn folders(path: &Path) -> Vec<(String, PathBuf)> {
    let entries = fs::read_dir(path).into_iter().flatten().flatten();
    let entries =
        entries.map(|entry| (entry.file_name().to_string_lossy().into_owned(), entry.path()));
    entries.filter(|(_, path)| path.is_dir()).collect()
}

fn is_swap(roots: &Roots, number: DevNum) -> bool {
    let table = fs::read_to_string(roots.at("/proc/swaps")).unwrap_or_default();
    let mut paths = table.lines().skip(1).filter_map(|line| line.split_whitespace().next());
    paths.any(|path| {
        let node = fs::metadata(roots.at(path));
        node.is_ok_and(|node| {
            node.file_type().is_block_device() && loops::number(node.rdev()) == number
        })
    })
}

fn edges(file: &mut File, size: u64) -> io::Result<String> {
    let mut bytes = Vec::new();
    for start in [0, size.saturating_sub(EDGE)] {
        file.seek(SeekFrom::Start(start))?;
        file.by_ref().take(EDGE).read_to_end(&mut bytes)?;
    }
    Ok(Digest::of(&bytes).as_str().to_owned())
}

fn probe(
    roots: &Roots,
    programs: &dyn Execute,
    path: &Path,
) -> Result<Vec<mvm_pool_plan::lvm::Signature>, Error> {
    let exit = wipefs(roots, programs, &["--no-act", "--json"], path)?;
    signatures(&exit)
        .map_err(|error| Error::Report { command: "wipefs".to_owned(), why: error.why })
}

/// Wipes every signature from a disk.
///
/// # Errors
/// When wipefs fails.
pub(super) fn wipe(roots: &Roots, programs: &dyn Execute, device: &str) -> Result<(), Error> {
    wipefs(roots, programs, &["--all"], &roots.at(device)).map(drop)
}

fn wipefs(
    roots: &Roots,
    programs: &dyn Execute,
    args: &[&str],
    path: &Path,
) -> Result<String, Error> {
    let command = || "wipefs".to_owned();
    let program = exec::find(roots, "wipefs").ok_or_else(|| Error::CommandFailed {
        command: command(),
        outcome: "it is not installed".to_owned(),
    })?;
    let path = path.display().to_string();
    let args = [args, &[path.as_str()]].concat();
    let exit = succeed(programs, &program, "wipefs", &args, &mut Limits::timeout(PROBE_LIMIT))?;
    // Half a report would hide what is behind its end.
    if exit.stdout_truncated {
        return Err(Error::Report { command: command(), why: "it is too long".to_owned() });
    }
    Ok(exit.stdout)
}
