//! Copies and digests of metadata. A file of them has gibibytes of holes and little in them.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::Path;

use nix::errno::Errno;
use nix::unistd::{Whence, lseek};
use sha2::{Digest, Sha256};

/// Metadata are made of blocks of this many bytes.
const BLOCK: usize = 4096;
/// So much is read at once, in bytes.
const PIECE: usize = 256 * BLOCK;

/// The digest of a file: of its length, and of each block that is not all zeros with its place, so
/// that it does not matter where the holes are.
pub(super) fn digest(path: &Path) -> io::Result<[u8; 32]> {
    let file = File::open(path)?;
    let mut sum = Sha256::new();
    blocks(&file, |at, block| {
        sum.update(at.to_le_bytes());
        sum.update(block);
        Ok(())
    })?;
    sum.update(length(&file)?.to_le_bytes());
    Ok(sum.finalize().into())
}

/// Copies a file, holes and all, and brings the copy to stable storage under its name at once: there
/// is no half of it at any moment.
pub(super) fn copy(from: &Path, to: &Path) -> io::Result<()> {
    let part = to.with_extension("part");
    let _ = fs::remove_file(&part);
    let (source, target) = (File::open(from)?, create(&part, from)?);
    blocks(&source, |at, block| target.write_all_at(block, at))?;
    target.sync_all()?;
    fs::rename(&part, to)?;
    sync_folder(to)
}

/// Copies a file up to the last block that is not all zeros.
pub(super) fn head(from: &Path, to: &Path) -> io::Result<()> {
    let _ = fs::remove_file(to);
    let (source, target) = (File::open(from)?, create(to, from)?);
    let mut end = 0;
    blocks(&source, |at, block| {
        end = at + block.len() as u64;
        target.write_all_at(block, at)
    })?;
    target.set_len(end.max(BLOCK as u64))
}

/// A new empty file for root alone that is as long as another one.
pub(super) fn create(path: &Path, like: &Path) -> io::Result<File> {
    let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.set_len(length(&File::open(like)?)?)?;
    Ok(file)
}

/// Of a file or a block device, in bytes.
fn length(file: &File) -> io::Result<u64> {
    let end = lseek(file, 0, Whence::SeekEnd).map_err(io::Error::from)?;
    u64::try_from(end).map_err(io::Error::other)
}

/// Brings the names in a file's directory to stable storage.
pub(super) fn sync_folder(of: &Path) -> io::Result<()> {
    File::open(of.parent().unwrap_or(Path::new("/")))?.sync_all()
}

/// Every block that is not all zeros, with the byte at which it begins.
fn blocks(file: &File, mut take: impl FnMut(u64, &[u8]) -> io::Result<()>) -> io::Result<()> {
    let mut piece = vec![0; PIECE];
    let mut at = 0;
    while let Some((start, end)) = extent(file, at)? {
        // Holes need not begin and end where blocks do.
        at = start - start % BLOCK as u64;
        while at < end {
            let read = read_at_most(file, &mut piece, at)?;
            if read == 0 {
                return Ok(());
            }
            for block in piece.get(..read).unwrap_or_default().chunks(BLOCK) {
                if block.iter().any(|byte| *byte != 0) {
                    take(at, block)?;
                }
                at += block.len() as u64;
            }
        }
    }
    Ok(())
}

/// The next extent with data at or behind `from`; `None` at the end of the file.
fn extent(file: &File, from: u64) -> io::Result<Option<(u64, u64)>> {
    let seek = |at: u64, whence| {
        let at = i64::try_from(at).map_err(|_| io::Error::from(Errno::EFBIG))?;
        match lseek(file, at, whence) {
            Ok(found) => Ok(u64::try_from(found).ok()),
            Err(Errno::ENXIO) => Ok(None),
            Err(errno) => Err(io::Error::from(errno)),
        }
    };
    let start = match seek(from, Whence::SeekData) {
        // A block device knows of no holes.
        Err(error) if error.kind() == io::ErrorKind::InvalidInput => {
            let end = length(file)?;
            return Ok((from < end).then_some((from, end)));
        }
        start => start?,
    };
    let Some(start) = start else {
        return Ok(None);
    };
    Ok(seek(start, Whence::SeekHole)?.map(|end| (start, end)))
}

fn read_at_most(file: &File, piece: &mut [u8], at: u64) -> io::Result<usize> {
    let mut read = 0;
    while let Some(rest) = piece.get_mut(read..).filter(|rest| !rest.is_empty()) {
        match file.read_at(rest, at + read as u64) {
            Ok(0) => break,
            Ok(count) => read += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(read)
}
