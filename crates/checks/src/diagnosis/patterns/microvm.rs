//! What VMMs and guests write into the files of a microVM.

use mvm_core::catalogue::seen::{image as img, microvm as vm, network as net, pool, vmm};

use super::About::MicroVm;
use super::{Pattern, V, p};

pub(super) const TABLE: &[Pattern] = &[
    p(54, V, r"Error creating KVM object|Kvm error", &vmm::no_kvm::ROW, MicroVm),
    p(55, V, r"missing field .network_interfaces.", &vm::named_eth0::ROW, MicroVm),
    p(
        56,
        V,
        r"Error while creating ifreq structure: Device or resource busy .*Invalid TUN/TAP Backend provided by fltap",
        &net::tap_busy::ROW,
        MicroVm,
    ),
    p(
        57,
        V,
        r"Error manipulating the backing file: No such file or directory",
        &pool::disk_node_missing::ROW,
        MicroVm,
    ),
    p(58, V, r"The kernel file cannot be opened", &img::no_kernel_file::ROW, MicroVm),
    p(
        59,
        V,
        r#"API socket "?.*cloudhypervisor\.sock"? is already in use"#,
        &vmm::socket_race::ROW,
        MicroVm,
    ),
    // Firecracker's and Cloud Hypervisor's own last words.
    p(
        0,
        V,
        r"RunWithoutApiError|BuildMicroVMFromJson|Firecracker exited|:ERROR:src/|cloud-hypervisor: .*(?:ERROR|Error)|Error booting VM|Failed to validate config|thread '[a-z_-]+' panicked|Error parsing config",
        &vm::vmm_error::ROW,
        MicroVm,
    ),
    p(60, V, r"VFS: Unable to mount root fs", &vm::no_root_file_system::ROW, MicroVm),
];
