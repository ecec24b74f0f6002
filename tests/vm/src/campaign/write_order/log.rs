//! What dm-log-writes recorded, in the order in which it reached the disk. The format is that of Linux,
//! drivers/md/dm-log-writes.c: a block that says how many entries there are and how long a sector is;
//! then for each entry a sector with its head, and what was written.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;

use anyhow::{Context as _, Result, ensure};

const MAGIC: u64 = 0x006a_7366_7773_6872;
const VERSION: u64 = 1;
const FLUSH: u64 = 1 << 0;
const FUA: u64 = 1 << 1;
const DISCARD: u64 = 1 << 2;
const MARK: u64 = 1 << 3;
/// Of an entry's head, in bytes; a mark's text follows it in the same sector.
const HEAD: usize = 32;
/// No sector is longer than this, in bytes.
const LONGEST_SECTOR: u64 = 4096;

/// A write, a discard, a flush or a mark of the recording.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    /// Where on the disk, in bytes.
    at: u64,
    /// How much, in bytes.
    length: u64,
    /// Where in the log the bytes are.
    from: u64,
    discard: bool,
    /// Everything before it, and it, is on the disk for good.
    boundary: bool,
    /// What the recording says that it has reached.
    pub(super) mark: Option<String>,
}

impl Entry {
    /// Whether it changes the disk.
    const fn writes(&self) -> bool {
        self.length > 0
    }
}

/// A log, and where in it each entry is.
#[derive(Debug)]
pub(super) struct Log {
    file: File,
    pub(super) entries: Vec<Entry>,
}

impl Log {
    /// Reads the heads of a log that begins at byte `start` of the file.
    pub(super) fn open(file: File, start: u64) -> Result<Self> {
        let mut head = [0; 28];
        file.read_exact_at(&mut head, start).context("the log has no first block")?;
        ensure!(number(&head, 0) == MAGIC, "this is no log of dm-log-writes");
        ensure!(number(&head, 8) == VERSION, "the log has version {}", number(&head, 8));
        let sector = number(&head, 24) & 0xffff_ffff;
        ensure!((512..=LONGEST_SECTOR).contains(&sector), "its sectors have {sector} bytes");
        let mut entries = Vec::new();
        let mut place = start + sector;
        for entry in 0..number(&head, 16) {
            let entry = read_head(&file, place, sector)
                .with_context(|| format!("entry {entry} of the log"))?;
            place = if entry.discard { entry.from } else { entry.from + entry.length };
            entries.push(entry);
        }
        Ok(Self { file, entries })
    }

    /// The numbers of the entries up to which everything was on the disk for good.
    pub(super) fn boundaries(&self) -> Vec<usize> {
        let numbered = self.entries.iter().enumerate();
        numbered.filter(|(_, entry)| entry.boundary).map(|(number, _)| number).collect()
    }

    /// The writes after entry `after` that nothing makes last before entry `until`: each of them may be
    /// on the disk or not when the power goes.
    pub(super) fn unsettled(&self, after: usize, until: usize) -> Vec<usize> {
        (after + 1..until).filter(|one| self.entries.get(*one).is_some_and(Entry::writes)).collect()
    }

    /// The last mark up to entry `last`.
    pub(super) fn mark(&self, last: usize) -> Option<&str> {
        self.entries.iter().take(last + 1).rev().find_map(|entry| entry.mark.as_deref())
    }

    /// Every mark up to entry `last`.
    pub(super) fn marks(&self, last: usize) -> impl Iterator<Item = &str> {
        self.entries.iter().take(last + 1).filter_map(|entry| entry.mark.as_deref())
    }

    /// Does again what an entry did.
    pub(super) fn replay(&self, number: usize, disk: &File) -> Result<()> {
        let Some(entry) = self.entries.get(number) else { return Ok(()) };
        let mut bytes = vec![0; usize::try_from(entry.length)?];
        // What was discarded reads as zeros, as it does from the guest's disk.
        if !entry.discard {
            self.file.read_exact_at(&mut bytes, entry.from)?;
        }
        disk.write_all_at(&bytes, entry.at).with_context(|| format!("replaying entry {number}"))
    }
}

fn read_head(file: &File, place: u64, sector: u64) -> io::Result<Entry> {
    let mut head = vec![0; usize::try_from(sector).unwrap_or(HEAD)];
    file.read_exact_at(&mut head, place)?;
    let flags = number(&head, 16);
    let is = |flag| flags & flag != 0;
    let text = usize::try_from(number(&head, 24)).unwrap_or_default();
    let text = head.get(HEAD..HEAD.saturating_add(text)).unwrap_or_default();
    let bytes = |sectors: u64| {
        let overflow = || io::Error::new(io::ErrorKind::InvalidData, "a number is too large");
        sectors.checked_mul(sector).ok_or_else(overflow)
    };
    Ok(Entry {
        at: bytes(number(&head, 0))?,
        length: bytes(number(&head, 8))?,
        from: place + sector,
        discard: is(DISCARD),
        boundary: is(FLUSH | FUA),
        mark: is(MARK).then(|| String::from_utf8_lossy(text).trim_end_matches('\0').to_owned()),
    })
}

/// Eight bytes, lowest first; zeros where there are none.
fn number(bytes: &[u8], at: usize) -> u64 {
    let eight = bytes.iter().skip(at).take(8).rev();
    eight.fold(0, |number, byte| number << 8 | u64::from(*byte))
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    fn entry(sector: u64, sectors: u64, flags: u64, data: &[u8]) -> Vec<u8> {
        let text = if flags & MARK == 0 { 0 } else { data.len() as u64 };
        let mut bytes: Vec<u8> =
            [sector, sectors, flags, text].iter().flat_map(|number| number.to_le_bytes()).collect();
        if text > 0 {
            bytes.extend_from_slice(data);
        }
        bytes.resize(512, 0);
        if text == 0 {
            bytes.extend_from_slice(data);
        }
        bytes
    }

    fn log(entries: &[Vec<u8>]) -> Log {
        let mut file = tempfile::tempfile().unwrap();
        let count = entries.len() as u64;
        // As a kernel wrote it.
        let mut head = b"rhswfsj\0".to_vec();
        head.extend([VERSION, count].iter().flat_map(|number| number.to_le_bytes()));
        head.extend_from_slice(&512_u32.to_le_bytes());
        head.resize(512, 0);
        file.write_all(&[0; 100]).unwrap();
        file.write_all(&head).unwrap();
        file.write_all(&entries.concat()).unwrap();
        Log::open(file, 100).unwrap()
    }

    #[test]
    fn a_log_is_read_and_done_again() {
        let log = log(&[
            entry(0, 1, 0, &[1; 512]),
            entry(2, 1, FLUSH | FUA, &[2; 512]),
            entry(0, 0, MARK, b"applied"),
            entry(0, 1, DISCARD, &[]),
            entry(1, 1, 0, &[3; 512]),
            entry(0, 0, FLUSH, &[]),
        ]);
        assert_eq!(log.boundaries(), [1, 5]);
        assert_eq!(log.unsettled(1, 5), [3, 4]);
        assert_eq!((log.mark(1), log.mark(5)), (None, Some("applied")));
        let disk = tempfile::tempfile().unwrap();
        for number in 0..log.entries.len() {
            log.replay(number, &disk).unwrap();
        }
        let mut bytes = vec![9; 3 * 512];
        disk.read_exact_at(&mut bytes, 0).unwrap();
        assert_eq!([bytes[0], bytes[512], bytes[1024]], [0, 3, 2]);
    }

    #[test]
    fn what_is_no_log_is_refused() {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(&[0; 1024]).unwrap();
        assert!(Log::open(file, 0).is_err());
    }
}
