//! Sizes and durations with their unit in the type, and why a text is not what it should be: the one
//! error of every value parser.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

/// What is wrong with a value and what to write instead. Neither holds the value itself: who
/// reports it names file, line, key and value around it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}; {instead}")]
pub struct Invalid {
    /// What is wrong: `not a size`.
    pub message: String,
    /// What to write instead: `write for example "100GiB"`.
    pub instead: String,
}

impl Invalid {
    /// An error from its two halves.
    pub fn new(message: impl Into<String>, instead: impl Into<String>) -> Self {
        Self { message: message.into(), instead: instead.into() }
    }
}

/// A number of bytes. Text form: `KiB MiB GiB TiB`, the SI `KB MB GB TB`, a bare `K M G T` means
/// the binary unit (as `truncate` reads it), a bare number means bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Bytes(pub u64);

/// Units by size, so that Display finds the largest exact one; at equal size the first spelling
/// is the printed one. SI units are smaller than their binary neighbours, hence the order.
const UNITS: [(&str, u64); 12] = [
    ("TiB", 1 << 40),
    ("T", 1 << 40),
    ("TB", 1_000_000_000_000),
    ("GiB", 1 << 30),
    ("G", 1 << 30),
    ("GB", 1_000_000_000),
    ("MiB", 1 << 20),
    ("M", 1 << 20),
    ("MB", 1_000_000),
    ("KiB", 1 << 10),
    ("K", 1 << 10),
    ("KB", 1_000),
];

impl Bytes {
    /// Reads `100GiB`, `100GB`, `100G` or `107374182400`. Zero is a size.
    ///
    /// # Errors
    /// Anything else: fractions, signs, spaces, other units, more than 2^64 - 1 bytes.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        let digits = text.bytes().take_while(u8::is_ascii_digit).count();
        let (number, unit) = text.split_at(digits);
        if number.is_empty() {
            return Err(not_a_size());
        }
        if unit.starts_with('.') || unit.starts_with(',') {
            return Err(Invalid::new(
                "a size with a fraction",
                "write a whole number of the next smaller unit, for example \"1536MiB\"",
            ));
        }
        let factor = match unit {
            "" => 1,
            _ => UNITS.iter().find(|(name, _)| *name == unit).ok_or_else(not_a_size)?.1,
        };
        let bytes = number.parse::<u64>().ok().and_then(|number| number.checked_mul(factor));
        bytes.map(Self).ok_or_else(|| {
            Invalid::new("a size beyond 2^64 bytes", "write a size that a disk can have")
        })
    }

    /// The number of 512-byte sectors, the last one possibly not full.
    pub const fn sectors(self) -> u64 {
        self.0.div_ceil(512)
    }
}

fn not_a_size() -> Invalid {
    Invalid::new("not a size", "write for example \"100GiB\"")
}

impl fmt::Display for Bytes {
    /// The largest unit that is exact, so that the text parses to the same number again.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let exact = |(_, factor): &&(&str, u64)| self.0 != 0 && self.0.is_multiple_of(*factor);
        match UNITS.iter().find(exact) {
            Some((unit, factor)) => write!(f, "{}{unit}", self.0 / factor),
            None => write!(f, "{}", self.0),
        }
    }
}

impl FromStr for Bytes {
    type Err = Invalid;
    fn from_str(text: &str) -> Result<Self, Invalid> {
        Self::parse(text)
    }
}

/// A percentage from 1 to 100.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Percent(pub u8);

impl Percent {
    /// Takes 1..=100.
    ///
    /// # Errors
    /// A number outside 1..=100.
    pub fn new(number: i64) -> Result<Self, Invalid> {
        match u8::try_from(number) {
            Ok(percent @ 1..=100) => Ok(Self(percent)),
            _ => Err(Invalid::new("not a percentage", "write a whole number from 1 to 100")),
        }
    }

    /// This part of `whole`, rounded down.
    pub fn of(self, whole: u64) -> u64 {
        // Split so that nothing overflows: both products stay below `whole`.
        whole / 100 * u64::from(self.0) + whole % 100 * u64::from(self.0) / 100
    }
}

impl fmt::Display for Percent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// Longest duration that is accepted, in seconds: a century, far below what any consumer
/// (dnsmasq counts in 32 bits) can hold.
const LONGEST: u64 = 100 * 365 * 24 * 3600;

/// Reads `30s`, `10m`, `1h` and combinations in that order of size such as `1h30m`.
///
/// # Errors
/// Anything else, and more than a hundred years.
pub fn parse_duration(text: &str) -> Result<Duration, Invalid> {
    let invalid = || Invalid::new("not a duration", "write for example \"30s\", \"10m\" or \"1h\"");
    let mut rest = text;
    let mut total = 0_u64;
    let mut previous = u64::MAX;
    while !rest.is_empty() {
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let (number, tail) = rest.split_at(digits);
        let unit = match tail.as_bytes().first() {
            Some(b'h') => 3600,
            Some(b'm') => 60,
            Some(b's') => 1,
            _ => return Err(invalid()),
        };
        if number.is_empty() || unit >= previous {
            return Err(invalid());
        }
        let seconds = number.parse::<u64>().ok().and_then(|number| number.checked_mul(unit));
        total = seconds
            .and_then(|seconds| total.checked_add(seconds))
            .filter(|total| *total <= LONGEST)
            .ok_or_else(|| Invalid::new("longer than a century", "write for example \"1h\""))?;
        previous = unit;
        rest = tail.get(1..).unwrap_or("");
    }
    if text.is_empty() { Err(invalid()) } else { Ok(Duration::from_secs(total)) }
}

/// Shows a duration as the file spells it: `1h30m`, `10m`, `0s`. Fractions of a second are dropped.
#[derive(Debug, Clone, Copy)]
pub struct Spelt(pub Duration);

impl fmt::Display for Spelt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let total = self.0.as_secs();
        if total == 0 {
            return f.write_str("0s");
        }
        for (number, unit) in [(total / 3600, 'h'), (total / 60 % 60, 'm'), (total % 60, 's')] {
            if number != 0 {
                write!(f, "{number}{unit}")?;
            }
        }
        Ok(())
    }
}
