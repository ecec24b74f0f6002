//! Tests on a live pool what containerd will ask of it: a thin device is made, written,
//! snapshotted, discarded and deleted again.
//!
//! Its numbers are taken from the top of the 24 bits that there are; containerd counts from 1. The
//! kernel refuses a number that is in use, so that a device of somebody else's is never touched. What
//! was made is noted in a file before it is used: after a kill, the next proof takes it away. Between
//! the kernel's answer and the note a kill leaves one thin device without a block, which costs a
//! hundred bytes of metadata and is in nobody's way.

use std::collections::BTreeSet;

use mvm_core::Roots;
use mvm_core::state::{self, File};
use nix::errno::Errno;
use serde_json::Value;

use crate::Error;

mod kernel;
#[cfg(test)]
mod tests;

pub use kernel::Kernel;

/// The highest number of a thin device.
const TOP: u32 = (1 << 24) - 1;
/// So many numbers are tried: each one that is taken is left alone.
const TRIES: u32 = 16;
/// What is written and read at once, in bytes.
pub const PIECE: usize = 4096;
/// Of what an earlier run could not take away.
const NOTE: File<Value> = File::of(&state::PROOF);

/// What is done to a pool and its thin devices.
pub trait Thin {
    /// Sends a message to the pool.
    ///
    /// # Errors
    /// The kernel refuses it; EEXIST for a number in use, ENODATA for one that is not.
    fn send_message(&self, pool: &str, message: &str) -> Result<(), Error>;

    /// Makes the block device `name` of thin device `id`, of so many sectors.
    ///
    /// # Errors
    /// The kernel refuses.
    fn activate(&self, pool: &str, name: &str, id: u32, sectors: u64) -> Result<(), Error>;

    /// Holds back (`true`) or lets through what is written.
    ///
    /// # Errors
    /// The kernel refuses.
    fn pause(&self, name: &str, suspended: bool) -> Result<(), Error>;

    /// Removes the block device; none of this name is none to remove.
    ///
    /// # Errors
    /// It is in use.
    fn remove(&self, name: &str) -> Result<(), Error>;

    /// Writes the first piece, past every cache.
    ///
    /// # Errors
    /// The pool does not take it.
    fn write(&self, name: &str, byte: u8) -> Result<(), Error>;

    /// Whether all of the first piece is this byte, past every cache.
    ///
    /// # Errors
    /// It cannot be read.
    fn reads(&self, name: &str, byte: u8) -> Result<bool, Error>;

    /// Gives the first piece back to the pool, where it takes discards.
    ///
    /// # Errors
    /// The pool refuses.
    fn discard(&self, name: &str, bytes: u64) -> Result<(), Error>;
}

/// The pool, and where the note is.
#[derive(Debug)]
pub struct Proof<'a> {
    /// Below which every path is.
    pub roots: &'a Roots,
    /// The pool's device-mapper name.
    pub pool: &'a str,
    /// Its block, in sectors of 512 bytes.
    pub block: u32,
}

impl Proof<'_> {
    /// Does the operations in order, and takes everything away that it made, whatever happened.
    ///
    /// # Errors
    /// The first operation that failed, or [`Error::Undo`] when something stayed behind.
    pub fn run(&self, thin: &dyn Thin) -> Result<(), Error> {
        let mut ids = self.noted();
        self.clear(thin, &mut ids)?;
        let proven = self.operations(thin, &mut ids);
        match (proven, self.clear(thin, &mut ids)) {
            (proven, Ok(())) => proven,
            (Ok(()), Err(undo)) => Err(undo),
            (Err(first), Err(undo)) => {
                Err(Error::Undo { undo: undo.chain(), source: Box::new(first) })
            }
        }
    }

    fn operations(&self, thin: &dyn Thin, ids: &mut BTreeSet<u32>) -> Result<(), Error> {
        let sectors = u64::from(self.block);
        let (origin, copy) = (self.device("origin"), self.device("copy"));
        let id = self.number(thin, ids, |id| format!("create_thin {id}"))?;
        thin.activate(self.pool, &origin, id, sectors)?;
        thin.write(&origin, 0xA5)?;
        // The kernel wants no write under way while a snapshot is taken.
        thin.pause(&origin, true)?;
        let snapshot = self.number(thin, ids, |new| format!("create_snap {new} {id}"));
        thin.pause(&origin, false)?;
        thin.activate(self.pool, &copy, snapshot?, sectors)?;
        self.must_read(thin, &copy, 0xA5)?;
        thin.write(&copy, 0x5A)?;
        self.must_read(thin, &copy, 0x5A)?;
        self.must_read(thin, &origin, 0xA5)?;
        for name in [&copy, &origin] {
            thin.discard(name, sectors * 512)?;
        }
        Ok(())
    }

    fn must_read(&self, thin: &dyn Thin, name: &str, byte: u8) -> Result<(), Error> {
        if thin.reads(name, byte)? {
            return Ok(());
        }
        Err(Error::Changed { name: name.to_owned() })
    }

    /// A number that nobody has, made by `message` and noted.
    fn number(
        &self,
        thin: &dyn Thin,
        ids: &mut BTreeSet<u32>,
        message: impl Fn(u32) -> String,
    ) -> Result<u32, Error> {
        let mut last = None;
        for id in (TOP - TRIES + 1..=TOP).rev() {
            match thin.send_message(self.pool, &message(id)) {
                Ok(()) => {
                    ids.insert(id);
                    self.note(ids)?;
                    return Ok(id);
                }
                Err(error) if error.errno() == Some(EEXIST) => last = Some(error),
                Err(error) => return Err(error),
            }
        }
        Err(last.unwrap_or_else(|| Error::Changed { name: self.pool.to_owned() }))
    }

    /// Takes everything away that was made, and the note.
    fn clear(&self, thin: &dyn Thin, ids: &mut BTreeSet<u32>) -> Result<(), Error> {
        if ids.is_empty() {
            return Ok(());
        }
        thin.remove(&self.device("copy"))?;
        thin.remove(&self.device("origin"))?;
        for id in ids.clone() {
            match thin.send_message(self.pool, &format!("delete {id}")) {
                Err(error) if error.errno() != Some(ENODATA) => return Err(error),
                _ => ids.remove(&id),
            };
        }
        self.note(ids)
    }

    fn device(&self, which: &str) -> String {
        format!("{}-mvmhost-{which}", self.pool)
    }

    /// What an earlier run made in this pool and could not take away.
    fn noted(&self) -> BTreeSet<u32> {
        let note = NOTE.get(self.roots).unwrap_or_default();
        if note["pool"] != self.pool {
            return BTreeSet::new();
        }
        let ids = note["ids"].as_array().into_iter().flatten().filter_map(Value::as_u64);
        let ids = ids.filter_map(|id| u32::try_from(id).ok());
        ids.filter(|id| (TOP - TRIES + 1..=TOP).contains(id)).collect()
    }

    fn note(&self, ids: &BTreeSet<u32>) -> Result<(), Error> {
        let written = match ids.is_empty() {
            true => NOTE.remove(self.roots),
            false => NOTE.write(self.roots, &serde_json::json!({"pool": self.pool, "ids": ids})),
        };
        written.map_err(|source| Error::Note { source })
    }
}

/// errno(3): the number of the thin device is in use.
const EEXIST: i32 = Errno::EEXIST as i32;
/// errno(3): the pool knows no thin device of this number.
const ENODATA: i32 = Errno::ENODATA as i32;
