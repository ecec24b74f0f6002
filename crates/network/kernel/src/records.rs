//! The records of the uplink, on disk.

use std::fs::{self, File};
use std::io;

use mvm_core::catalogue::uplink::record;
use mvm_core::{Finding, Roots, chain, state};
use mvm_network_plan::network::{Confirmed, Live};

/// Gone with the boot: how to put the uplink back, and for how long it is on trial.
const LIVE: state::File<Live> = state::File::of(&state::UPLINK);
/// Kept over boots: which uplink was confirmed on which bridge.
const CONFIRMED: state::File<Confirmed> = state::File::of(&state::UPLINK_CONFIRMED);
/// Held by whoever changes either of them or the uplink.
const LOCK: &str = "/run/mvmhost/uplink.lock";

/// The records of [`LIVE`] and [`CONFIRMED`], below these roots.
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
        open().map_err(|error| record(LOCK).evidence(error.to_string()))
    }

    pub(crate) fn live(&self) -> Result<Option<Live>, Finding> {
        LIVE.read(self.0).map_err(unusable)
    }

    pub(crate) fn confirmed(&self) -> Result<Option<Confirmed>, Finding> {
        CONFIRMED.read(self.0).map_err(unusable)
    }

    pub(crate) fn keep_live(&self, live: &Live) -> Result<(), Finding> {
        LIVE.write(self.0, live).map_err(unusable)
    }

    pub(crate) fn keep_confirmed(&self, confirmed: &Confirmed) -> Result<(), Finding> {
        CONFIRMED.write(self.0, confirmed).map_err(unusable)
    }

    pub(crate) fn drop_live(&self) -> Result<(), Finding> {
        LIVE.remove(self.0).map_err(unusable)
    }

    pub(crate) fn drop_confirmed(&self) -> Result<(), Finding> {
        CONFIRMED.remove(self.0).map_err(unusable)
    }
}

fn unusable(error: mvm_core::Error) -> Finding {
    match error {
        mvm_core::Error::State { path, why } => record(path.display().to_string()).evidence(why),
        other => record("/run/mvmhost").evidence(chain(&other)),
    }
}
