//! Where the members of a tar archive stand. Nothing but headers is read.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, ErrorKind};
use std::os::unix::fs::FileExt;

use mvm_images_plan::archive;
use tar::{EntryType, Header, PaxExtensions};

/// What a gzip stream begins with.
pub(super) const GZIP: &[u8] = &[0x1f, 0x8b];
/// What a zstd stream begins with.
const ZSTD: &[u8] = &[0x28, 0xb5, 0x2f, 0xfd];
/// Headers and padding come in blocks of so many bytes.
const BLOCK: u64 = 512;
/// Members of one archive: each image has a manifest, a configuration and at most 127 layers.
const MEMBERS: usize = 100_000;
/// Bytes of the further attributes of one member.
const ATTRIBUTES: u64 = 64 << 10;

/// Where a member's bytes are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Span {
    /// Bytes from the file's beginning.
    pub offset: u64,
    /// Length in bytes.
    pub size: u64,
}

/// A member that may hold a part of an image; folders and devices are left out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Member {
    /// It has bytes.
    File(Span),
    /// It is another one under a second name.
    Link(String),
}

/// What a header is preceded by.
#[derive(Default)]
struct Attributes {
    path: Option<Vec<u8>>,
    link: Option<Vec<u8>>,
    size: Option<u64>,
}

/// All members, the last of each name.
pub(super) fn members(file: &File) -> io::Result<BTreeMap<String, Member>> {
    let length = file.metadata()?.len();
    let (mut members, mut position, mut attributes) = (BTreeMap::new(), 0, Attributes::default());
    for _ in 0..MEMBERS {
        let Some(header) = header(file, position, length)? else {
            return Ok(members);
        };
        let size = attributes.size.take().map_or_else(|| header.entry_size(), Ok)?;
        let span = Span { offset: position + BLOCK, size };
        let end = span.offset.checked_add(size).filter(|end| *end <= length);
        let end = end.ok_or_else(|| bad("it ends within a member"))?;
        position = end.next_multiple_of(BLOCK);
        match header.entry_type() {
            EntryType::XHeader => attributes.read(&text(file, &span)?)?,
            EntryType::GNULongName => attributes.path = Some(trimmed(text(file, &span)?)),
            EntryType::GNULongLink => attributes.link = Some(trimmed(text(file, &span)?)),
            EntryType::XGlobalHeader => {}
            kind => {
                let Attributes { path, link, .. } = std::mem::take(&mut attributes);
                let path = path.unwrap_or_else(|| header.path_bytes().into_owned());
                let target =
                    link.or_else(|| header.link_name_bytes().map(|link| link.into_owned()));
                let Some(name) = archive::member(&path) else {
                    if kind.is_dir() {
                        continue;
                    }
                    return Err(bad("the path of a member leads out of it"));
                };
                if let Some(member) = member(kind, &name, span, target) {
                    members.insert(name, member);
                }
            }
        }
    }
    Err(bad("it has more members than an archive of images"))
}

fn member(kind: EntryType, name: &str, span: Span, target: Option<Vec<u8>>) -> Option<Member> {
    match kind {
        EntryType::Regular | EntryType::Continuous => Some(Member::File(span)),
        EntryType::Symlink => archive::link(name, &target?).map(Member::Link),
        EntryType::Link => archive::member(&target?).map(Member::Link),
        _ => None,
    }
}

/// The header at a position; `None` at the archive's end.
fn header(file: &File, position: u64, length: u64) -> io::Result<Option<Header>> {
    // Some programs leave the two empty blocks at the end out.
    if position >= length && position > 0 {
        return Ok(None);
    }
    let mut header = Header::new_old();
    let bytes = header.as_mut_bytes();
    file.read_exact_at(bytes, position).map_err(|error| match error.kind() {
        ErrorKind::UnexpectedEof => bad("it ends within a header"),
        _ => error,
    })?;
    if position == 0 && (bytes.starts_with(GZIP) || bytes.starts_with(ZSTD)) {
        return Err(bad("it is compressed"));
    }
    if bytes.iter().all(|byte| *byte == 0) {
        return Ok(None);
    }
    // The checksum's own field counts as blanks.
    let others = bytes[..148].iter().chain(&bytes[156..]);
    let sum = others.map(|byte| u32::from(*byte)).sum::<u32>() + 8 * u32::from(b' ');
    match header.cksum() {
        Ok(written) if written == sum => Ok(Some(header)),
        _ => Err(bad("it is no tar archive")),
    }
}

impl Attributes {
    fn read(&mut self, text: &[u8]) -> io::Result<()> {
        for one in PaxExtensions::new(text) {
            let one = one?;
            let value = one.value_bytes();
            match one.key_bytes() {
                b"path" => self.path = Some(value.to_vec()),
                b"linkpath" => self.link = Some(value.to_vec()),
                b"size" => {
                    let size = std::str::from_utf8(value).ok().and_then(|size| size.parse().ok());
                    self.size = Some(size.ok_or_else(|| bad("a member has no size"))?);
                }
                // A sparse member's bytes are not the file's.
                key if key.starts_with(b"GNU.sparse") => return Err(bad("a member is sparse")),
                _ => {}
            }
        }
        Ok(())
    }
}

fn text(file: &File, span: &Span) -> io::Result<Vec<u8>> {
    let size = Some(span.size).filter(|size| *size <= ATTRIBUTES);
    let size = size.and_then(|size| usize::try_from(size).ok());
    let mut bytes = vec![0; size.ok_or_else(|| bad("a member has too many attributes"))?];
    file.read_exact_at(&mut bytes, span.offset)?;
    Ok(bytes)
}

/// A long name without the zero byte at its end.
fn trimmed(mut name: Vec<u8>) -> Vec<u8> {
    if let Some(end) = name.iter().position(|byte| *byte == 0) {
        name.truncate(end);
    }
    name
}

fn bad(problem: &str) -> io::Error {
    io::Error::new(ErrorKind::InvalidData, problem)
}
