//! The pool's files and the file system under them.

use std::fs::{self, DirBuilder, File, Metadata, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use mvm_core::Roots;
use mvm_pool_plan::thinpool::{DevNum, FileFacts, FileId, FileSystem, SECTOR, Superblock};
use nix::errno::Errno;
use nix::fcntl::{FallocateFlags, fallocate};
use nix::libc;
use nix::sys::statfs::statfs;
use nix::sys::statvfs::{FsFlags, statvfs};
use rustix::fs::{AtFlags, CWD, FileType, Statx, StatxFlags, makedev, statx};

use crate::{Error, loops};

/// The file at `path`, through links; `None` when there is none.
///
/// # Errors
/// [`Error::Look`]
pub fn facts(path: &Path) -> Result<Option<FileFacts>, Error> {
    // std tells when a file was made with glibc only, and mvm-thinpool is linked with musl.
    let mask = StatxFlags::BASIC_STATS | StatxFlags::BTIME;
    let file = match statx(CWD, path, AtFlags::empty(), mask).map_err(io::Error::from) {
        Ok(file) => file,
        Err(error) if is_absent(&error) => return Ok(None),
        Err(source) => return Err(Error::Look { path: path.to_owned(), source }),
    };
    Ok(Some(FileFacts {
        id: FileId { device: makedev(file.stx_dev_major, file.stx_dev_minor), inode: file.stx_ino },
        regular: FileType::from_raw_mode(file.stx_mode.into()) == FileType::RegularFile,
        born: born(&file),
        size: file.stx_size,
        // Counted in units of 512 bytes whatever the file system's blocks are.
        allocated: file.stx_blocks.saturating_mul(SECTOR),
    }))
}

/// In nanoseconds since 1970, where the file system keeps it.
fn born(file: &Statx) -> Option<u64> {
    let has_birth_time = StatxFlags::from_bits_retain(file.stx_mask).contains(StatxFlags::BTIME);
    let seconds = u64::try_from(file.stx_btime.tv_sec).ok().filter(|_| has_birth_time)?;
    seconds.checked_mul(1_000_000_000)?.checked_add(file.stx_btime.tv_nsec.into())
}

/// Whether something is at `path`, through links.
///
/// # Errors
/// [`Error::Look`]
pub fn exists(path: &Path) -> Result<bool, Error> {
    Ok(stat(path)?.is_some())
}

fn stat(path: &Path) -> Result<Option<Metadata>, Error> {
    match fs::metadata(path) {
        Ok(found) => Ok(Some(found)),
        Err(error) if is_absent(&error) => Ok(None),
        Err(source) => Err(Error::Look { path: path.to_owned(), source }),
    }
}

fn is_absent(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}

/// Where a device is mounted, in this mount namespace (proc(5), mountinfo).
pub(crate) fn mounts(roots: &Roots, number: DevNum) -> Vec<String> {
    let table = fs::read_to_string(roots.at("/proc/self/mountinfo")).unwrap_or_default();
    let number = number.to_string();
    let of_device = table.lines().filter_map(|line| {
        let mut words = line.split(' ').skip(2);
        let same = words.next()? == number;
        words.nth(1).filter(|_| same).map(str::to_owned)
    });
    of_device.collect()
}

/// The file system that holds `path`, or will: that of the nearest directory above it that exists.
///
/// # Errors
/// [`Error::Look`]
pub fn file_system(path: &Path) -> Result<FileSystem, Error> {
    let mut nearest = path;
    while !exists(nearest)? {
        match nearest.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => nearest = parent,
            _ => break,
        }
    }
    let failed = |errno: nix::Error| Error::Look { path: nearest.to_owned(), source: errno.into() };
    let kind = statfs(nearest).map_err(failed)?;
    let space = statvfs(nearest).map_err(failed)?;
    // f_type is a signed word of which the upper half is only ever its sign.
    let [a, b, c, d, ..] = kind.filesystem_type().0.to_le_bytes();
    Ok(FileSystem {
        magic: u32::from_le_bytes([a, b, c, d]).into(),
        free: space.blocks_available().saturating_mul(space.fragment_size()),
        // Without what is kept back for root, which is not ours to fill.
        size: (space.blocks() - space.blocks_free().min(space.blocks()))
            .saturating_add(space.blocks_available())
            .saturating_mul(space.fragment_size()),
        read_only: space.flags().contains(FsFlags::ST_RDONLY),
    })
}

/// What the first block of a metadata file shows.
///
/// # Errors
/// [`Error::Look`]
pub fn superblock(path: &Path) -> Result<Superblock, Error> {
    let failed = |source| Error::Look { path: path.to_owned(), source };
    let mut block = Vec::with_capacity(Superblock::LENGTH);
    let file = File::open(path).map_err(failed)?;
    file.take(Superblock::LENGTH as u64).read_to_end(&mut block).map_err(failed)?;
    Ok(Superblock::parse(&block))
}

/// The text of a file; `None` when there is none. What is not UTF-8 is replaced.
///
/// # Errors
/// [`Error::Look`]
pub fn text(path: &Path) -> Result<Option<String>, Error> {
    match fs::read(path) {
        Ok(bytes) => Ok(Some(String::from_utf8_lossy(&bytes).into_owned())),
        Err(error) if is_absent(&error) => Ok(None),
        Err(source) => Err(Error::Look { path: path.to_owned(), source }),
    }
}

/// Makes a directory and those above it, for root and for who may pass through.
///
/// # Errors
/// [`Error::CreateDirectory`]
pub fn create_directory(path: &Path) -> Result<(), Error> {
    DirBuilder::new()
        .recursive(true)
        // containerd's mode for its root.
        .mode(0o711)
        .create(path)
        .map_err(|source| Error::CreateDirectory { path: path.to_owned(), source })
}

/// Makes a sparse file that only root may read.
///
/// # Errors
/// [`Error::CreateFile`], also when there is a file already.
pub fn create(path: &Path, size: u64) -> Result<(), Error> {
    let make = || {
        let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
        file.set_len(size)
    };
    make().map_err(|source| Error::CreateFile { path: path.to_owned(), size, source })
}

/// Makes a file longer; one that is as long already, or longer, stays as it is.
///
/// # Errors
/// [`Error::ExtendFile`]
pub fn extend(path: &Path, size: u64) -> Result<(), Error> {
    let extend = || {
        let file = OpenOptions::new().write(true).open(path)?;
        if file.metadata()?.len() < size { file.set_len(size) } else { Ok(()) }
    };
    extend().map_err(|source| Error::ExtendFile { path: path.to_owned(), size, source })
}

/// Makes a file longer with its space taken from the file system, from byte `from` on, and brings
/// that to stable storage. Where the file system cannot do so the new part is a hole.
///
/// # Errors
/// [`Error::Allocate`]; the file may then have any length up to `size`.
pub fn allocate(path: &Path, from: u64, size: u64) -> Result<(), Error> {
    let number = |bytes: u64| i64::try_from(bytes).map_err(|_| io::Error::from(Errno::EFBIG));
    let allocate = || {
        let file = OpenOptions::new().write(true).open(path)?;
        let (start, length) = (number(from)?, number(size.saturating_sub(from))?);
        match fallocate(&file, FallocateFlags::empty(), start, length) {
            Ok(()) => {}
            Err(Errno::EOPNOTSUPP) if file.metadata()?.len() < size => file.set_len(size)?,
            Err(Errno::EOPNOTSUPP) => {}
            Err(errno) => return Err(errno.into()),
        }
        file.sync_all()
    };
    allocate().map_err(|source| Error::Allocate { path: path.to_owned(), size, source })
}

/// Brings a file to stable storage.
///
/// # Errors
/// [`Error::Sync`]
pub fn sync(path: &Path) -> Result<(), Error> {
    File::open(path)
        .and_then(|file| file.sync_all())
        .map_err(|source| Error::Sync { path: path.to_owned(), source })
}

/// Whether a node opens as this device.
pub fn opens_as(node: &Path, number: DevNum) -> bool {
    OpenOptions::new()
        .read(true)
        .custom_flags(libc::O_NONBLOCK)
        .open(node)
        .and_then(|node| node.metadata())
        .is_ok_and(|node| loops::number(node.rdev()) == number)
}

/// The name of the block device with this number, such as `loop0`; `sys` is the host's /sys.
pub fn device_name(sys: &Path, number: DevNum) -> String {
    let link = sys.join("dev/block").join(number.to_string());
    let target = fs::read_link(link).unwrap_or_default();
    target.file_name().map_or_else(|| number.to_string(), |name| name.to_string_lossy().into())
}

/// One line of /sys about a block device; empty when it cannot be read.
pub fn block_attribute(sys: &Path, device: &str, attribute: &str) -> String {
    let path: PathBuf = sys.join("block").join(device).join(attribute);
    fs::read_to_string(path).unwrap_or_default().trim_end_matches('\n').to_owned()
}

/// The devices that stand on a block device.
pub fn holders(sys: &Path, device: &str) -> Vec<String> {
    related(sys, device, "holders")
}

/// The devices that a block device stands on.
pub fn slaves(sys: &Path, device: &str) -> Vec<String> {
    related(sys, device, "slaves")
}

fn related(sys: &Path, device: &str, how: &str) -> Vec<String> {
    let Ok(entries) = fs::read_dir(sys.join("block").join(device).join(how)) else {
        return Vec::new();
    };
    let names = entries.flatten().map(|entry| entry.file_name().to_string_lossy().into_owned());
    names.collect()
}

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

    use super::*;

    #[test]
    fn facts_are_those_that_the_standard_library_tells() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("data");
        assert_eq!(facts(&path).unwrap(), None);
        assert_eq!(facts(&path.join("below")).unwrap(), None);
        fs::write(&path, [7; 5000]).unwrap();
        assert_eq!(facts(&path.join("below")).unwrap(), None);
        for path in [&path, folder.path()] {
            let metadata = fs::metadata(path).unwrap();
            let born = metadata.created().unwrap().duration_since(UNIX_EPOCH).unwrap();
            let expected = FileFacts {
                id: FileId { device: metadata.dev(), inode: metadata.ino() },
                regular: metadata.is_file(),
                born: Some(u64::try_from(born.as_nanos()).unwrap()),
                size: metadata.len(),
                allocated: metadata.blocks() * SECTOR,
            };
            assert_eq!(facts(path).unwrap(), Some(expected));
        }
        let unknown = facts(Path::new("/proc/version")).unwrap().unwrap();
        assert_eq!(unknown.born, None);
    }
}
