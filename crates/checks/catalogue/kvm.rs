//! MVM-KVM: the family of /dev/kvm.

catalogue! {
    no_node() = "MVM-KVM-001", "48498ff0a4e8cc8de4a699ae4bb25d2e", Error {
        message: "there is no {subject}: the kernel's KVM driver is not loaded",
        cause: "Every VMM needs KVM. On amd64 its module is not loaded, or it refused because VT-x or SVM is switched off in the firmware, or because this machine is a guest without nested virtualisation. On arm64 KVM is part of the kernel, which the firmware or the hypervisor has to start at EL2.",
        remedy: "{install_kvm}\n# still no KVM: switch virtualisation on in the firmware, or nested virtualisation in the hypervisor of this machine\nsystemctl start mvmhost.target",
    }
    no_driver(why) = "MVM-KVM-002", "e2c3a4ee3860ec0976b7c294b8b68817", Error {
        message: "{subject} is a node without a driver: {why}",
        cause: "The node was made by hand or statically, and the kernel has no KVM driver behind it.",
        remedy: "{install_kvm}\n# still no KVM: switch virtualisation on in the firmware, or nested virtualisation in the hypervisor of this machine\nsystemctl start mvmhost.target",
    }
    refused(why) = "MVM-KVM-003", "37e876dbfc8f453cefece805709695ef", Error {
        message: "{subject} cannot be opened: {why}",
        cause: "The kernel refuses to open the node for reading and writing.",
        remedy: "ls -l {subject}\nudevadm trigger {subject}\nsystemctl start mvmhost.target",
    }
    wrong_api(version) = "MVM-KVM-004", "18ceff9c49a69af9df4a7c66db6ea9ec", Error {
        message: "/dev/kvm reports API version {version}; 12 is required",
        cause: "Since Linux 2.6.22 every KVM reports 12. Another driver answers here.",
        remedy: "ls -l {subject}\n{install_kvm}",
    }
    no_vm(why) = "MVM-KVM-005", "bf9fb35808c958540bda9364bdf023f7", Error {
        message: "the kernel makes no virtual machine: {why}",
        cause: "KVM_CREATE_VM failed. \"Device or resource busy\" means that another hypervisor, such as VirtualBox, holds the processor's virtualisation.",
        remedy: "journalctl -k -b --grep=kvm\n# stop the other hypervisor and unload its modules, then\nsystemctl start mvmhost.target",
    }
    no_extension(extensions) = "MVM-KVM-006", "320734a137f104e8a9ce657d5371fa19", Error {
        message: "this kernel's KVM has no {extensions}, which Firecracker needs",
        cause: "Firecracker refuses to start a microVM without them. The kernel is too old, or was built without them.",
        remedy: "uname -r\n# boot a kernel of the distribution, 5.10 or newer",
    }
}
