//! The status line of a `thin-pool` target, and a pool as device-mapper alone shows it.

use std::fmt;
use std::str::FromStr;

use serde::Serialize;

use super::table::{ParseError, ThinPoolTable};

/// Blocks in use of blocks there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Usage {
    /// Blocks in use.
    pub used: u64,
    /// Blocks there are.
    pub total: u64,
}

impl Usage {
    /// How full, in percent, rounded down; 0 where there is nothing to fill.
    pub fn percent(self) -> u8 {
        let percent = u128::from(self.used) * 100 / u128::from(self.total.max(1));
        u8::try_from(percent).unwrap_or(u8::MAX)
    }
}

impl fmt::Display for Usage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.used, self.total)
    }
}

/// Whether a pool takes writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// `rw`: writes are taken, and new blocks allocated.
    ReadWrite,
    /// `ro`: the metadata takes no change, so nothing new is allocated.
    ReadOnly,
    /// `out_of_data_space`: no data block is free.
    OutOfDataSpace,
}

impl Mode {
    fn word(self) -> &'static str {
        match self {
            Self::ReadWrite => "rw",
            Self::ReadOnly => "ro",
            Self::OutOfDataSpace => "out_of_data_space",
        }
    }
}

/// What a pool does with a discard.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Discards {
    /// `ignore_discard`
    Ignored,
    /// `discard_passdown`
    PassedDown,
    /// `no_discard_passdown`
    Kept,
}

impl Discards {
    fn word(self) -> &'static str {
        match self {
            Self::Ignored => "ignore_discard",
            Self::PassedDown => "discard_passdown",
            Self::Kept => "no_discard_passdown",
        }
    }
}

/// What a write gets when the data is full.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum WhenFull {
    /// `error_if_no_space`
    Fails,
    /// `queue_if_no_space`
    Waits,
}

impl WhenFull {
    fn word(self) -> &'static str {
        match self {
            Self::Fails => "error_if_no_space",
            Self::Waits => "queue_if_no_space",
        }
    }
}

/// A pool that answers.
///
/// The words after `held_root` came one by one over the years; a field that an older kernel does
/// not print is `None`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Working {
    /// A number that user space may count up; containerd does not.
    pub transaction_id: u64,
    /// Blocks of 4 KiB.
    pub metadata: Usage,
    /// Blocks of the pool's own size.
    pub data: Usage,
    /// The metadata snapshot that somebody reserved.
    pub held_root: Option<u64>,
    /// Whether it takes writes.
    pub mode: Option<Mode>,
    /// Whether discards are ignored, and whether they reach the data device.
    pub discards: Option<Discards>,
    /// What a write gets when it is full.
    pub when_full: Option<WhenFull>,
    /// The metadata has to be checked before it may be used again.
    pub needs_check: Option<bool>,
    /// Free metadata blocks below which the kernel raises an event.
    pub metadata_low_water: Option<u64>,
}

/// What the kernel says of a pool.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ThinPoolStatus {
    /// `Fail`: no I/O is possible.
    Fail,
    /// `Error`: the kernel could not even ask the metadata.
    Error,
    /// Anything that still answers.
    Working(Working),
}

impl fmt::Display for ThinPoolStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let pool = match self {
            Self::Fail => return f.write_str("Fail"),
            Self::Error => return f.write_str("Error"),
            Self::Working(pool) => pool,
        };
        write!(f, "{} {} {}", pool.transaction_id, pool.metadata, pool.data)?;
        match pool.held_root {
            Some(root) => write!(f, " {root}")?,
            None => f.write_str(" -")?,
        }
        let words = [
            pool.mode.map(Mode::word),
            pool.discards.map(Discards::word),
            pool.when_full.map(WhenFull::word),
            pool.needs_check.map(|needed| if needed { "needs_check" } else { "-" }),
        ];
        for word in words.into_iter().flatten() {
            write!(f, " {word}")?;
        }
        pool.metadata_low_water.map_or(Ok(()), |blocks| write!(f, " {blocks}"))
    }
}

impl FromStr for ThinPoolStatus {
    type Err = ParseError;

    /// Reads the parameters of a status line, that is without start, length and target name.
    /// Strict in the first three fields, which every kernel prints; after them a word that is not
    /// known is passed over, so that a newer kernel does not make a healthy pool unreadable.
    fn from_str(line: &str) -> Result<Self, ParseError> {
        match line.trim() {
            "Fail" => return Ok(Self::Fail),
            "Error" => return Ok(Self::Error),
            _ => {}
        }
        let bad = || ParseError::new("a thin-pool status", line);
        let mut fields = line.split_ascii_whitespace();
        let mut pool = Working {
            transaction_id: fields.next().and_then(|word| word.parse().ok()).ok_or_else(bad)?,
            metadata: fields.next().and_then(usage).ok_or_else(bad)?,
            data: fields.next().and_then(usage).ok_or_else(bad)?,
            held_root: fields.next().and_then(|word| word.parse().ok()),
            mode: None,
            discards: None,
            when_full: None,
            needs_check: None,
            metadata_low_water: None,
        };
        for word in fields {
            tail(&mut pool, word);
        }
        Ok(Self::Working(pool))
    }
}

fn usage(word: &str) -> Option<Usage> {
    let (used, total) = word.split_once('/')?;
    Some(Usage { used: used.parse().ok()?, total: total.parse().ok()? })
}

fn tail(pool: &mut Working, word: &str) {
    match word {
        "rw" => pool.mode = Some(Mode::ReadWrite),
        "ro" => pool.mode = Some(Mode::ReadOnly),
        "out_of_data_space" => pool.mode = Some(Mode::OutOfDataSpace),
        "ignore_discard" => pool.discards = Some(Discards::Ignored),
        "discard_passdown" => pool.discards = Some(Discards::PassedDown),
        "no_discard_passdown" => pool.discards = Some(Discards::Kept),
        "error_if_no_space" => pool.when_full = Some(WhenFull::Fails),
        "queue_if_no_space" => pool.when_full = Some(WhenFull::Waits),
        "needs_check" => pool.needs_check = Some(true),
        "-" => pool.needs_check = Some(false),
        other => {
            if let Ok(blocks) = other.parse() {
                pool.metadata_low_water = Some(blocks);
            }
        }
    }
}

/// What device-mapper alone says about a name: cheap enough to ask at any time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum PoolState {
    /// There is no device of that name.
    Absent,
    /// There is one without a live table.
    Empty,
    /// There is a live device of another kind.
    Other {
        /// Its first target, such as `linear`.
        target: String,
        /// The live table, one line for each target.
        table: String,
    },
    /// There is a live thin pool.
    Live(LiveState),
}

/// A live thin pool as device-mapper alone shows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LiveState {
    /// The live table's one target, parsed.
    pub table: ThinPoolTable,
    /// The parameters of the status line as the kernel gave them; [`ThinPoolStatus`] reads them.
    pub status: String,
    /// Every I/O waits.
    pub suspended: bool,
    /// A second table was loaded (`dmsetup reload`) and never resumed.
    pub second_table: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_survives_the_round_trip() {
        for line in [
            "Fail",
            "Error",
            "0 1041/2621440 0/1638400 - rw no_discard_passdown queue_if_no_space - 1024",
            "7 18446744073709551615/1 2/1 12 out_of_data_space ignore_discard error_if_no_space \
             needs_check 0",
            "0 10/20 0/30 - ro discard_passdown queue_if_no_space needs_check 1024",
        ] {
            assert_eq!(line.parse::<ThinPoolStatus>().unwrap().to_string(), line);
        }
    }

    #[test]
    fn short_and_longer_lines_are_read() {
        let old: ThinPoolStatus = "0 10/20 0/30 -".parse().unwrap();
        let ThinPoolStatus::Working(old) = old else { panic!("{old:?}") };
        assert_eq!((old.mode, old.needs_check), (None, None));
        let new: ThinPoolStatus =
            "0 10/20 0/30 - rw discard_passdown queue_if_no_space - 1024 brand_new 9"
                .parse()
                .unwrap();
        let ThinPoolStatus::Working(new) = new else { panic!("{new:?}") };
        assert_eq!(new.mode, Some(Mode::ReadWrite));
    }

    #[test]
    fn anything_else_is_an_error() {
        for line in ["", "Failed", "x 1/2 3/4 -", "0 1 3/4 -", "0 1/2", "-1 1/2 3/4"] {
            assert!(line.parse::<ThinPoolStatus>().is_err(), "{line}");
        }
    }

    #[test]
    fn percent_never_overflows() {
        assert_eq!(Usage { used: u64::MAX, total: u64::MAX }.percent(), 100);
        assert_eq!(Usage { used: 0, total: 0 }.percent(), 0);
        assert_eq!(Usage { used: u64::MAX, total: 1 }.percent(), u8::MAX);
    }
}
