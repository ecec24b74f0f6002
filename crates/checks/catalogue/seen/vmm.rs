//! MVM-VMM 5xx and MVM-KVM 5xx: what flintlockd and the VMMs have written about VMMs.

catalogue! {
    no_macvtap_support() = "MVM-VMM-501", "3944ae3280bec094fe80135b11ce5756", Error {
        message: "flintlockd refuses macvtap for a microVM of this provider",
        cause: "Since flintlock v0.7.0 only Cloud Hypervisor gets macvtap. CAPMVM's templates ask for macvtap by default.",
        remedy: "mvmhost config show\n# choose: set type: tap in the microVM's network interfaces; or set provider = \"cloudhypervisor\" in [flintlockd] and mode = \"macvtap\" in [network] of /etc/mvmhost.toml, then\nmvmhost apply",
    }
    not_capable() = "MVM-VMM-502", "2c9e31f861ade7ba4c3c495755ced9da", Error {
        message: "the provider has no {subject}",
        cause: "The microVM's specification asks for something that the VMM cannot do; virtiofs needs Cloud Hypervisor.",
        remedy: "mvmhost apply  # first: take it out of the microVM's specification, or set provider = \"cloudhypervisor\" in [flintlockd] of /etc/mvmhost.toml",
    }
    provider_unavailable() = "MVM-VMM-503", "16926cbe3dae17723cff4a5c9929ba07", Error {
        message: "a microVM asks for provider {subject}, which this host does not serve",
        cause: "The microVM's specification names a provider that is not the one in [flintlockd] provider.",
        remedy: "mvmhost config show\n# choose: take provider out of the microVM's specification; or set provider in [flintlockd] of /etc/mvmhost.toml, then\nmvmhost apply",
    }
    not_found() = "MVM-VMM-504", "96ddb045e5d8720e6c1390b9d6024ab1", Error {
        message: "flintlockd found no program {subject}",
        cause: "It looks for its VMM only when a microVM is started, in the PATH of its unit.",
        remedy: "install -m 0755 {subject} /usr/local/bin/  # put the program of its release into PATH, or set its path in [flintlockd] of /etc/mvmhost.toml\nmvmhost apply",
    }
    not_executable() = "MVM-VMM-505", "9930393d9fe1697ee3f1e9d1e539414d", Error {
        message: "flintlockd may not execute {subject}",
        cause: "The file has no execute permission, or stands on a file system that is mounted noexec.",
        remedy: "chmod 0755 {subject}\nfindmnt --target {subject}\nsystemctl start mvmhost.target",
    }
    wrong_architecture() = "MVM-VMM-506", "3629b1e7409051593f6741c031b8bc89", Error {
        message: "the VMM is a program for another kind of machine",
        cause: "Its file was built for another architecture, or is no program.",
        remedy: "mvmhost check\n# install the program of the release for this machine; its kind is\nuname -m",
    }
    no_setgroups(flintlockd) = "MVM-VMM-507", "c743b0e16a6e670a39467179e11f9eaa", Error {
        message: "flintlockd may not start {subject} as the user it wants",
        cause: "Starting a VMM needs CAP_SETUID and CAP_SETGID: flintlockd does not run as root, or its unit takes them away.",
        remedy: "systemctl cat {flintlockd}\n# take User=, CapabilityBoundingSet= and other restrictions out of it, then\nsystemctl daemon-reload\nsystemctl restart {flintlockd}",
    }
    socket_race(binary, flintlockd) = "MVM-VMM-508", "b74b7e49788bfc7322d9ecd64df2cc6a", Error {
        message: "Cloud Hypervisor of {subject} was started twice",
        cause: "flintlock before v0.10 starts it a second time while the first one comes up.",
        remedy: "{binary} version\n# install flintlock v0.10.0 or newer, then\nsystemctl restart {flintlockd}",
    }
    no_kvm() = "MVM-KVM-501", "e46c108987d34a8ec9eb6ab85eca5bd7", Error {
        message: "the VMM of {subject} could not use /dev/kvm",
        cause: "The node is missing, may not be opened, or the driver found no virtualisation (VT-x, SVM, EL2): it is switched off in the firmware, or this machine is itself a guest without nested virtualisation.",
        remedy: "mvmhost check\n{install_kvm}\nls -l /dev/kvm",
    }
}
