//! MVM-IMG 5xx: what flintlockd has written about images.

catalogue! {
    registry_unreachable(flintlockd) = "MVM-IMG-501", "8fe31d6f9289534a4f0af06a4e116c2b", Error {
        message: "the registry of {subject} could not be reached when a microVM was created",
        cause: "flintlockd asks the registry at every create, also when the image is on this host. Nothing answered at its address.",
        remedy: "ip route get 1.1.1.1\nsystemctl show --property=Environment {flintlockd}\n# flintlockd takes HTTPS_PROXY and NO_PROXY from its environment; without a route to the registry, name one in the image reference that this host reaches",
    }
    registry_refuses(flintlockd) = "MVM-IMG-502", "cdaefeed2d07853b679700a026950ff6", Error {
        message: "the registry of {subject} wants a login, and flintlockd has none",
        cause: "The image is private or does not exist. flintlockd has no credentials for registries, whatever is on the host.",
        remedy: "journalctl -u {flintlockd} -b --grep='failed to resolve'\n# make the image public, or copy it to a registry without a login and name that one in the microVM's specification",
    }
    no_such_image(flintlockd) = "MVM-IMG-503", "3c845e6d82206506d9874dddbb900575", Error {
        message: "the registry has no image {subject}",
        cause: "It answers and has no manifest of this name and tag.",
        remedy: "journalctl -u {flintlockd} -b --grep='failed to resolve'\n# correct the image in the microVM's specification, or push it",
    }
    wrong_platform() = "MVM-IMG-504", "2451342dc29b1289e6cf6adb675b76a9", Error {
        message: "{subject} has no variant for this machine's architecture",
        cause: "The image index lists other platforms only.",
        remedy: "uname -m\n# name an image in the microVM's specification that was built for this machine",
    }
    no_kernel_file(state) = "MVM-IMG-505", "0cd9d0b65a7393c921eb0d2ccb04d818", Error {
        message: "the kernel of {subject} is not where its specification says",
        cause: "The file name in the specification is wrong, or the kernel image was unpacked elsewhere. In flintlock's kernel images it is boot/vmlinux for Firecracker, and boot/vmlinux.bin for Cloud Hypervisor.",
        remedy: "ls -la -- {state}\n# set kernel.filename in the microVM's specification to the name in its image, delete the microVM and create it again",
    }
}
