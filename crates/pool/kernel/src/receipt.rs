//! The receipt's file: JSON with a version and one object for each domain. `pool` is read and written
//! here; what others wrote next to it stays.

use std::io;

use mvm_core::state::RECEIPT;
use mvm_core::{Roots, atomic};
use mvm_pool_plan::thinpool::{Receipt, Recorded, VERSION};
use serde::Serialize;
use serde_json::{Map, Value};

use crate::Error;

/// Reads the receipt. A file that is there and cannot be read is a fact, not an error: the plan
/// refuses to go on past it.
pub fn read(roots: &Roots) -> Recorded {
    match text(roots) {
        Ok(Some(text)) => parse(&text),
        Ok(None) => Recorded::Absent,
        Err(why) => Recorded::Unreadable(why),
    }
}

/// The text of the file; `None` when there is none, and otherwise why it cannot be read.
pub(crate) fn text(roots: &Roots) -> Result<Option<String>, String> {
    match atomic::read_bounded(&roots.receipt(), RECEIPT.limit) {
        Ok(bytes) => match String::from_utf8(bytes) {
            Ok(text) => Ok(Some(text)),
            Err(error) => Err(error.to_string()),
        },
        Err(mvm_core::Error::Read { source, .. }) if source.kind() == io::ErrorKind::NotFound => {
            Ok(None)
        }
        Err(mvm_core::Error::Read { source, .. }) => Err(source.to_string()),
        Err(error) => Err(error.to_string()),
    }
}

/// Reads the text of a receipt.
pub fn parse(text: &str) -> Recorded {
    match object(text, "pool") {
        Err(unknown) => unknown,
        Ok(None) => Recorded::Absent,
        Ok(Some(pool)) => match serde_json::from_value(pool) {
            Ok(receipt) => Recorded::Pool(receipt),
            Err(error) => Recorded::Unreadable(error.to_string()),
        },
    }
}

/// One domain's object, or in what way this is no receipt that we know.
pub(crate) fn object(text: &str, domain: &str) -> Result<Option<Value>, Recorded> {
    let mut whole: Map<String, Value> =
        serde_json::from_str(text).map_err(|error| Recorded::Unreadable(error.to_string()))?;
    match whole.get("version").and_then(Value::as_u64) {
        Some(version) if version == u64::from(VERSION) => Ok(whole.remove(domain)),
        Some(version) => Err(Recorded::Version(version)),
        None => Err(Recorded::Unreadable("it has no version".to_owned())),
    }
}

/// The text of a receipt with this pool in it; `old` is the text it replaces.
///
/// # Errors
/// [`Error::Encode`] when `old` is not a receipt.
pub fn render(old: Option<&str>, receipt: &Receipt) -> Result<String, Error> {
    render_object(old, "pool", receipt, None)
}

fn render_object(
    old: Option<&str>,
    domain: &str,
    receipt: &impl Serialize,
    obsolete: Option<&str>,
) -> Result<String, Error> {
    let encode = |source| Error::Encode { source };
    let mut whole: Map<String, Value> = match old {
        Some(old) => serde_json::from_str(old).map_err(encode)?,
        None => Map::new(),
    };
    if let Some(obsolete) = obsolete {
        whole.remove(obsolete);
    }
    whole.insert("version".to_owned(), VERSION.into());
    whole.insert(domain.to_owned(), serde_json::to_value(receipt).map_err(encode)?);
    let mut text = serde_json::to_string_pretty(&whole).map_err(encode)?;
    text.push('\n');
    Ok(text)
}

/// Puts this pool into the receipt; a power cut leaves the old one or the new one.
///
/// # Errors
/// [`Error::Receipt`] or [`Error::Encode`]; the old receipt is then as it was.
pub fn write(roots: &Roots, receipt: &Receipt) -> Result<(), Error> {
    write_object(roots, "pool", receipt, None)
}

/// Puts one domain's object into the receipt, and takes out the `obsolete` one.
pub(crate) fn write_object(
    roots: &Roots,
    domain: &str,
    receipt: &impl Serialize,
    obsolete: Option<&str>,
) -> Result<(), Error> {
    let path = roots.receipt();
    let old = match atomic::read_bounded(&path, RECEIPT.limit) {
        Ok(bytes) => Some(String::from_utf8_lossy(&bytes).into_owned()),
        Err(mvm_core::Error::Read { source, .. }) if source.kind() == io::ErrorKind::NotFound => {
            None
        }
        Err(source) => return Err(Error::Receipt { source }),
    };
    let text = render_object(old.as_deref(), domain, receipt, obsolete)?;
    atomic::write(&path, text.as_bytes(), RECEIPT.mode).map_err(|source| Error::Receipt { source })
}
