//! What VMMs and guests write into the files of a microVM.

use mvm_core::catalogue::seen::{image as img, microvm as vm, network as net, pool, vmm};

use super::About::MicroVm;
use super::{Pattern, V, p};

pub(super) const TABLE: &[Pattern] = &[
    p(54, V, r"Error creating KVM object|Kvm error", &vmm::NO_KVM, MicroVm),
    p(55, V, r"missing field .network_interfaces.", &vm::NAMED_ETH0, MicroVm),
    p(
        56,
        V,
        r"Error while creating ifreq structure: Device or resource busy .*Invalid TUN/TAP Backend provided by fltap",
        &net::TAP_BUSY,
        MicroVm,
    ),
    p(
        57,
        V,
        r"Error manipulating the backing file: No such file or directory",
        &pool::DISK_NODE_MISSING,
        MicroVm,
    ),
    p(58, V, r"The kernel file cannot be opened", &img::NO_KERNEL_FILE, MicroVm),
    p(
        59,
        V,
        r#"API socket "?.*cloudhypervisor\.sock"? is already in use"#,
        &vmm::SOCKET_RACE,
        MicroVm,
    ),
    // Firecracker's and Cloud Hypervisor's own last words.
    p(
        0,
        V,
        r"RunWithoutApiError|BuildMicroVMFromJson|Firecracker exited|:ERROR:src/|cloud-hypervisor: .*(?:ERROR|Error)|Error booting VM|Failed to validate config|thread '[a-z_-]+' panicked|Error parsing config",
        &vm::VMM_ERROR,
        MicroVm,
    ),
    p(60, V, r"VFS: Unable to mount root fs", &vm::NO_ROOT_FILE_SYSTEM, MicroVm),
];
