//! What mvmhost has to know later, on disk: one declaration for each file, one way to read and write
//! them. A file is JSON with a version, of bounded length, and whole or absent whatever happens.

use std::fs;
use std::io;
use std::marker::PhantomData;
use std::path::PathBuf;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::{Error, Roots, atomic, chain};

mod homes;

pub use homes::*;

/// What holds for one file: place, version, longest length, mode, and what damage means.
#[derive(Debug)]
pub struct Home {
    /// Where it is; `*` stands for a part of the name, where there is a file for each of several things.
    pub path: &'static str,
    /// What it says, for FILES of mvmhost(8).
    pub description: &'static str,
    /// Its `version`; another one is damage. 0 for a file that carries none.
    pub version: u32,
    /// The longest that is read, in bytes.
    pub limit: u64,
    /// Its mode, such as 0o600.
    pub mode: u32,
    /// What a file counts as that cannot be read, or is of another version.
    pub damaged: Damaged,
}

/// What a damaged file counts as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Damaged {
    /// An error: to go on as if there were none would take away or repeat something.
    Refused,
    /// Absent: it saves a question, or claims what nobody else has to give back.
    Absent,
}

/// The file of a [`Home`], which holds a `T` as JSON.
#[derive(Debug)]
pub struct File<T> {
    home: &'static Home,
    part: Option<String>,
    shape: PhantomData<fn() -> T>,
}

impl<T> File<T> {
    /// The file of this declaration.
    pub const fn of(home: &'static Home) -> Self {
        Self { home, part: None, shape: PhantomData }
    }

    /// The file of this declaration with `part` in the place of `*`.
    pub fn for_each(home: &'static Home, part: &str) -> Self {
        Self { home, part: Some(part.to_owned()), shape: PhantomData }
    }

    /// Its absolute path below `roots`, with the part of the name in the place of `*`.
    pub fn path(&self, roots: &Roots) -> PathBuf {
        roots.at(self.name())
    }

    fn name(&self) -> PathBuf {
        match &self.part {
            Some(part) => self.home.path.replacen('*', part, 1).into(),
            None => self.home.path.into(),
        }
    }

    /// Removes it; one that is gone is removed.
    ///
    /// # Errors
    /// [`Error::State`]
    pub fn remove(&self, roots: &Roots) -> Result<(), Error> {
        match fs::remove_file(self.path(roots)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(self.unusable(&error)),
            _ => Ok(()),
        }
    }

    fn unusable(&self, why: &dyn std::error::Error) -> Error {
        Error::State { path: self.name(), why: chain(why) }
    }

    fn other_version(&self, version: &Value) -> Error {
        let why = format!("version {version} is not known here");
        Error::State { path: self.name(), why }
    }
}

impl<T: DeserializeOwned> File<T> {
    /// What it holds; `None` where there is none.
    ///
    /// # Errors
    /// [`Error::State`], where a damaged one is [`Damaged::Refused`].
    pub fn read(&self, roots: &Roots) -> Result<Option<T>, Error> {
        match (self.parse(roots), self.home.damaged) {
            (Err(error), Damaged::Absent) => {
                log::debug!("{}", chain(&error));
                Ok(None)
            }
            (parsed, _) => parsed,
        }
    }

    /// As [`File::read`], for a file whose damage is [`Damaged::Absent`].
    pub fn get(&self, roots: &Roots) -> Option<T> {
        debug_assert_eq!(self.home.damaged, Damaged::Absent, "{}", self.home.path);
        self.read(roots).ok().flatten()
    }

    fn parse(&self, roots: &Roots) -> Result<Option<T>, Error> {
        let bytes = match atomic::read_bounded(&self.path(roots), self.home.limit) {
            Ok(bytes) => bytes,
            Err(Error::Read { source, .. }) if source.kind() == io::ErrorKind::NotFound => {
                return Ok(None);
            }
            Err(error) => return Err(self.unusable(&error)),
        };
        let value: Value = serde_json::from_slice(&bytes).map_err(|error| self.unusable(&error))?;
        let version = &value["version"];
        if self.home.version != 0 && version.as_u64() != Some(u64::from(self.home.version)) {
            return Err(self.other_version(version));
        }
        serde_json::from_value(value).map(Some).map_err(|error| self.unusable(&error))
    }
}

impl<T: Serialize> File<T> {
    /// Replaces it. `value` carries the version itself.
    ///
    /// # Errors
    /// [`Error::State`]; the old one is then as it was. Also for a value that could not be read back,
    /// because it is longer than the limit.
    pub fn write(&self, roots: &Roots, value: &T) -> Result<(), Error> {
        let mut text = serde_json::to_vec(value).map_err(|error| self.unusable(&error))?;
        text.push(b'\n');
        if text.len() as u64 > self.home.limit {
            let why = format!("it would have more than {} bytes", self.home.limit);
            return Err(Error::State { path: self.name(), why });
        }
        atomic::write(&self.path(roots), &text, self.home.mode)
            .map_err(|error| self.unusable(&error))
    }
}

#[cfg(test)]
mod tests;
