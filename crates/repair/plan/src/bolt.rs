//! Reads buckets out of a bolt database, the format of containerd's databases.
//!
//! No crate does: the ones there are map the file into memory and open it for writing. The bytes
//! are somebody else's: every offset is checked, and no page is read more often than there are
//! pages.
//!
//! The layout is that of go.etcd.io/bbolt (page.go, bucket.go, db.go): pages of one size, each with
//! a header of 16 bytes (id, flags, count, overflow); the first two pages say where the root is; a
//! leaf's elements are (flags, offset, key length, value length), a branch's are (offset, key
//! length, page), and a bucket is a leaf's value: (root page, sequence), with the page itself behind
//! it when the root is 0.

use std::cell::Cell;
use std::fmt;

/// What is wrong with a database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotBolt(&'static str);

impl fmt::Display for NotBolt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "not a sound bolt database: {}", self.0)
    }
}

impl std::error::Error for NotBolt {}

const MAGIC: u32 = 0xED0C_DAED;
const FORMAT: u32 = 2;
const BRANCH: u16 = 0x01;
const LEAF: u16 = 0x02;
/// The flag of a leaf's element that is a bucket.
const BUCKET: u32 = 0x01;
/// Length of a page's header, and of one element in it, in bytes.
const HEADER: usize = 16;
/// Length of a bucket's value without the page behind it, in bytes.
const BUCKET_HEADER: usize = 16;
/// Length of a meta page's content before its checksum, in bytes.
const META: usize = 56;
/// bbolt takes the page size of the machine; no Linux has smaller or larger ones than these.
const PAGE_SIZES: [usize; 5] = [4096, 8192, 16384, 32768, 65536];
/// A tree with more levels than this is not one: a branch has at least two children.
const DEPTH: usize = 32;

/// A key and its value.
pub type Pair<'a> = (&'a [u8], &'a [u8]);

/// The keys and values of the bucket `name` at the top; `None` when there is no such bucket.
///
/// # Errors
/// When the bytes are not those of a sound database.
pub fn bucket<'a>(bytes: &'a [u8], name: &[u8]) -> Result<Option<Vec<Pair<'a>>>, NotBolt> {
    let database = Database::open(bytes)?;
    Ok(database.top()?.bucket(&database, name)?.map(|bucket| bucket.pairs))
}

/// A database whose bytes are there as a whole.
#[derive(Debug)]
pub struct Database<'a> {
    bytes: &'a [u8],
    size: usize,
    root: u64,
    /// So many pages and elements may still be read: a sound database has no more of them than
    /// its bytes have room for, and it is read a few times at most.
    budget: Cell<usize>,
}

impl<'a> Database<'a> {
    /// # Errors
    /// When the bytes are not those of a sound database.
    pub fn open(bytes: &'a [u8]) -> Result<Self, NotBolt> {
        let meta = meta(bytes)?;
        Ok(Self { bytes, size: meta.page_size, root: meta.root, budget: Cell::new(bytes.len()) })
    }

    /// The bucket that holds all others.
    ///
    /// # Errors
    /// When the bytes are not those of a sound database.
    pub fn top(&self) -> Result<Bucket<'a>, NotBolt> {
        let mut elements = Vec::new();
        self.collect(self.root, DEPTH, &mut elements)?;
        Ok(Bucket::new(0, elements))
    }

    /// Where in the database this value begins, in bytes.
    pub fn place(&self, value: &[u8]) -> Option<usize> {
        let place = value.as_ptr().addr().checked_sub(self.bytes.as_ptr().addr())?;
        let there = self.bytes.get(place..)?.get(..value.len())?;
        std::ptr::eq(there, value).then_some(place)
    }
}

/// A bucket, read; its names are bytes, in the order of the file.
#[derive(Debug)]
pub struct Bucket<'a> {
    /// How many numbers were given out in it.
    pub sequence: u64,
    /// Its keys and values.
    pub pairs: Vec<Pair<'a>>,
    buckets: Vec<Pair<'a>>,
}

impl<'a> Bucket<'a> {
    fn new(sequence: u64, elements: Vec<Element<'a>>) -> Self {
        let (buckets, pairs): (Vec<_>, Vec<_>) =
            elements.into_iter().partition(|element| element.bucket);
        let pair = |element: Element<'a>| (element.key, element.value);
        Self {
            sequence,
            pairs: pairs.into_iter().map(pair).collect(),
            buckets: buckets.into_iter().map(pair).collect(),
        }
    }

    /// The value of this key; `None` also for a bucket of that name.
    pub fn value(&self, name: &[u8]) -> Option<&'a [u8]> {
        self.pairs.iter().find(|(key, _)| *key == name).map(|(_, value)| *value)
    }

    /// The names of the buckets in it, not of its keys.
    pub fn names(&self) -> impl Iterator<Item = &'a [u8]> {
        self.buckets.iter().map(|(key, _)| *key)
    }

    /// The bucket `name` in it.
    ///
    /// # Errors
    /// When the bytes are not those of a sound database.
    pub fn bucket(&self, database: &Database<'a>, name: &[u8]) -> Result<Option<Self>, NotBolt> {
        let Some((_, value)) = self.buckets.iter().find(|(key, _)| *key == name) else {
            return Ok(None);
        };
        let (root, sequence) = (u64_at(value, 0)?, u64_at(value, 8)?);
        let mut elements = Vec::new();
        if root == 0 {
            let page = value.get(BUCKET_HEADER..).unwrap_or_default();
            database.page(page, 0, &mut elements)?;
        } else {
            database.collect(root, DEPTH, &mut elements)?;
        }
        Ok(Some(Self::new(sequence, elements)))
    }

    /// The bucket at the end of a path, which is empty where one of its names is not there.
    ///
    /// # Errors
    /// When the bytes are not those of a sound database.
    pub fn at(self, database: &Database<'a>, path: &[&[u8]]) -> Result<Self, NotBolt> {
        path.iter().try_fold(self, |bucket, name| {
            Ok(bucket.bucket(database, name)?.unwrap_or_else(|| Self::new(0, Vec::new())))
        })
    }
}

struct Meta {
    page_size: usize,
    root: u64,
    transaction: u64,
}

/// The younger one of the two meta pages that is whole: a database that was being written when the
/// power went has the other.
fn meta(bytes: &[u8]) -> Result<Meta, NotBolt> {
    let first = meta_at(bytes, 0);
    let sizes = first.as_ref().map_or(PAGE_SIZES.to_vec(), |first| vec![first.page_size]);
    let seconds = sizes
        .into_iter()
        .filter_map(|size| meta_at(bytes, size).filter(|second| second.page_size == size));
    let all = first.into_iter().chain(seconds);
    all.max_by_key(|meta| meta.transaction).ok_or(NotBolt("no meta page is whole"))
}

fn meta_at(bytes: &[u8], page: usize) -> Option<Meta> {
    let content = bytes.get(page.checked_add(HEADER)?..)?;
    let sum = u64_at(content, META).ok()?;
    let sound = u32_at(content, 0) == Ok(MAGIC)
        && u32_at(content, 4) == Ok(FORMAT)
        && fnv(content.get(..META)?) == sum;
    let page_size = usize::try_from(u32_at(content, 8).ok()?).ok()?;
    (sound && PAGE_SIZES.contains(&page_size)).then_some(Meta {
        page_size,
        root: u64_at(content, 16).ok()?,
        transaction: u64_at(content, 48).ok()?,
    })
}

/// FNV-1a with 64 bits, the checksum of a meta page.
fn fnv(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

#[derive(Debug)]
struct Element<'a> {
    bucket: bool,
    key: &'a [u8],
    value: &'a [u8],
}

impl<'a> Database<'a> {
    fn spend(&self, bytes: usize) -> Result<(), NotBolt> {
        let remaining = self.budget.get().checked_sub(bytes);
        self.budget.set(remaining.ok_or(NotBolt("its pages go round in circles"))?);
        Ok(())
    }

    /// All leaf elements below page `id`.
    fn collect(&self, id: u64, depth: usize, into: &mut Vec<Element<'a>>) -> Result<(), NotBolt> {
        let outside = NotBolt("a page is outside of the file");
        let start = usize::try_from(id).ok().and_then(|id| id.checked_mul(self.size));
        let from = self.bytes.get(start.ok_or(outside)?..).ok_or(outside)?;
        if u64_at(from, 0)? != id {
            return Err(NotBolt("a page has another number than its place"));
        }
        let more = usize::try_from(u32_at(from, 12)?).map_err(|_| outside)?;
        let pages = more.checked_add(1).ok_or(outside)?;
        self.spend(pages)?;
        let length = pages.checked_mul(self.size);
        let page = from.get(..length.ok_or(outside)?).ok_or(outside)?;
        self.page(page, depth, into)
    }

    fn page(
        &self,
        page: &'a [u8],
        depth: usize,
        into: &mut Vec<Element<'a>>,
    ) -> Result<(), NotBolt> {
        let (flags, count) = (u16_at(page, 8)?, u16_at(page, 10)?);
        self.spend(usize::from(count))?;
        for index in 0..usize::from(count) {
            let outside = NotBolt("an element is outside of its page");
            let element = page.get(HEADER * (index + 1)..).ok_or(outside)?;
            match flags {
                LEAF => into.push(leaf(element)?),
                BRANCH => {
                    let depth = depth.checked_sub(1).ok_or(NotBolt("it has too many levels"))?;
                    self.collect(u64_at(element, 8)?, depth, into)?;
                }
                _ => return Err(NotBolt("a page is neither branch nor leaf")),
            }
        }
        Ok(())
    }
}

fn leaf(element: &[u8]) -> Result<Element<'_>, NotBolt> {
    let number = |at| u32_at(element, at).map(|number| number as usize);
    let (key, value) = (number(8)?, number(12)?);
    let outside = NotBolt("a value is outside of its page");
    let content = element.get(number(4)?..).ok_or(outside)?;
    let (key, rest) = content.split_at_checked(key).ok_or(outside)?;
    let value = rest.get(..value).ok_or(outside)?;
    Ok(Element { bucket: u32_at(element, 0)? & BUCKET != 0, key, value })
}

const SHORT: NotBolt = NotBolt("it ends too early");

fn u16_at(bytes: &[u8], at: usize) -> Result<u16, NotBolt> {
    let number = bytes.get(at..).and_then(|rest| rest.first_chunk()).ok_or(SHORT)?;
    Ok(u16::from_le_bytes(*number))
}

fn u32_at(bytes: &[u8], at: usize) -> Result<u32, NotBolt> {
    let number = bytes.get(at..).and_then(|rest| rest.first_chunk()).ok_or(SHORT)?;
    Ok(u32::from_le_bytes(*number))
}

fn u64_at(bytes: &[u8], at: usize) -> Result<u64, NotBolt> {
    let number = bytes.get(at..).and_then(|rest| rest.first_chunk()).ok_or(SHORT)?;
    Ok(u64::from_le_bytes(*number))
}
