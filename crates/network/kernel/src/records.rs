//! The records of the uplink, on disk.

use std::fs::{self, File};
use std::io;
use std::path::PathBuf;

use mvm_core::catalogue::uplink::record;
use mvm_core::{Finding, Roots, atomic, chain};
use mvm_network_plan::network::{Confirmed, Live, VERSION};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// Gone with the boot: how to put the uplink back, and for how long it is on trial.
const LIVE: &str = "/run/mvmhost/uplink.json";
/// That it was confirmed.
const CONFIRMED: &str = "/var/lib/mvmhost/uplink.json";
/// Held by whoever changes either of them or the uplink.
const LOCK: &str = "/run/mvmhost/uplink.lock";
/// A host's routes are some kilobytes; anything of this size is no record.
const LIMIT: u64 = 1 << 20;
/// Only root: what stands there is done.
const MODE: u32 = 0o600;

/// The records below a root.
pub(crate) struct Records<'a>(pub(crate) &'a Roots);

impl Records<'_> {
    /// Waits for whoever else is at it; the lock is given back when the file is dropped, or its
    /// process ends.
    pub(crate) fn lock(&self) -> Result<File, Finding> {
        let path = self.0.at(LOCK);
        let open = || -> io::Result<File> {
            fs::create_dir_all(self.0.runtime())?;
            let file = File::options().create(true).append(true).open(&path)?;
            file.lock()?;
            Ok(file)
        };
        open().map_err(|error| unusable(LOCK, error.to_string()))
    }

    pub(crate) fn live(&self) -> Result<Option<Live>, Finding> {
        self.read(LIVE, |live: &Live| live.version)
    }

    pub(crate) fn confirmed(&self) -> Result<Option<Confirmed>, Finding> {
        self.read(CONFIRMED, |confirmed: &Confirmed| confirmed.version)
    }

    pub(crate) fn keep_live(&self, live: &Live) -> Result<(), Finding> {
        self.write(LIVE, live)
    }

    pub(crate) fn keep_confirmed(&self, confirmed: &Confirmed) -> Result<(), Finding> {
        self.write(CONFIRMED, confirmed)
    }

    pub(crate) fn drop_live(&self) -> Result<(), Finding> {
        self.remove(LIVE)
    }

    pub(crate) fn drop_confirmed(&self) -> Result<(), Finding> {
        self.remove(CONFIRMED)
    }

    fn at(&self, path: &str) -> PathBuf {
        self.0.at(path)
    }

    fn read<T: DeserializeOwned>(
        &self,
        path: &'static str,
        version: fn(&T) -> u32,
    ) -> Result<Option<T>, Finding> {
        let bytes = match atomic::read_bounded(&self.at(path), LIMIT) {
            Ok(bytes) => bytes,
            Err(mvm_core::Error::Read { source, .. })
                if source.kind() == io::ErrorKind::NotFound =>
            {
                return Ok(None);
            }
            Err(error) => return Err(unusable(path, chain(&error))),
        };
        let record: T =
            serde_json::from_slice(&bytes).map_err(|error| unusable(path, error.to_string()))?;
        match version(&record) {
            VERSION => Ok(Some(record)),
            other => Err(unusable(path, format!("version {other} is not known here"))),
        }
    }

    fn write<T: Serialize>(&self, path: &'static str, record: &T) -> Result<(), Finding> {
        let text =
            serde_json::to_vec_pretty(record).map_err(|error| unusable(path, error.to_string()))?;
        let written = atomic::write(&self.at(path), &text, MODE);
        written.map_err(|error| unusable(path, chain(&error)))
    }

    fn remove(&self, path: &'static str) -> Result<(), Finding> {
        match fs::remove_file(self.at(path)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(unusable(path, error.to_string()))
            }
            _ => Ok(()),
        }
    }
}

fn unusable(path: &str, why: String) -> Finding {
    record(path).evidence(why)
}
