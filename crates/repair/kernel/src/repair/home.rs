//! Where the metadata of a pool are, and how repaired ones take the place of damaged ones. At every
//! moment there is a whole one, damaged or repaired.

use std::cell::Cell;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use mvm_core::Roots;
use mvm_pool_kernel::lvm::Lvm;
use mvm_pool_kernel::{Error, files, receipt};
use mvm_pool_plan::lvm::LvmState;
use mvm_pool_plan::thinpool::RecordedIdentity;
use mvm_pool_plan::{loopback, lvm};
use mvm_repair_plan::lvm::{leftover_volume, metadata_size};

use super::copy;

/// The place of the metadata of a pool that is down.
pub(super) trait Home {
    /// From where they can be read, after this call and until [`Self::close`].
    fn open(&self) -> Result<PathBuf, Error>;
    /// Takes away what a killed repair left, when there is nothing left to repair.
    fn tidy(&self) -> Result<(), Error>;
    /// Puts the result into their place.
    fn swap(&self, result: &Path) -> Result<(), Error>;
    /// Nothing is read any more.
    fn close(&self) -> Result<(), Error>;
}

/// The metadata of a pool on files, in the file `metadata`.
pub(super) struct InFile<'a> {
    pub(super) roots: &'a Roots,
    pub(super) desired: &'a loopback::Desired,
    pub(super) observed: &'a loopback::Observed,
}

impl Home for InFile<'_> {
    fn open(&self) -> Result<PathBuf, Error> {
        Ok(self.roots.at(self.desired.metadata_path()))
    }

    fn tidy(&self) -> Result<(), Error> {
        Ok(())
    }

    /// The receipt knows both files before one takes the other's place, and the new one alone
    /// afterwards.
    fn swap(&self, result: &Path) -> Result<(), Error> {
        let metadata = self.open()?;
        let failed = |source| Error::Swap { path: metadata.clone(), source };
        files::sync(result)?;
        let missing = || failed(io::Error::from(io::ErrorKind::NotFound));
        let new = RecordedIdentity::of(&files::facts(result)?.ok_or_else(missing)?);
        let record = self.observed.receipt.pool();
        if let Some(old) = record {
            receipt::write(self.roots, &old.repaired(new, false))?;
        }
        fs::rename(result, &metadata).map_err(failed)?;
        copy::sync_folder(&metadata).map_err(failed)?;
        if let Some(old) = record {
            receipt::write(self.roots, &old.repaired(new, true))?;
        }
        Ok(())
    }

    fn close(&self) -> Result<(), Error> {
        Ok(())
    }
}

/// A volume of LVM's.
pub(super) struct InVolume<'a> {
    pub(super) roots: &'a Roots,
    pub(super) desired: &'a lvm::Desired,
    pub(super) lvm_state: &'a LvmState,
    pub(super) lvm: Lvm<'a>,
    /// The volume has a device.
    pub(super) active: Cell<bool>,
}

impl InVolume<'_> {
    fn device(&self, of: &str) -> PathBuf {
        self.roots.at(format!("/dev/mapper/{}{of}", self.desired.pool.name))
    }

    /// Writes the result into a new volume, and reads it again.
    fn write(&self, result: &Path) -> Result<(), Error> {
        let (volume_desired, new) = (&self.desired.volume, self.device("--mvmhost--repair"));
        self.tidy()?;
        self.lvm
            .create(&volume_desired.repaired(), metadata_size(volume_desired, self.lvm_state))?;
        let failed = |source| Error::Copy { path: result.to_owned(), to: new.clone(), source };
        let write = || {
            let mut target = File::options().write(true).open(&new)?;
            // Holes too: what was in these extents before is none of the pool's business.
            io::copy(&mut File::open(result)?, &mut target)?;
            target.sync_all()
        };
        write().map_err(failed)?;
        self.is_like(&new, result)?;
        self.lvm.deactivate(&volume_desired.repaired())
    }

    fn is_like(&self, device: &Path, result: &Path) -> Result<(), Error> {
        let failed =
            |source| Error::Copy { path: result.to_owned(), to: device.to_owned(), source };
        match copy::digest(device).map_err(failed)? == copy::digest(result).map_err(failed)? {
            true => Ok(()),
            false => Err(failed(io::Error::other("the copy is not like the original"))),
        }
    }
}

impl Home for InVolume<'_> {
    fn open(&self) -> Result<PathBuf, Error> {
        if !self.active.replace(true) {
            self.lvm.activate_part(&self.desired.volume.metadata())?;
        }
        Ok(self.device("_tmeta"))
    }

    fn tidy(&self) -> Result<(), Error> {
        let volume_desired = &self.desired.volume;
        leftover_volume(volume_desired, self.lvm_state)
            .map_or(Ok(()), |_| self.lvm.remove(&volume_desired.repaired()))
    }

    /// LVM changes the two volumes in one commit of its own metadata.
    fn swap(&self, result: &Path) -> Result<(), Error> {
        let volume_desired = &self.desired.volume;
        self.write(result)?;
        self.close()?;
        self.lvm.swap_metadata(&volume_desired.path(), &volume_desired.repaired())?;
        self.is_like(&self.open()?, result)?;
        // The damaged ones, of which a file was made before all this.
        self.lvm.remove(&volume_desired.repaired())
    }

    fn close(&self) -> Result<(), Error> {
        match self.active.replace(false) {
            true => self.lvm.deactivate(&self.desired.volume.metadata()),
            false => Ok(()),
        }
    }
}
