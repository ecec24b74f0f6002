//! The processor of a guest, and all that differs with it.

use std::path::PathBuf;

use crate::tools;

/// A processor that mvmhost is packaged for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Arch {
    /// 64-bit x86.
    Amd64,
    /// 64-bit Arm.
    Arm64,
}

impl Arch {
    /// Debian's name.
    #[must_use]
    pub const fn debian(self) -> &'static str {
        match self {
            Self::Amd64 => "amd64",
            Self::Arm64 => "arm64",
        }
    }

    /// The kernel's name, which is QEMU's and gcc's too.
    #[must_use]
    pub const fn machine(self) -> &'static str {
        match self {
            Self::Amd64 => "x86_64",
            Self::Arm64 => "aarch64",
        }
    }

    /// QEMU's board. The one of Arm starts the kernel where it may be a hypervisor itself, so that
    /// there is a /dev/kvm, which on x86 the processor alone decides.
    pub(crate) const fn board(self) -> &'static str {
        match self {
            Self::Amd64 => "q35,sata=off,smbus=off,i8042=off,vmport=off",
            Self::Arm64 => "virt,gic-version=3,virtualization=on",
        }
    }

    /// The processor. On x86 without the quick byte-wise string instructions, with which Linux clears
    /// pages where they are: an emulator makes them one byte at a time, for a fifteenth of a boot. Nor
    /// with a fifth level of page tables, which are walked by a program here, nor with the guards of
    /// user pages, which are raised and lowered by one: together a ninth. On Arm one that signs no
    /// pointers, which is done by a program as well.
    pub(crate) const fn cpu(self) -> &'static str {
        match self {
            Self::Amd64 => "max,erms=off,fsrm=off,la57=off,smap=off,smep=off,umip=off",
            Self::Arm64 => "cortex-a72",
        }
    }

    /// The kernel's console, and what else it is told of its processor: on x86 the clock is not that
    /// of the processor, which jumps ahead when a saved state is loaded, by as long as QEMU ran since it
    /// was saved: watchdogs bite, and timers end at once.
    pub(crate) const fn cmdline(self) -> &'static str {
        match self {
            Self::Amd64 => "console=ttyS0 tsc=unstable",
            Self::Arm64 => "console=ttyAMA0",
        }
    }

    /// Where the packages are that `cargo xtask package` has built.
    #[must_use]
    pub fn packages(self) -> PathBuf {
        let packages = tools::target_dir().join("packages");
        if self.is_native() { packages } else { packages.join(self.debian()) }
    }

    /// Where the stand-ins are that xtask has built.
    pub(crate) fn standins(self) -> PathBuf {
        let target = tools::target_dir();
        if self.is_native() {
            return target.join("debug");
        }
        target.join(format!("{}-unknown-linux-gnu/release", self.machine()))
    }

    /// Whether the build machine has it.
    #[must_use]
    pub fn is_native(self) -> bool {
        self.machine() == std::env::consts::ARCH
    }
}
