//! Names of files, device-mapper devices and volume groups.

use std::path::Path;

use super::{checked_text, foreign};
use crate::Invalid;

/// An absolute path of at most 4095 bytes (Linux's PATH_MAX without its NUL) in one spelling only:
/// no `.`, no `..`, no `//`, no trailing slash, no control character.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AbsPath(String);
checked_text!(AbsPath);

impl AbsPath {
    /// Checks and holds a path; trailing slashes are dropped.
    ///
    /// # Errors
    /// A relative path, a control character, a `.`, `..` or empty component, more than 4095 bytes.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        if !text.starts_with('/') {
            return Err(Invalid::new(
                "not an absolute path",
                "write a path that begins with \"/\"",
            ));
        }
        if text.chars().any(char::is_control) {
            return Err(Invalid::new(
                "a path with a control character",
                "write a path of printable characters",
            ));
        }
        if text.len() > 4095 {
            return Err(Invalid::new(
                "a path longer than 4095 bytes",
                "write a path that Linux can open",
            ));
        }
        let trimmed = text.trim_end_matches('/');
        let mut components = trimmed.split('/').skip(1);
        if components.any(|part| matches!(part, "" | "." | "..")) {
            return Err(Invalid::new(
                "a path with \"//\", \".\" or \"..\" in it",
                "write the path that it leads to",
            ));
        }
        Ok(Self(if trimmed.is_empty() { "/" } else { trimmed }.to_owned()))
    }

    /// The path as the standard library takes it.
    pub fn as_path(&self) -> &Path {
        Path::new(&self.0)
    }

    /// Whether this path is `folder` or lies below it, component by component.
    pub fn is_below(&self, folder: &str) -> bool {
        self.as_path().starts_with(folder)
    }

    /// The last component; empty for `/`.
    pub fn file_name(&self) -> &str {
        self.0.rsplit('/').next().unwrap_or("")
    }
}

impl AsRef<Path> for AbsPath {
    fn as_ref(&self) -> &Path {
        self.as_path()
    }
}

/// A device-mapper name that needs no mangling: `[A-Za-z0-9_.+-]`, 1 to 100 characters.
///
/// The kernel takes 127 (DM_NAME_LEN is 128 with its NUL); 100 leaves room for containerd's
/// `<pool>-snap-<n>` with a 20-digit n, and for LVM's `_tdata` and `_tmeta`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DmName(String);
checked_text!(DmName);

impl DmName {
    /// Checks and holds a name.
    ///
    /// # Errors
    /// Empty, `.`, `..`, a leading `-`, another character, more than 100 characters.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        let message = match foreign(text, "_.+-") {
            _ if text.is_empty() => "not a device-mapper name: it is empty".to_owned(),
            Some(c) => format!("not a device-mapper name: {c:?} is not allowed in it"),
            None if text.len() > 100 => "a device-mapper name of more than 100 characters".into(),
            None if text == "." || text == ".." || text.starts_with('-') => {
                "not a device-mapper name: no \".\", \"..\" or leading \"-\"".to_owned()
            }
            None => return Ok(Self(text.to_owned())),
        };
        Err(Invalid::new(message, "write for example \"flintlock-dev-thinpool\""))
    }
}

/// A volume group as lvm(8) allows it: `[A-Za-z0-9+_.-]`, no leading hyphen, at most 100 characters
/// (lvm allows 127; the group is part of every device-mapper name made from it).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct VgName(String);
checked_text!(VgName);

impl VgName {
    /// Checks and holds a name.
    ///
    /// # Errors
    /// Empty, `.`, `..`, a leading `-`, another character, more than 100 characters.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        let refused = text.is_empty()
            || text.len() > 100
            || text == "."
            || text == ".."
            || text.starts_with('-')
            || foreign(text, "+_.-").is_some();
        if refused {
            return Err(Invalid::new(
                "not a volume group name: letters, digits and \"+_.-\", no leading \"-\"",
                "write for example \"flintlock\"",
            ));
        }
        Ok(Self(text.to_owned()))
    }

    /// What the device-mapper name of a logical volume in this group begins with: hyphens doubled,
    /// then one that separates (libdevmapper's `dm_build_dm_name`).
    pub fn dm_prefix(&self) -> String {
        let mut prefix = self.0.replace('-', "--");
        prefix.push('-');
        prefix
    }
}
