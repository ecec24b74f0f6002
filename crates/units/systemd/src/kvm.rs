//! /dev/kvm, opened and asked: a node alone proves nothing. Numbers are those of linux/kvm.h.

use std::ffi::OsStr;
use std::fs::File;
use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::time::Duration;

use mvm_config::arch;
use mvm_core::Roots;
use mvm_core::exec::{Execute, Limits};
use nix::{libc, request_code_none};

const MODPROBE: &str = "/sbin/modprobe";
/// A driver tests the processor when it is loaded, which takes seconds on an emulated one.
const DRIVER_TIMEOUT: Duration = Duration::from_secs(20);

/// What /dev/kvm answered.
#[derive(Debug)]
pub enum Kvm {
    /// It cannot be opened for reading and writing; `NotFound` where there is no node.
    Closed(io::Error),
    /// It was opened for reading and writing; each answer may still be an error.
    Opened {
        /// KVM_GET_API_VERSION.
        version: io::Result<i32>,
        /// Whether a virtual machine could be made; it is gone again.
        creates: io::Result<()>,
        /// Extensions that Firecracker needs and that are not there, without `KVM_CAP_`.
        missing: Vec<&'static str>,
    },
}

mod raw {
    use super::request_code_none;
    nix::ioctl_write_int_bad!(version, request_code_none!(0xAE, 0x00));
    nix::ioctl_write_int_bad!(create, request_code_none!(0xAE, 0x01));
    nix::ioctl_write_int_bad!(extension, request_code_none!(0xAE, 0x03));
}

/// Loads the processor's driver where /dev/kvm does not open: this early in a boot udev may not have
/// come to it. A driver that the machine lacks, or that its operator forbids, stays away, and
/// [`ask`] says so.
pub fn load_driver(roots: &Roots, execute: &dyn Execute) {
    let opens = File::options().read(true).write(true).open(roots.at("/dev/kvm")).is_ok();
    let modprobe = roots.at(MODPROBE);
    if !opens && modprobe.exists() {
        let arguments = ["--all", "--use-blacklist", "--quiet", "kvm_amd", "kvm_intel"];
        let arguments = arguments.map(OsStr::new);
        // One of the two always fails; what counts is whether the node opens afterwards.
        let _ = execute.run(&modprobe, &arguments, &mut Limits::timeout(DRIVER_TIMEOUT));
    }
}

/// Opens the node, asks its version and extensions, and makes and drops a virtual machine.
pub fn ask(roots: &Roots) -> Kvm {
    let node = match File::options().read(true).write(true).open(roots.at("/dev/kvm")) {
        Ok(node) => node,
        Err(error) => return Kvm::Closed(error),
    };
    let needed = arch::native().kvm.iter();
    let missing = needed.filter(|(number, _)| !matches!(has(&node, *number), Ok(1..)));
    Kvm::Opened {
        version: version(&node),
        creates: create(&node),
        missing: missing.map(|(_, name)| *name).collect(),
    }
}

#[expect(unsafe_code, reason = "an ioctl")]
fn version(node: &File) -> io::Result<i32> {
    // SAFETY: the request takes no pointer, and the descriptor is open.
    unsafe { raw::version(node.as_raw_fd(), 0) }.map_err(io::Error::from)
}

#[expect(unsafe_code, reason = "an ioctl")]
fn has(node: &File, number: i32) -> io::Result<i32> {
    // SAFETY: the request takes a number, and the descriptor is open.
    unsafe { raw::extension(node.as_raw_fd(), number) }.map_err(io::Error::from)
}

#[expect(unsafe_code, reason = "an ioctl that makes a descriptor")]
fn create(node: &File) -> io::Result<()> {
    // SAFETY: the request takes a number, the default type, and the descriptor is open.
    let made: libc::c_int = unsafe { raw::create(node.as_raw_fd(), 0) }.map_err(io::Error::from)?;
    // SAFETY: the kernel has just made this descriptor, and nobody else knows it.
    drop(unsafe { OwnedFd::from_raw_fd(made) });
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_node_that_is_none_is_told_from_a_driver() {
        let folder = tempfile::tempdir().unwrap();
        let roots = Roots::new(folder.path());
        assert!(
            matches!(ask(&roots), Kvm::Closed(error) if error.kind() == io::ErrorKind::NotFound)
        );
        std::fs::create_dir(folder.path().join("dev")).unwrap();
        std::fs::write(folder.path().join("dev/kvm"), "").unwrap();
        let Kvm::Opened { version, creates, missing } = ask(&roots) else { panic!("a plain file") };
        assert_eq!(version.unwrap_err().raw_os_error(), Some(libc::ENOTTY));
        assert!(creates.is_err());
        assert_eq!(missing.len(), arch::native().kvm.len());
    }
}
