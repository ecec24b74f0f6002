//! The first block of a pool's metadata. Offsets are those of `struct thin_disk_superblock` in the
//! kernel's drivers/md/dm-thin-metadata.c; all numbers are little endian.

use crc::{CRC_32_ISCSI, Crc};
use serde::Serialize;

/// What the first block of a metadata file shows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Superblock {
    /// Nothing but zeroes: what the kernel takes as leave to make a new pool.
    Blank,
    /// A pool's metadata.
    Pool(PoolSuperblock),
    /// Something else.
    Foreign,
}

/// The facts of a pool's superblock that mvmhost uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct PoolSuperblock {
    /// Version of the metadata's format.
    pub version: u32,
    /// The kernel wants thin_check to have been run.
    pub needs_check: bool,
    /// The number that LVM counts up with what it does to a pool, and expects at activation.
    pub transaction: u64,
    /// Length of the pool's data in blocks; 0 between the making of a pool and its first resume.
    pub data_blocks: u64,
    /// Size of one block of data, in sectors of 512 bytes.
    pub data_block_sectors: u32,
    /// Length of the metadata in blocks of 4 KiB.
    pub metadata_blocks: u64,
}

/// `THIN_SUPERBLOCK_MAGIC`
const MAGIC: u64 = 27_022_010;
/// `SUPERBLOCK_CSUM_XOR`
const CHECKSUM_XOR: u32 = 160_774;
/// Bit 0 of the flags: `THIN_METADATA_NEEDS_CHECK_FLAG`.
const NEEDS_CHECK: u32 = 1;
/// `DATA_DEV_BLOCK_SIZE_MIN_SECTORS` (64 KiB); every block size is a multiple of it.
const MIN_BLOCK_SECTORS: u32 = 128;
/// `DATA_DEV_BLOCK_SIZE_MAX_SECTORS` (1 GiB).
const MAX_BLOCK_SECTORS: u32 = 2_097_152;

impl Superblock {
    /// How much of the file has to be read: one metadata block, which is also what the kernel
    /// looks at when it decides that a device is blank.
    pub const LENGTH: usize = 4096;

    /// Reads the first [`Self::LENGTH`] bytes of a metadata file, or fewer when it is shorter.
    pub fn parse(block: &[u8]) -> Self {
        if block.iter().all(|byte| *byte == 0) {
            return Self::Blank;
        }
        Self::pool(block).map_or(Self::Foreign, Self::Pool)
    }

    fn pool(block: &[u8]) -> Option<PoolSuperblock> {
        if u64_at(block, 32)? != MAGIC {
            return None;
        }
        let sectors = u32_at(block, 336)?;
        let sane = (MIN_BLOCK_SECTORS..=MAX_BLOCK_SECTORS).contains(&sectors)
            && sectors.is_multiple_of(MIN_BLOCK_SECTORS);
        sane.then_some(PoolSuperblock {
            version: u32_at(block, 40)?,
            needs_check: u32_at(block, 4)? & NEEDS_CHECK != 0,
            transaction: u64_at(block, 48)?,
            // First field of the data space map's root.
            data_blocks: u64_at(block, 64)?,
            data_block_sectors: sectors,
            metadata_blocks: u64_at(block, 344)?,
        })
    }
}

/// The same first block with another transaction; `None` when its checksum is not the kernel's.
pub fn with_transaction(block: &[u8], transaction: u64) -> Option<Vec<u8>> {
    let mut block = block.get(..Superblock::LENGTH)?.to_vec();
    if u32_at(&block, 0)? != checksum(&block)? {
        return None;
    }
    block.get_mut(48..56)?.copy_from_slice(&transaction.to_le_bytes());
    let sum = checksum(&block)?;
    block.get_mut(..4)?.copy_from_slice(&sum.to_le_bytes());
    Some(block)
}

/// `dm_bm_checksum` of everything behind the checksum. The kernel does not invert at the end, as
/// CRC-32C does.
fn checksum(block: &[u8]) -> Option<u32> {
    let sum = Crc::<u32>::new(&CRC_32_ISCSI).checksum(block.get(4..)?);
    Some(!sum ^ CHECKSUM_XOR)
}

fn u32_at(block: &[u8], offset: usize) -> Option<u32> {
    block.get(offset..)?.first_chunk().copied().map(u32::from_le_bytes)
}

fn u64_at(block: &[u8], offset: usize) -> Option<u64> {
    block.get(offset..)?.first_chunk().copied().map(u64::from_le_bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn block() -> Vec<u8> {
        let mut block = vec![0; Superblock::LENGTH];
        block[0..4].copy_from_slice(&0xdead_beef_u32.to_le_bytes());
        block[32..40].copy_from_slice(&MAGIC.to_le_bytes());
        block[40..44].copy_from_slice(&2_u32.to_le_bytes());
        block[48] = 3;
        block[64..72].copy_from_slice(&1_638_400_u64.to_le_bytes());
        block[336..340].copy_from_slice(&128_u32.to_le_bytes());
        block[344..352].copy_from_slice(&2_621_440_u64.to_le_bytes());
        block
    }

    #[test]
    fn a_pool_is_read() {
        let expected = PoolSuperblock {
            version: 2,
            needs_check: false,
            transaction: 3,
            data_blocks: 1_638_400,
            data_block_sectors: 128,
            metadata_blocks: 2_621_440,
        };
        assert_eq!(Superblock::parse(&block()), Superblock::Pool(expected));
        let mut flagged = block();
        flagged[4] = 1;
        assert_eq!(
            Superblock::parse(&flagged),
            Superblock::Pool(PoolSuperblock { needs_check: true, ..expected })
        );
    }

    #[test]
    fn blank_and_foreign_are_told_apart() {
        assert_eq!(Superblock::parse(&[]), Superblock::Blank);
        assert_eq!(Superblock::parse(&[0; Superblock::LENGTH]), Superblock::Blank);
        assert_eq!(Superblock::parse(b"hsqs"), Superblock::Foreign);
        assert_eq!(Superblock::parse(&block()[..351]), Superblock::Foreign);
        let mut odd = block();
        odd[336] = 129;
        assert_eq!(Superblock::parse(&odd), Superblock::Foreign);
    }

    /// Written by thin_restore 0.9.0 for transaction 5: its words that are not zero.
    const RESTORED: [(usize, u64); 14] = [
        (0, 0xbb51_7a0b),
        (32, MAGIC),
        (40, 0x2_0000_0002),
        (48, 5),
        (64, 1024),
        (72, 1),
        (80, 4),
        (88, 5),
        (192, 1024),
        (200, 11),
        (208, 1),
        (216, 2),
        (320, 7),
        (328, 6),
    ];

    #[test]
    fn another_transaction_has_another_checksum() {
        let mut block = vec![0; Superblock::LENGTH];
        for (at, word) in RESTORED {
            block[at..at + 8].copy_from_slice(&word.to_le_bytes());
        }
        block[336] = 128;
        block[340] = 8;
        block[344..352].copy_from_slice(&1024_u64.to_le_bytes());
        let other = with_transaction(&block, 0).unwrap();
        assert_ne!(other[..4], block[..4]);
        let Superblock::Pool(pool) = Superblock::parse(&other) else { panic!("{other:?}") };
        assert_eq!((pool.transaction, pool.data_blocks), (0, 1024));
        assert_eq!(with_transaction(&other, 5), Some(block.clone()), "and back");
        block[100] = 1;
        assert_eq!(with_transaction(&block, 0), None);
        assert_eq!(with_transaction(&block[..99], 0), None);
    }
}
