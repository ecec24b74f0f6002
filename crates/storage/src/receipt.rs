//! The receipt's file: JSON with a version and one object for each domain. Only `pool` is ours;
//! what others wrote next to it stays.

use std::io;

use mvm_config::Roots;
use mvm_host::atomic;
use mvm_plan::thinpool::{Receipt, Recorded, VERSION};
use serde_json::{Map, Value};

use crate::Error;

/// A receipt is a kilobyte; anything of this size is not one.
const LIMIT: u64 = 1 << 20;
/// Only root: it names files and inodes.
const MODE: u32 = 0o600;

/// Reads the receipt. A file that is there and cannot be read is a fact, not an error: the plan
/// refuses to go on past it.
pub fn read(roots: &Roots) -> Recorded {
    match atomic::read_bounded(&roots.receipt(), LIMIT) {
        Ok(bytes) => match String::from_utf8(bytes) {
            Ok(text) => parse(&text),
            Err(error) => Recorded::Unreadable(error.to_string()),
        },
        Err(mvm_host::Error::Read { source, .. }) if source.kind() == io::ErrorKind::NotFound => {
            Recorded::Absent
        }
        Err(mvm_host::Error::Read { source, .. }) => Recorded::Unreadable(source.to_string()),
        Err(error) => Recorded::Unreadable(error.to_string()),
    }
}

/// Reads the text of a receipt.
pub fn parse(text: &str) -> Recorded {
    let unreadable = |error: serde_json::Error| Recorded::Unreadable(error.to_string());
    let mut whole: Map<String, Value> = match serde_json::from_str(text) {
        Ok(whole) => whole,
        Err(error) => return unreadable(error),
    };
    match whole.get("version").and_then(Value::as_u64) {
        Some(version) if version == u64::from(VERSION) => {}
        Some(version) => return Recorded::Version(version),
        None => return Recorded::Unreadable("it has no version".to_owned()),
    }
    match whole.remove("pool") {
        None => Recorded::Absent,
        Some(pool) => match serde_json::from_value(pool) {
            Ok(receipt) => Recorded::Pool(receipt),
            Err(error) => unreadable(error),
        },
    }
}

/// The text of a receipt with this pool in it; `old` is the text it replaces.
///
/// # Errors
/// [`Error::Encode`] when `old` is not a receipt.
pub fn render(old: Option<&str>, receipt: &Receipt) -> Result<String, Error> {
    let encode = |source| Error::Encode { source };
    let mut whole: Map<String, Value> = match old {
        Some(old) => serde_json::from_str(old).map_err(encode)?,
        None => Map::new(),
    };
    whole.insert("version".to_owned(), VERSION.into());
    whole.insert("pool".to_owned(), serde_json::to_value(receipt).map_err(encode)?);
    let mut text = serde_json::to_string_pretty(&whole).map_err(encode)?;
    text.push('\n');
    Ok(text)
}

/// Puts this pool into the receipt; a power cut leaves the old one or the new one.
///
/// # Errors
/// [`Error::Receipt`] or [`Error::Encode`]; the old receipt is then as it was.
pub fn write(roots: &Roots, receipt: &Receipt) -> Result<(), Error> {
    let path = roots.receipt();
    let old = match atomic::read_bounded(&path, LIMIT) {
        Ok(bytes) => Some(String::from_utf8_lossy(&bytes).into_owned()),
        Err(mvm_host::Error::Read { source, .. }) if source.kind() == io::ErrorKind::NotFound => {
            None
        }
        Err(source) => return Err(Error::Receipt { source }),
    };
    let text = render(old.as_deref(), receipt)?;
    atomic::write(&path, text.as_bytes(), MODE).map_err(|source| Error::Receipt { source })
}
