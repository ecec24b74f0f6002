//! device-mapper: what is under a name, and a thin pool's life from creation to removal.

use std::io;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use devicemapper::{DM, DevId, DeviceInfo, DmError, DmFlags, DmName, DmOptions, DmUuid, errors};
use mvm_core::Roots;
use mvm_pool_plan::thinpool::{Control, DevNum, ThinPoolTable};
use nix::errno::Errno;

use crate::{Error, Operation, control};

/// What device-mapper has under a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Look {
    /// The device's `major:minor`.
    pub number: DevNum,
    /// Its UUID; may be empty.
    pub uuid: String,
    /// Every I/O waits.
    pub suspended: bool,
    /// A table was loaded and not resumed.
    pub second_table: bool,
    /// The live table; empty when there is none.
    pub table: Vec<Target>,
}

/// One target of a live table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// The whole line, as `dmsetup table` prints it.
    pub line: String,
    /// The target's name, such as `thin-pool`.
    pub kind: String,
    /// Its status, without start, length and name.
    pub status: String,
}

/// What can be done with device-mapper.
pub trait DeviceMapper {
    /// Whether it can be spoken to.
    fn control(&self) -> Control;

    /// The device of this name. Changes nothing: metadata is not flushed for it.
    ///
    /// # Errors
    /// When device-mapper does not answer.
    fn look(&self, name: &str) -> Result<Option<Look>, Error>;

    /// Creates a device without a table.
    ///
    /// # Errors
    /// When the name or UUID is taken.
    fn create(&self, name: &str, uuid: &str) -> Result<(), Error>;

    /// Loads a table; it takes effect at the next resume.
    ///
    /// # Errors
    /// When the kernel refuses the table.
    fn load(&self, name: &str, table: &ThinPoolTable) -> Result<(), Error>;

    /// Resumes a device. It runs when this returns; udev may still be busy with it.
    ///
    /// # Errors
    /// When the kernel refuses.
    fn resume(&self, name: &str) -> Result<Settling, Error>;

    /// Has a live pool commit what is pending. The kernel looks only then whether a pool that ran out
    /// of space has some again, and blocks freed by a discard that took longer than its period of
    /// a second are committed by nobody (drivers/md/dm-thin.c, process_deferred_bios).
    ///
    /// # Errors
    /// When the kernel cannot be asked.
    fn commit(&self, name: &str) -> Result<(), Error>;

    /// Removes a device that nobody has open. Never forced, never deferred.
    ///
    /// # Errors
    /// When somebody has it open.
    fn remove(&self, name: &str) -> Result<(), Error>;

    /// Removes a device at once, or as soon as nobody has it open any more.
    ///
    /// # Errors
    /// When the kernel refuses.
    fn remove_once_closed(&self, name: &str) -> Result<(), Error>;
}

/// A device that runs while udev is still making its node. Waiting is not left out: an unfinished
/// cookie is a semaphore of the host that nobody else takes away.
#[derive(Debug, Default)]
pub struct Settling(Option<JoinHandle<Result<(), Error>>>);

impl Settling {
    /// Settled when the thread has ended.
    pub fn after(thread: JoinHandle<Result<(), Error>>) -> Self {
        Self(Some(thread))
    }

    /// Waits until udev is done with the device.
    ///
    /// # Errors
    /// When its cookie cannot be waited for.
    pub fn wait(self) -> Result<(), Error> {
        // A thread that panicked has said so, and the node is looked for in any case.
        self.0.and_then(|thread| thread.join().ok()).unwrap_or(Ok(()))
    }

    /// Whether udev is done with the device before so much time has passed.
    pub fn is_over_within(&self, limit: Duration) -> bool {
        let begun = Instant::now();
        while !self.is_over() {
            if begun.elapsed() >= limit {
                return false;
            }
            thread::sleep(POLL_INTERVAL);
        }
        true
    }

    fn is_over(&self) -> bool {
        self.0.as_ref().is_none_or(JoinHandle::is_finished)
    }
}

/// How long between two looks at a device that is being resumed, which takes some milliseconds.
const POLL_INTERVAL: Duration = Duration::from_millis(1);

/// This machine's. The node is opened for each call, which costs microseconds, so that a machine
/// without device-mapper can still be looked at.
#[derive(Debug, Clone)]
pub struct Kernel {
    roots: Roots,
}

impl Kernel {
    /// The node is looked for below `roots`; the devices are this machine's.
    pub fn new(roots: &Roots) -> Self {
        Self { roots: roots.clone() }
    }
}

impl DeviceMapper for Kernel {
    fn control(&self) -> Control {
        control::look(&self.roots.at("/dev/mapper/control"))
    }

    fn look(&self, name: &str) -> Result<Option<Look>, Error> {
        let failed = |error| mapper(Operation::Look, name, &error);
        let dm = DM::new().map_err(failed)?;
        let id = DevId::Name(DmName::new(name).map_err(failed)?);
        let ask = |flags| dm.table_status(&id, DmOptions::default().set_flags(flags));
        let (info, table) = match ask(DmFlags::DM_STATUS_TABLE | DmFlags::DM_NOFLUSH) {
            Ok(answer) => answer,
            Err(error) if errno(&error) == Some(Errno::ENXIO) => return Ok(None),
            Err(error) => return Err(failed(error)),
        };
        let mut look = facts(&info);
        if info.flags().contains(DmFlags::DM_ACTIVE_PRESENT) {
            let (_, status) = ask(DmFlags::DM_NOFLUSH).map_err(failed)?;
            let targets = table.into_iter().zip(status);
            look.table = targets
                .map(|((start, length, kind, params), (.., status))| Target {
                    line: format!("{start} {length} {kind} {params}").trim_end().to_owned(),
                    kind,
                    status: status.trim_end().to_owned(),
                })
                .collect();
        }
        Ok(Some(look))
    }

    fn create(&self, name: &str, uuid: &str) -> Result<(), Error> {
        let failed = |error| mapper(Operation::Create, name, &error);
        let uuid = DmUuid::new(uuid).map_err(failed)?;
        let name = DmName::new(name).map_err(failed)?;
        let dm = DM::new().map_err(failed)?;
        dm.device_create(name, Some(uuid), DmOptions::default()).map_err(failed)?;
        Ok(())
    }

    fn load(&self, name: &str, table: &ThinPoolTable) -> Result<(), Error> {
        let failed = |error| mapper(Operation::Load, name, &error);
        let target = (0, table.shape.sectors, "thin-pool".to_owned(), table.params());
        let id = DevId::Name(DmName::new(name).map_err(failed)?);
        let dm = DM::new().map_err(failed)?;
        dm.table_load(&id, &[target], DmOptions::default()).map_err(failed)?;
        Ok(())
    }

    fn resume(&self, name: &str) -> Result<Settling, Error> {
        let owned = name.to_owned();
        let thread =
            thread::Builder::new().spawn(move || resume_and_wait(&owned)).map_err(|source| {
                Error::Mapper { operation: Operation::Resume, name: name.to_owned(), source }
            })?;
        let settling = Settling::after(thread);
        while !settling.is_over() {
            if runs(name)? {
                return Ok(settling);
            }
            thread::sleep(POLL_INTERVAL);
        }
        settling.wait()?;
        Ok(Settling::default())
    }

    fn commit(&self, name: &str) -> Result<(), Error> {
        let failed = |error| mapper(Operation::Commit, name, &error);
        let id = DevId::Name(DmName::new(name).map_err(failed)?);
        let dm = DM::new().map_err(failed)?;
        // A status without DM_NOFLUSH.
        dm.table_status(&id, DmOptions::default()).map_err(failed)?;
        Ok(())
    }

    fn remove(&self, name: &str) -> Result<(), Error> {
        remove(name, DmOptions::default())
    }

    fn remove_once_closed(&self, name: &str) -> Result<(), Error> {
        remove(name, DmOptions::default().set_flags(DmFlags::DM_DEFERRED_REMOVE))
    }
}

fn remove(name: &str, options: DmOptions) -> Result<(), Error> {
    let failed = |error| mapper(Operation::Remove, name, &error);
    let id = DevId::Name(DmName::new(name).map_err(failed)?);
    let dm = DM::new().map_err(failed)?;
    dm.device_remove(&id, options).map_err(failed)?;
    Ok(())
}

/// The library resumes and waits for udev in one call.
fn resume_and_wait(name: &str) -> Result<(), Error> {
    let failed = |error| mapper(Operation::Resume, name, &error);
    let id = DevId::Name(DmName::new(name).map_err(failed)?);
    let dm = DM::new().map_err(failed)?;
    // A pool is nobody's disk: no links below /dev/disk, no probing for file systems, and none
    // on it to be frozen. A pool that is full must not wait for its writes while it gets room.
    let flags = DmFlags::DM_SKIP_LOCKFS | DmFlags::DM_NOFLUSH;
    dm.device_suspend(&id, DmOptions::private().set_flags(flags)).map_err(failed)?;
    Ok(())
}

/// Whether the table that was loaded is live and takes I/O.
fn runs(name: &str) -> Result<bool, Error> {
    let failed = |error| mapper(Operation::Look, name, &error);
    let id = DevId::Name(DmName::new(name).map_err(failed)?);
    let flags = DM::new().and_then(|dm| dm.device_info(&id)).map_err(failed)?.flags();
    Ok(flags.contains(DmFlags::DM_ACTIVE_PRESENT) && !flags.contains(DmFlags::DM_SUSPEND))
}

fn facts(info: &DeviceInfo) -> Look {
    let device = info.device();
    Look {
        number: DevNum { major: device.major, minor: device.minor },
        uuid: info.uuid().map(ToString::to_string).unwrap_or_default(),
        suspended: info.flags().contains(DmFlags::DM_SUSPEND),
        second_table: info.flags().contains(DmFlags::DM_INACTIVE_PRESENT),
        table: Vec::new(),
    }
}

/// The errno of a failed ioctl; `None` of what failed before one.
pub fn errno(error: &DmError) -> Option<Errno> {
    match error {
        DmError::Core(errors::Error::Ioctl(_, _, _, errno)) => Some(**errno),
        _ => None,
    }
}

/// A failed call as [`Error::Mapper`].
pub fn mapper(operation: Operation, name: &str, error: &DmError) -> Error {
    Error::Mapper { operation, name: name.to_owned(), source: cause(error) }
}

/// devicemapper's own text of an ioctl error is a dump of two headers; the errno says it all.
pub fn cause(error: &DmError) -> io::Error {
    errno(error).map_or_else(|| io::Error::other(error.to_string()), io::Error::from)
}
