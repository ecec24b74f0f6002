//! MVM-IMG 5xx: what flintlockd has written about images.

catalogue! {
    REGISTRY_UNREACHABLE = "MVM-IMG-501", "8fe31d6f9289534a4f0af06a4e116c2b", Error {
        message: "the registry of {subject} was out of reach when a microVM was created",
        cause: "flintlockd asks the registry for the manifest at every create, also when the image is on the host. The name did not resolve, or nobody answered.",
        remedy: "ip route get 1.1.1.1\nsystemctl show --property=Environment {flintlockd}\n# flintlockd takes HTTPS_PROXY and NO_PROXY from its environment; without a way out, name a registry in the image reference that this host reaches",
    }
    REGISTRY_REFUSES = "MVM-IMG-502", "cdaefeed2d07853b679700a026950ff6", Error {
        message: "the registry does not show {subject} to flintlockd",
        cause: "The image is private or does not exist. flintlockd has no credentials for registries, whatever is on the host.",
        remedy: "# make the image public, or put it into a registry that shows it without credentials, and name that in the microVM's specification; the line:\njournalctl -u {flintlockd} -b --grep='failed to resolve'",
    }
    NO_SUCH_IMAGE = "MVM-IMG-503", "3c845e6d82206506d9874dddbb900575", Error {
        message: "there is no image {subject}",
        cause: "The registry answers and has no manifest of this name and tag.",
        remedy: "# correct the image in the microVM's specification, or push it; the line:\njournalctl -u {flintlockd} -b --grep='failed to resolve'",
    }
    WRONG_PLATFORM = "MVM-IMG-504", "2451342dc29b1289e6cf6adb675b76a9", Error {
        message: "an image has no variant for this machine's architecture",
        cause: "The image index lists other platforms only.",
        remedy: "# name an image in the microVM's specification that was built for this machine; the line:\njournalctl -u {flintlockd} -b --grep='no match for platform'",
    }
    NO_KERNEL_FILE = "MVM-IMG-505", "0cd9d0b65a7393c921eb0d2ccb04d818", Error {
        message: "the kernel of {subject} is not where its specification says",
        cause: "The file name in the specification is wrong, or the kernel image was unpacked elsewhere. In flintlock's kernel images it is boot/vmlinux for Firecracker, and boot/vmlinux.bin for Cloud Hypervisor.",
        remedy: "# set kernel.filename in the microVM's specification to the name that the kernel has in its image, delete it and create it again; its files:\nls -la -- {state}",
    }
}
