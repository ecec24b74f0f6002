//! The receipt's objects of a pool on LVM: `volume`, and `creating` while it is being made.

use mvm_core::Roots;
use mvm_pool_plan::lvm::{Intent, Recorded, VolumeReceipt};
use mvm_pool_plan::thinpool::{self, VERSION};

use crate::Error;
use crate::receipt::{object, text, write_object};

const VOLUME: &str = "volume";
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

/// Reads the text of a receipt.
pub fn parse(text: &str) -> Recorded {
    match object(text, VOLUME) {
        Err(thinpool::Recorded::Version(version)) => {
            Recorded::Unreadable(format!("it has version {version}, known is {VERSION}"))
        }
        Err(thinpool::Recorded::Unreadable(why)) => Recorded::Unreadable(why),
        Err(thinpool::Recorded::Absent | thinpool::Recorded::Pool(_)) | Ok(None) => {
            Recorded::Absent
        }
        Ok(Some(volume)) => match serde_json::from_value(volume) {
            Ok(receipt) => Recorded::Volume(receipt),
            Err(error) => Recorded::Unreadable(error.to_string()),
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
        // Reading the part of the volume reports the same fault.
        Err(_) | Ok(None) => Ok(None),
        Ok(Some(begun)) => serde_json::from_value(begun).map_err(|error| error.to_string()),
    }
}

/// Puts this pool into the receipt, which ends what was begun; a power cut leaves the old one or the
/// new one.
///
/// # Errors
/// [`Error::Receipt`] or [`Error::Encode`]; the old receipt is then as it was.
pub fn write(roots: &Roots, receipt: &VolumeReceipt) -> Result<(), Error> {
    write_object(roots, VOLUME, receipt, Some(BEGUN))
}

/// Puts on record what `mvmhost pool create` begins.
///
/// # Errors
/// As [`write`].
pub fn write_begun(roots: &Roots, intent: &Intent) -> Result<(), Error> {
    write_object(roots, BEGUN, intent, None)
}
