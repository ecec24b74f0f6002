//! The table line of a `thin-pool` target, as the kernel prints and reads it.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A kernel text line that is not what it should be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParseError {
    expected: &'static str,
    text: String,
}

impl ParseError {
    pub(super) fn new(expected: &'static str, text: &str) -> Self {
        Self { expected, text: text.to_owned() }
    }
}

impl fmt::Display for ParseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "not {}: {:?}", self.expected, self.text)
    }
}

impl std::error::Error for ParseError {}

/// A block device's number, `major:minor`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct DevNum {
    /// The driver's number; 7 is loop.
    pub major: u32,
    /// The device's number within its driver.
    pub minor: u32,
}

impl fmt::Display for DevNum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.major, self.minor)
    }
}

impl FromStr for DevNum {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        let bad = || ParseError::new("a device number", text);
        let (major, minor) = text.split_once(':').ok_or_else(bad)?;
        Ok(Self {
            major: major.parse().map_err(|_| bad())?,
            minor: minor.parse().map_err(|_| bad())?,
        })
    }
}

/// Everything of a pool's table that does not depend on the numbers its devices got this boot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Shape {
    /// Length of the pool's data, in sectors of 512 bytes.
    pub sectors: u64,
    /// Size of one block of the pool, in sectors; fixed for the life of a pool.
    pub block_sectors: u32,
    /// Free data blocks below which the kernel raises an event.
    pub low_water_blocks: u64,
    /// Feature words such as `skip_block_zeroing`, in the kernel's order.
    pub features: Vec<String>,
}

impl Shape {
    /// Block size of pools that mvmhost makes: 64 KiB, as provision.sh makes them.
    pub const BLOCK_SECTORS: u32 = 128;
    /// Low water mark of pools that mvmhost makes: 2 GiB, as provision.sh makes them.
    pub const LOW_WATER_BLOCKS: u64 = 32768;

    /// A new pool over `bytes` of data. Without `skip_block_zeroing`, unlike provision.sh: what a
    /// deleted microVM wrote must not be readable by the next one.
    pub fn new_pool(bytes: u64) -> Self {
        Self {
            sectors: bytes / SECTOR,
            block_sectors: Self::BLOCK_SECTORS,
            low_water_blocks: Self::LOW_WATER_BLOCKS,
            features: Vec::new(),
        }
    }

    /// Length of the pool's data in bytes.
    pub fn bytes(&self) -> u64 {
        self.sectors.saturating_mul(SECTOR)
    }

    /// The table line over these two devices; `{0}` and `{1}` of the kernel's documentation.
    fn write(&self, f: &mut fmt::Formatter<'_>, metadata: &str, data: &str) -> fmt::Result {
        write!(
            f,
            "0 {} thin-pool {metadata} {data} {} {}",
            self.sectors, self.block_sectors, self.low_water_blocks
        )?;
        if !self.features.is_empty() {
            write!(f, " {} {}", self.features.len(), self.features.join(" "))?;
        }
        Ok(())
    }
}

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.write(f, "<metadata>", "<data>")
    }
}

/// What the kernel and device-mapper call a sector.
pub const SECTOR: u64 = 512;

/// A pool's table: its [`Shape`] over two devices.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ThinPoolTable {
    /// The device that holds the metadata.
    pub metadata: DevNum,
    /// The device that holds the data.
    pub data: DevNum,
    /// The rest of the line.
    pub shape: Shape,
}

impl ThinPoolTable {
    /// The line without start, length and target name, as DM_TABLE_LOAD takes it.
    pub fn params(&self) -> String {
        let line = self.to_string();
        line.splitn(4, ' ').nth(3).unwrap_or_default().to_owned()
    }
}

impl fmt::Display for ThinPoolTable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.shape.write(f, &self.metadata.to_string(), &self.data.to_string())
    }
}

impl FromStr for ThinPoolTable {
    type Err = ParseError;

    /// Reads a line of `dmsetup table`. devicemapper's own parser indexes past the end of a short
    /// line and panics, so it is not used.
    fn from_str(line: &str) -> Result<Self, ParseError> {
        let bad = || ParseError::new("a thin-pool table", line);
        let mut fields = line.split_ascii_whitespace();
        let mut next = || fields.next().ok_or_else(bad);
        if next()? != "0" {
            return Err(bad());
        }
        let sectors = next()?.parse().map_err(|_| bad())?;
        if next()? != "thin-pool" {
            return Err(bad());
        }
        let metadata = next()?.parse()?;
        let data = next()?.parse()?;
        let block_sectors = next()?.parse().map_err(|_| bad())?;
        let low_water_blocks = next()?.parse().map_err(|_| bad())?;
        let count: usize = match fields.next() {
            Some(count) => count.parse().map_err(|_| bad())?,
            None => 0,
        };
        let features: Vec<String> = fields.take(count).map(str::to_owned).collect();
        if features.len() != count {
            return Err(bad());
        }
        Ok(Self {
            metadata,
            data,
            shape: Shape { sectors, block_sectors, low_water_blocks, features },
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_survives_the_round_trip() {
        for line in [
            "0 209715200 thin-pool 7:0 7:1 128 32768",
            "0 209715200 thin-pool 7:0 7:1 128 32768 1 skip_block_zeroing",
            "0 8 thin-pool 253:1048575 253:2 2097152 0 2 skip_block_zeroing error_if_no_space",
        ] {
            let table: ThinPoolTable = line.parse().unwrap();
            assert_eq!(table.to_string(), line);
        }
    }

    #[test]
    fn the_kernels_own_form_is_read() {
        let table: ThinPoolTable = "0 8192 thin-pool 7:0 7:1 128 32768 0 ".parse().unwrap();
        assert!(table.shape.features.is_empty());
        assert_eq!(table.params(), "7:0 7:1 128 32768");
    }

    #[test]
    fn anything_else_is_an_error() {
        for line in [
            "",
            "0",
            "0 8192 linear 7:0 0",
            "0 8192 thin-pool 7:0 7:1 128",
            "8 8192 thin-pool 7:0 7:1 128 0",
            "0 8192 thin-pool /dev/a 7:1 128 0",
            "0 8192 thin-pool 7:0 7:1 128 0 3 skip_block_zeroing",
            "0 8192 thin-pool 7:0 7:1 128 0 99999999999999999999",
        ] {
            assert!(line.parse::<ThinPoolTable>().is_err(), "{line}");
        }
    }
}
