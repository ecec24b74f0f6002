//! A pool as others than its metadata know it.

/// What is known of a pool from elsewhere than from its metadata.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Outline {
    /// Size of one block of data, in sectors.
    pub block_sectors: u64,
    /// How many blocks of data its table has.
    pub blocks: u64,
    /// The transaction that LVM expects; `None` where nobody expects any.
    pub transaction: Option<u64>,
}

impl Outline {
    /// What thin_repair has to be told when the superblock is lost.
    pub fn overrides(&self) -> [String; 6] {
        let pairs = [
            // containerd never touches it: it is what the kernel began with.
            ("--transaction-id", self.transaction.unwrap_or(0)),
            ("--data-block-size", self.block_sectors),
            ("--nr-data-blocks", self.blocks),
        ];
        let [a, b, c] = pairs.map(|(option, value)| (option.to_owned(), value.to_string()));
        [a.0, a.1, b.0, b.1, c.0, c.1]
    }
}
