//! What differs between the architectures that microVMs run on. This table is the only place for
//! it; names are those of the kernel, numbers those of linux/elf-em.h and linux/kvm.h.

/// One architecture: its names, where images have its kernel, and what Firecracker asks of KVM.
#[derive(Debug, PartialEq, Eq)]
pub struct Arch {
    /// Rust's and the kernel's name.
    pub machine: &'static str,
    /// Go's name, as in a platform of images.
    pub platform: &'static str,
    /// e_machine of its programs.
    pub elf: u16,
    /// Where an image has the kernel: the first path that is there counts. flintlock's own images
    /// have Firecracker's in the first, Cloud Hypervisor's in the second (image-builder) or in the
    /// image's root (mikrolite-images).
    pub kernels: &'static [&'static str],
    /// Where a kernel is an Image and no ELF file: its magic number, and the offset of that, of
    /// Linux: Documentation/arch/arm64/booting.
    pub image: Option<(usize, &'static [u8])>,
    /// Extensions of KVM that Firecracker asks for at its start, without `KVM_CAP_`.
    pub kvm: &'static [(i32, &'static str)],
}

/// All for which there are packages.
pub const ALL: [Arch; 2] = [
    Arch {
        machine: "x86_64",
        platform: "amd64",
        elf: 62,
        kernels: &["boot/vmlinux", "boot/vmlinux.bin", "vmlinux.bin"],
        image: None,
        kvm: &[
            (0, "IRQCHIP"),
            (3, "USER_MEMORY"),
            (4, "SET_TSS_ADDR"),
            (7, "EXT_CPUID"),
            (14, "MP_STATE"),
            (32, "IRQFD"),
            (33, "PIT2"),
            (35, "PIT_STATE2"),
            (36, "IOEVENTFD"),
            (39, "ADJUST_CLOCK"),
            (41, "VCPU_EVENTS"),
            (50, "DEBUGREGS"),
            (55, "XSAVE"),
            (56, "XCRS"),
        ],
    },
    Arch {
        machine: "aarch64",
        platform: "arm64",
        elf: 183,
        kernels: &["boot/image"],
        image: Some((56, b"ARM\x64")),
        kvm: &[
            (3, "USER_MEMORY"),
            (14, "MP_STATE"),
            (32, "IRQFD"),
            (36, "IOEVENTFD"),
            (70, "ONE_REG"),
            (89, "DEVICE_CTRL"),
            (102, "ARM_PSCI_0_2"),
        ],
    },
];

/// The one that this program was built for; the first one where there are no packages for it.
pub fn native() -> &'static Arch {
    let machine = std::env::consts::ARCH;
    ALL.iter().find(|arch| arch.machine == machine).unwrap_or(&ALL[0])
}

/// By Go's name.
pub fn of_platform(name: &str) -> Option<&'static Arch> {
    ALL.iter().find(|arch| arch.platform == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_machine_is_one_of_them() {
        assert_eq!(native().machine, std::env::consts::ARCH);
        assert_eq!(of_platform("arm64").map(|arch| arch.elf), Some(183));
        assert_eq!(of_platform("riscv64"), None);
    }
}
