//! Names that systemd and containerd have rules for.

use super::{checked_text, foreign};
use crate::Invalid;

/// The name of a service that can be started: `[A-Za-z0-9:_.\@-]`, ends in `.service`, at most 255
/// bytes (systemd's UNIT_NAME_MAX), no template.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UnitName(String);
checked_text!(UnitName);

impl UnitName {
    /// Checks and holds a name.
    ///
    /// # Errors
    /// Another ending or character, nothing before the ending, a template (`name@.service`).
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        let instead = "write for example \"flintlockd.service\"";
        let Some(stem) = text.strip_suffix(".service") else {
            return Err(Invalid::new("not the name of a service", instead));
        };
        if stem.is_empty() || stem.starts_with('@') || text.len() > 255 {
            return Err(Invalid::new("not a unit name", instead));
        }
        if let Some(c) = foreign(stem, ":_.\\@-") {
            return Err(Invalid::new(format!("not a unit name: {c:?} is not allowed"), instead));
        }
        if stem.ends_with('@') {
            return Err(Invalid::new("a template, which cannot be started", instead));
        }
        Ok(Self(text.to_owned()))
    }
}

/// A containerd identifier: runs of letters and digits joined by single `.`, `_` or `-`, at most 76
/// characters (containerd `pkg/identifiers`).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Namespace(String);
checked_text!(Namespace);

impl Namespace {
    /// Checks and holds a name.
    ///
    /// # Errors
    /// Whatever containerd would refuse.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        let run = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_alphanumeric());
        if text.len() > 76 || !text.split(['.', '_', '-']).all(run) {
            return Err(Invalid::new(
                "not a containerd namespace: letters and digits, joined by single \".\", \"_\" or \"-\", at most 76",
                "write for example \"flintlock\"",
            ));
        }
        Ok(Self(text.to_owned()))
    }
}
