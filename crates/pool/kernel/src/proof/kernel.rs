//! The operations on this machine.

use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::AsRawFd;
use std::os::unix::fs::OpenOptionsExt;
use std::thread::sleep;
use std::time::Duration;

use devicemapper::{DM, DevId, DmError, DmFlags, DmName, DmOptions, DmUuid};
use nix::errno::Errno;
use nix::libc::O_DIRECT;

use super::{PIECE, Thin};
use crate::mapper::{errno, mapper};
use crate::{Error, Operation, ioctl};

/// udev may look at a new device for a moment, and keeps it from being removed meanwhile.
const LOOKS: u32 = 50;
const LOOK: Duration = Duration::from_millis(100);

/// This machine's device-mapper.
#[derive(Debug, Clone, Copy)]
pub struct Kernel;

/// Does one thing to the device of a name.
fn with<T>(
    operation: Operation,
    name: &str,
    act: impl FnOnce(&DM, &DevId<'_>) -> Result<T, DmError>,
) -> Result<T, Error> {
    let failed = |error| mapper(operation, name, &error);
    let dm = DM::new().map_err(failed)?;
    let id = DevId::Name(DmName::new(name).map_err(failed)?);
    act(&dm, &id).map_err(failed)
}

impl Thin for Kernel {
    fn send_message(&self, pool: &str, message: &str) -> Result<(), Error> {
        with(Operation::Message, pool, |dm, id| dm.target_msg(id, None, message)).map(drop)
    }

    fn activate(&self, pool: &str, name: &str, id: u32, sectors: u64) -> Result<(), Error> {
        let pool = with(Operation::Look, pool, |dm, id| dm.device_info(id))?.device();
        let params = format!("{}:{} {id}", pool.major, pool.minor);
        with(Operation::MakeThin, name, |dm, device| {
            let uuid = format!("MVM-{name}");
            dm.device_create(DmName::new(name)?, Some(DmUuid::new(&uuid)?), DmOptions::default())?;
            let target = (0, sectors, "thin".to_owned(), params);
            dm.table_load(device, &[target], DmOptions::default())?;
            // Nobody's disk: no links below /dev/disk, no probing for file systems.
            dm.device_suspend(device, DmOptions::private())
        })
        .map(drop)
    }

    fn pause(&self, name: &str, suspended: bool) -> Result<(), Error> {
        let options = match suspended {
            true => DmOptions::default().set_flags(DmFlags::DM_SUSPEND),
            false => DmOptions::private(),
        };
        with(Operation::Suspend, name, |dm, id| dm.device_suspend(id, options)).map(drop)
    }

    fn remove(&self, name: &str) -> Result<(), Error> {
        let mut looks = 0;
        loop {
            let removed = with(Operation::Remove, name, |dm, id| {
                match dm.device_remove(id, DmOptions::default()) {
                    Err(error) if errno(&error) == Some(Errno::ENXIO) => Ok(()),
                    removed => removed.map(drop),
                }
            });
            match removed {
                Err(error) if error.errno() == Some(Errno::EBUSY as i32) && looks < LOOKS => {
                    looks += 1;
                    sleep(LOOK);
                }
                other => return other,
            }
        }
    }

    fn write(&self, name: &str, byte: u8) -> Result<(), Error> {
        let mut buffer = aligned(byte);
        let operation =
            |mut file: File| file.write_all(piece(&mut buffer)).and_then(|()| file.sync_all());
        open(name).and_then(operation).map_err(|source| thin("write to", name, source))
    }

    fn reads(&self, name: &str, byte: u8) -> Result<bool, Error> {
        let mut buffer = aligned(!byte);
        let operation = |mut file: File| {
            let piece = piece(&mut buffer);
            file.read_exact(piece)?;
            Ok(piece.iter().all(|read| *read == byte))
        };
        open(name).and_then(operation).map_err(|source| thin("read", name, source))
    }

    fn discard(&self, name: &str, bytes: u64) -> Result<(), Error> {
        let discarded = open(name).and_then(|file| ioctl::discard(file.as_raw_fd(), bytes));
        match discarded {
            // The pool was made to ignore discards.
            Err(error) if error.raw_os_error() == Some(Errno::EOPNOTSUPP as i32) => Ok(()),
            other => other.map_err(|source| thin("discard on", name, source)),
        }
    }
}

fn thin(operation: &'static str, name: &str, source: io::Error) -> Error {
    Error::Thin { operation, name: name.to_owned(), source }
}

/// The kernel's own node, which is there whatever udev does.
fn open(name: &str) -> io::Result<File> {
    let minor = with(Operation::Look, name, |dm, id| dm.device_info(id));
    let minor = minor.map_err(|error| io::Error::other(error.chain()))?.device().minor;
    let mut options = File::options();
    options.read(true).write(true).custom_flags(O_DIRECT);
    options.open(format!("/dev/dm-{minor}"))
}

/// A buffer in which there is a piece at an address that direct I/O takes.
fn aligned(byte: u8) -> Vec<u8> {
    vec![byte; 2 * PIECE]
}

fn piece(buffer: &mut [u8]) -> &mut [u8] {
    let start = buffer.as_ptr().align_offset(PIECE);
    &mut buffer[start..start + PIECE]
}
