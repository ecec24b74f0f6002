//! The receipt's file: JSON with a version and one object for each domain. Ours are `pool`, for one
//! on files, and `volume`, for one on LVM; what others wrote next to them stays.

use std::io;

use mvm_core::state::RECEIPT;
use mvm_core::{Roots, atomic};
use mvm_pool_plan::lvm::{self, Intent, VolumeReceipt};
use mvm_pool_plan::thinpool::{Receipt, Recorded, VERSION};
use serde::Serialize;
use serde_json::{Map, Value};

use crate::Error;

/// The object of what `mvmhost pool create` began.
const BEGUN: &str = "creating";

/// Reads the receipt. A file that is there and cannot be read is a fact, not an error: the plan
/// refuses to go on past it.
pub fn read(roots: &Roots) -> Recorded {
    match text(roots) {
        Ok(Some(text)) => parse(&text),
        Ok(None) => Recorded::Absent,
        Err(why) => Recorded::Unreadable(why),
    }
}

/// [`read`] for a pool on LVM.
pub fn read_volume(roots: &Roots) -> lvm::Recorded {
    match text(roots) {
        Ok(Some(text)) => parse_volume(&text),
        Ok(None) => lvm::Recorded::Absent,
        Err(why) => lvm::Recorded::Unreadable(why),
    }
}

fn text(roots: &Roots) -> Result<Option<String>, String> {
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

/// [`parse`] for a pool on LVM.
pub fn parse_volume(text: &str) -> lvm::Recorded {
    match object(text, "volume") {
        Err(Recorded::Version(version)) => {
            lvm::Recorded::Unreadable(format!("it has version {version}, known is {VERSION}"))
        }
        Err(Recorded::Unreadable(why)) => lvm::Recorded::Unreadable(why),
        Err(_) | Ok(None) => lvm::Recorded::Absent,
        Ok(Some(volume)) => match serde_json::from_value(volume) {
            Ok(receipt) => lvm::Recorded::Volume(receipt),
            Err(error) => lvm::Recorded::Unreadable(error.to_string()),
        },
    }
}

/// What `mvmhost pool create` began and has not ended.
///
/// # Errors
/// In what way the receipt, or that part of it, cannot be read.
pub fn read_begun(roots: &Roots) -> Result<Option<Intent>, String> {
    let Some(text) = text(roots)? else { return Ok(None) };
    match object(&text, BEGUN) {
        // Whoever reads the volume's part says so.
        Err(_) | Ok(None) => Ok(None),
        Ok(Some(begun)) => serde_json::from_value(begun).map_err(|error| error.to_string()),
    }
}

/// One domain's object, or in what way this is no receipt that we know.
fn object(text: &str, domain: &str) -> Result<Option<Value>, Recorded> {
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
    ended: Option<&str>,
) -> Result<String, Error> {
    let encode = |source| Error::Encode { source };
    let mut whole: Map<String, Value> = match old {
        Some(old) => serde_json::from_str(old).map_err(encode)?,
        None => Map::new(),
    };
    if let Some(ended) = ended {
        whole.remove(ended);
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

/// [`write`] for a pool on LVM, which ends what was begun.
///
/// # Errors
/// As [`write`].
pub fn write_volume(roots: &Roots, receipt: &VolumeReceipt) -> Result<(), Error> {
    write_object(roots, "volume", receipt, Some(BEGUN))
}

/// Puts on record what `mvmhost pool create` begins.
///
/// # Errors
/// As [`write`].
pub fn write_begun(roots: &Roots, intent: &Intent) -> Result<(), Error> {
    write_object(roots, BEGUN, intent, None)
}

fn write_object(
    roots: &Roots,
    domain: &str,
    receipt: &impl Serialize,
    ended: Option<&str>,
) -> Result<(), Error> {
    let path = roots.receipt();
    let old = match atomic::read_bounded(&path, RECEIPT.limit) {
        Ok(bytes) => Some(String::from_utf8_lossy(&bytes).into_owned()),
        Err(mvm_core::Error::Read { source, .. }) if source.kind() == io::ErrorKind::NotFound => {
            None
        }
        Err(source) => return Err(Error::Receipt { source }),
    };
    let text = render_object(old.as_deref(), domain, receipt, ended)?;
    atomic::write(&path, text.as_bytes(), RECEIPT.mode).map_err(|source| Error::Receipt { source })
}
