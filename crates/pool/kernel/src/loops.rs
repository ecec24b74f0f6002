//! Loop devices: which file is behind which, and putting one behind a free one.

use std::ffi::OsStr;
use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};

use loopdev::{LoopControl, LoopDevice};
use mvm_core::Roots;
use mvm_pool_plan::thinpool::{Control, DevNum, FileId};
use nix::errno::Errno;
use nix::libc;

use crate::{Error, control, ioctl};

/// A loop device with a file behind it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Loop {
    /// Its name, such as `loop0`.
    pub device: String,
    /// The file behind it, from LOOP_GET_STATUS64.
    pub file: FileId,
    /// Where the file begins to show, in bytes.
    pub offset: u64,
    /// How much of the file shows, in bytes; 0 is all of it.
    pub limit: u64,
    /// It takes no writes.
    pub read_only: bool,
    /// It goes away by itself when nobody has it open any more.
    pub autoclear: bool,
}

/// A loop device that is kept open: one that clears itself stays as long as this lives.
#[derive(Debug)]
pub struct OpenLoop {
    /// The device's `major:minor`.
    pub number: DevNum,
    /// Its name, such as `loop0`.
    pub device: String,
    /// Whether reads and writes go past the page cache.
    pub direct: bool,
    open: Option<LoopDevice>,
}

impl OpenLoop {
    /// One that nothing is kept open for; for tests.
    pub fn new(number: DevNum, device: impl Into<String>, direct: bool) -> Self {
        Self { number, device: device.into(), direct, open: None }
    }

    /// Whether a device is kept open.
    pub fn is_open(&self) -> bool {
        self.open.is_some()
    }
}

/// What can be done with loop devices.
pub trait LoopDevices {
    /// Whether new ones can be had.
    fn control(&self) -> Control;

    /// The device of this name, such as `loop0`; `None` when it is no loop device or has no file.
    ///
    /// # Errors
    /// When it cannot be opened or asked.
    fn status(&self, device: &str) -> Result<Option<Loop>, Error>;

    /// Every device that has a file behind it.
    ///
    /// # Errors
    /// When /sys/block cannot be read. A device that goes away meanwhile is none.
    fn attached(&self) -> Result<Vec<Loop>, Error>;

    /// Puts the file behind a free device that clears itself, with direct I/O where the file
    /// system can do it.
    ///
    /// # Errors
    /// [`Error::NoFreeLoop`] or [`Error::Attach`].
    fn attach(&self, file: &Path) -> Result<OpenLoop, Error>;

    /// Opens a device that is attached already.
    ///
    /// # Errors
    /// [`Error::Detached`] when the device now has another file, or none.
    fn hold(&self, device: &str, file: &Path) -> Result<OpenLoop, Error>;

    /// Lets a device show all of a file that got longer.
    ///
    /// # Errors
    /// [`Error::LoopResize`]
    fn show_all(&self, device: &str) -> Result<(), Error>;

    /// Detaches the file of a device that nobody has open; one that somebody has open is let go of
    /// when the last one closes it.
    ///
    /// # Errors
    /// [`Error::LoopDetach`]
    fn detach(&self, device: &str) -> Result<(), Error>;
}

/// This machine's.
#[derive(Debug, Clone)]
pub struct Kernel {
    roots: Roots,
}

/// How often a free device may be snatched away before the search is given up. The kernel hands
/// out a number and forgets about it, so every other process that searches may get the same one.
const TRIES: usize = 64;

impl Kernel {
    /// Nodes and /sys are looked up below `roots`; new devices come from this machine's kernel.
    pub fn new(roots: &Roots) -> Self {
        Self { roots: roots.clone() }
    }

    fn node(&self, device: &str) -> PathBuf {
        self.roots.at(Path::new("/dev").join(device))
    }

    fn configure(&self, device: &LoopDevice, file: &File, path: &Path) -> io::Result<()> {
        let fd = device.as_raw_fd();
        let name = path.as_os_str().as_bytes();
        let flags = ioctl::AUTOCLEAR | ioctl::DIRECT_IO;
        match ioctl::configure(fd, file, flags, name) {
            // Some kernels refuse what others fall back from: direct I/O that cannot be had.
            Err(error) if error.raw_os_error() == Some(libc::EINVAL) => {
                ioctl::configure(fd, file, ioctl::AUTOCLEAR, name)
            }
            outcome => outcome,
        }
    }
}

impl LoopDevices for Kernel {
    fn control(&self) -> Control {
        control::look(&self.roots.at("/dev/loop-control"))
    }

    fn status(&self, device: &str) -> Result<Option<Loop>, Error> {
        let failed = |source| Error::LoopStatus { device: device.to_owned(), source };
        let node = match File::open(self.node(device)) {
            Ok(node) => node,
            Err(error) if is_gone(&error) => return Ok(None),
            Err(error) => return Err(failed(error)),
        };
        match ioctl::status(node.as_raw_fd()) {
            Ok(info) => Ok(Some(Loop {
                device: device.to_owned(),
                file: FileId { device: decode(info.device), inode: info.inode },
                offset: info.offset,
                limit: info.size_limit,
                read_only: info.flags & ioctl::READ_ONLY != 0,
                autoclear: info.flags & ioctl::AUTOCLEAR != 0,
            })),
            Err(error) if is_gone(&error) || error.raw_os_error() == Some(libc::ENOTTY) => Ok(None),
            Err(error) => Err(failed(error)),
        }
    }

    fn attached(&self) -> Result<Vec<Loop>, Error> {
        let folder = self.roots.at("/sys/block");
        let failed = |source| Error::Look { path: folder.clone(), source };
        let mut attached = Vec::new();
        for entry in fs::read_dir(&folder).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            let name = entry.file_name();
            let Some(name) = name.to_str().filter(|name| name.starts_with("loop")) else {
                continue;
            };
            // The kernel shows this folder while a file is attached, and only then.
            if entry.path().join("loop").is_dir() {
                attached.extend(self.status(name)?);
            }
        }
        Ok(attached)
    }

    fn attach(&self, path: &Path) -> Result<OpenLoop, Error> {
        let attach = |source| Error::Attach { path: path.to_owned(), source };
        let none = |source| Error::NoFreeLoop { path: path.to_owned(), source };
        let file = OpenOptions::new().read(true).write(true).open(path).map_err(attach)?;
        let loops = LoopControl::open().map_err(none)?;
        for _ in 0..TRIES {
            let device = loops.next_free().map_err(none)?;
            match self.configure(&device, &file, path) {
                Ok(()) => return open_loop(device).map_err(attach),
                Err(error) if error.raw_os_error() == Some(libc::EBUSY) => {}
                Err(error) => return Err(attach(error)),
            }
        }
        Err(none(io::Error::from(Errno::EBUSY)))
    }

    fn hold(&self, device: &str, path: &Path) -> Result<OpenLoop, Error> {
        let detached = || Error::Detached { device: device.to_owned(), path: path.to_owned() };
        let file =
            fs::metadata(path).map_err(|source| Error::Look { path: path.to_owned(), source })?;
        let open = LoopDevice::open(self.node(device)).map_err(|_| detached())?;
        let info = ioctl::status(open.as_raw_fd()).map_err(|_| detached())?;
        if (decode(info.device), info.inode) != (file.dev(), file.ino()) {
            return Err(detached());
        }
        open_loop(open).map_err(|source| Error::LoopStatus { device: device.to_owned(), source })
    }

    fn show_all(&self, device: &str) -> Result<(), Error> {
        let resize = || LoopDevice::open(self.node(device))?.set_capacity();
        resize().map_err(|source| Error::LoopResize { device: device.to_owned(), source })
    }

    fn detach(&self, device: &str) -> Result<(), Error> {
        let detach = || LoopDevice::open(self.node(device))?.detach();
        match detach() {
            Err(error) if is_gone(&error) => Ok(()),
            outcome => {
                outcome.map_err(|source| Error::LoopDetach { device: device.to_owned(), source })
            }
        }
    }
}

fn open_loop(open: LoopDevice) -> io::Result<OpenLoop> {
    let info = ioctl::status(open.as_raw_fd())?;
    let path = open.path().ok_or(io::ErrorKind::NotFound)?;
    let node = fs::metadata(&path)?;
    if !node.file_type().is_block_device() {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    Ok(OpenLoop {
        number: number(node.rdev()),
        device: path.file_name().and_then(OsStr::to_str).unwrap_or_default().to_owned(),
        direct: info.flags & ioctl::DIRECT_IO != 0,
        open: Some(open),
    })
}

/// A device number as stat(2) gives it.
pub(crate) fn number(device: u64) -> DevNum {
    let part = |value: u64| u32::try_from(value).unwrap_or(u32::MAX);
    DevNum {
        major: part(nix::sys::stat::major(device)),
        minor: part(nix::sys::stat::minor(device)),
    }
}

/// A device number as the kernel's ioctls give it (`new_encode_dev`) to what stat(2) gives.
fn decode(device: u64) -> u64 {
    let major = (device >> 8) & 0xfff;
    let minor = (device & 0xff) | ((device >> 12) & 0xf_ff00);
    nix::sys::stat::makedev(major, minor)
}

fn is_gone(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(libc::ENOENT | libc::ENXIO | libc::ENODEV))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn device_numbers_are_decoded() {
        for (major, minor) in [(8, 1), (254, 0), (259, 300), (253, 0xf_ffff)] {
            let encoded = (minor & 0xff) | (major << 8) | ((minor & !0xff) << 12);
            assert_eq!(decode(encoded), nix::sys::stat::makedev(major, minor));
        }
    }
}
