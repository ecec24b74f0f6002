//! The ioctls that no crate of ours has: two of loop devices and one of disks; the only unsafe code
//! here. Layout and numbers are those of linux/loop.h and linux/fs.h.

use std::fs::File;
use std::io;
use std::os::fd::{AsRawFd, RawFd};

/// `LO_FLAGS_READ_ONLY`
pub(crate) const READ_ONLY: u32 = 1;
/// `LO_FLAGS_AUTOCLEAR`
pub(crate) const AUTOCLEAR: u32 = 4;
/// `LO_FLAGS_DIRECT_IO`
pub(crate) const DIRECT_IO: u32 = 16;
/// `LO_NAME_SIZE`
const NAME_SIZE: usize = 64;

/// `struct loop_info64`
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub(crate) struct LoopInfo {
    pub(crate) device: u64,
    pub(crate) inode: u64,
    rdevice: u64,
    pub(crate) offset: u64,
    pub(crate) size_limit: u64,
    number: u32,
    encrypt_type: u32,
    encrypt_key_size: u32,
    pub(crate) flags: u32,
    file_name: [u8; NAME_SIZE],
    crypt_name: [u8; NAME_SIZE],
    encrypt_key: [u8; 32],
    init: [u64; 2],
}

impl LoopInfo {
    fn new(flags: u32, name: &[u8]) -> Self {
        let mut file_name = [0; NAME_SIZE];
        // One byte less: the kernel wants the name to end with a zero.
        for (to, from) in file_name.iter_mut().zip(name.iter().take(NAME_SIZE - 1)) {
            *to = *from;
        }
        Self {
            device: 0,
            inode: 0,
            rdevice: 0,
            offset: 0,
            size_limit: 0,
            number: 0,
            encrypt_type: 0,
            encrypt_key_size: 0,
            flags,
            file_name,
            crypt_name: [0; NAME_SIZE],
            encrypt_key: [0; 32],
            init: [0; 2],
        }
    }
}

/// `struct loop_config`
#[repr(C)]
pub(crate) struct LoopConfig {
    fd: u32,
    block_size: u32,
    info: LoopInfo,
    reserved: [u64; 8],
}

mod raw {
    use super::{LoopConfig, LoopInfo};

    nix::ioctl_write_ptr_bad!(
        /// `LOOP_CONFIGURE`, Linux 5.8 and later.
        configure,
        0x4C0A,
        LoopConfig
    );
    nix::ioctl_read_bad!(
        /// `LOOP_GET_STATUS64`
        status,
        0x4C05,
        LoopInfo
    );
    nix::ioctl_write_ptr_bad!(
        /// `BLKDISCARD`
        discard,
        nix::request_code_none!(0x12, 119),
        [u64; 2]
    );
}

/// Gives the first `length` bytes of a disk back.
pub(crate) fn discard(device: RawFd, length: u64) -> io::Result<()> {
    let range = [0, length];
    #[expect(unsafe_code, reason = "an ioctl")]
    // SAFETY: BLKDISCARD reads two 64-bit numbers and keeps no pointer to them; on a descriptor of
    // something else than a disk the kernel answers ENOTTY.
    unsafe { raw::discard(device, &raw const range) }.map_err(io::Error::from)?;
    Ok(())
}

/// Puts `file` behind the loop device in one go. `name` is what `losetup` shows, cut to 63 bytes.
/// The logical block size stays 512 bytes, as losetup leaves it.
pub(crate) fn configure(device: RawFd, file: &File, flags: u32, name: &[u8]) -> io::Result<()> {
    let fd = u32::try_from(file.as_raw_fd()).map_err(io::Error::other)?;
    let config =
        LoopConfig { fd, block_size: 0, info: LoopInfo::new(flags, name), reserved: [0; 8] };
    #[expect(unsafe_code, reason = "an ioctl")]
    // SAFETY: LOOP_CONFIGURE reads a `struct loop_config`, which LoopConfig is laid out as, and
    // keeps no pointer to it. Both descriptors are open for the length of the call; on a
    // descriptor of something else than a loop device the kernel answers ENOTTY.
    unsafe { raw::configure(device, &raw const config) }.map_err(io::Error::from)?;
    Ok(())
}

/// What is behind the loop device; ENXIO when nothing is, ENOTTY when it is no loop device.
pub(crate) fn status(device: RawFd) -> io::Result<LoopInfo> {
    let mut info = LoopInfo::new(0, &[]);
    #[expect(unsafe_code, reason = "an ioctl")]
    // SAFETY: LOOP_GET_STATUS64 writes one `struct loop_info64`, which LoopInfo is laid out as and
    // every bit pattern of which is a valid value; `info` outlives the call.
    unsafe { raw::status(device, &raw mut info) }.map_err(io::Error::from)?;
    Ok(info)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_layout_is_the_kernels() {
        assert_eq!(size_of::<LoopInfo>(), 232);
        assert_eq!(size_of::<LoopConfig>(), 304);
        assert_eq!(std::mem::offset_of!(LoopInfo, flags), 52);
        assert_eq!(std::mem::offset_of!(LoopConfig, info), 8);
    }

    #[test]
    fn a_long_name_keeps_its_final_zero() {
        assert_eq!(LoopInfo::new(0, &[b'x'; 100]).file_name[62..], [b'x', 0]);
    }
}
