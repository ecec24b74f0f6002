//! MVM-VMM: the family of the programs that microVMs need.

catalogue! {
    not_executable() = "MVM-VMM-001", "9915aa9c403afe9f44ec942a204c07a5", Error {
        message: "{subject} may not be executed",
        cause: "The file is there and has no execute permission. flintlockd does not look; every microVM would fail until its retries are used up.",
        remedy: "chmod 0755 {subject}\nsystemctl start mvmhost.target",
    }
    wrong_machine(what, name) = "MVM-VMM-002", "da3c5f2a744e953f3e4d9e97887d5b5c", Error {
        message: "{subject} is no program for this machine but {what}",
        cause: "The file was built for another architecture, or is no program.",
        remedy: "uname -m\n# put the program of the release for this machine in its place:\ninstall -m 0755 {name} {subject}\nsystemctl start mvmhost.target",
    }
    noexec_mount() = "MVM-VMM-003", "ebd14979d607183c7459816a240a0a14", Error {
        message: "{subject} is on a file system that is mounted noexec",
        cause: "The kernel executes no program on such a file system.",
        remedy: "findmnt --target {subject}\n# put the program elsewhere, name it in [flintlockd] of /etc/mvmhost.toml, then\nmvmhost apply",
    }
    silent(why, question) = "MVM-VMM-004", "b42b8c9f5de9071f68d0f74073b23130", Warning {
        message: "{subject} does not report its version: {why}",
        cause: "mvmhost asks the program for its version, which needs neither KVM nor root. A library may be missing, or it is another program.",
        remedy: "{subject} {question}\n# install the library that it misses, or the right program, then\nmvmhost check",
    }
    too_old(version) = "MVM-VMM-005", "617f0ec1e736f61a32975e8bda44a734", Error {
        message: "{subject} is {version}, and flintlockd needs 1.0 or newer",
        cause: "Since flintlock v0.3 Firecracker is configured as its version 1.0 reads it; an older one refuses the file.",
        remedy: "install -m 0755 firecracker {subject}  # put the program of a newer release in its place\nsystemctl start mvmhost.target",
    }
    do_not_fit(version, who, whose, needed) = "MVM-VMM-006", "a52707821baf82225dbcc9f28d6d8dad", Error {
        message: "{subject} {version} does not work with {who} {whose}: it needs {needed}",
        cause: "The programs of a host go together in certain versions only. This pair is known not to work; the table in mvmhost(8) names every pair and where it is written.",
        remedy: "mvmhost facts  # shows the versions; the table is under VERSIONS in mvmhost(8); install {subject} {needed}, then:\nmvmhost apply",
    }
    untried(version, who, whose, needed) = "MVM-VMM-007", "5d9725008fd27d7c15d287c8723ebb6b", Warning {
        message: "{subject} {version} is untried with {who} {whose}: use {needed}",
        cause: "Those who make these programs try them together in other versions; the table in mvmhost(8) names every pair and where it is written. It may work all the same.",
        remedy: "mvmhost facts  # shows the versions; the table is under VERSIONS in mvmhost(8); install {subject} {needed}, then:\nmvmhost apply",
    }
    not_served(version, binary) = "MVM-VMM-008", "3e07d5003a113eb31f69460c68fbe817", Error {
        message: "flintlockd {version} does not serve {subject}",
        cause: "Before 0.7 flintlockd serves macvtap with Liquid Metal's fork of Firecracker. From 0.7 on it refuses that, and serves macvtap with Cloud Hypervisor. It starts all the same, and every microVM with such an interface fails.",
        remedy: "{binary} version\n# with 0.7 or newer: set provider = \"cloudhypervisor\" in [flintlockd] of /etc/mvmhost.toml;\n# with an older one: set provider = \"firecracker\" and compatibility = \"before-0.7\" there, then\nmvmhost apply",
    }
    no_fork(version) = "MVM-VMM-009", "2c335d35df432c4596580bbb2cb5d85b", Error {
        message: "{subject} is {version}, which serves no macvtap",
        cause: "Only Liquid Metal's fork of Firecracker serves macvtap. Its last version is 1.3.1; Firecracker from 1.4 on has no fork.",
        remedy: "install -m 0755 firecracker {subject}  # put the fork's program in its place\nmvmhost apply",
    }
    perhaps_no_fork(version) = "MVM-VMM-010", "9717ed51b462a4a626c004f55fda36fa", Warning {
        message: "{subject} is {version}, perhaps not the fork with macvtap",
        cause: "Only Liquid Metal's fork of Firecracker serves macvtap, and its releases have -macvtap at the end of their version. A program that was built elsewhere may have another one.",
        remedy: "grep -c 'Invalid macvtap interface name' {subject}  # 0: it is not the fork\ninstall -m 0755 firecracker {subject}  # then put the fork's program in its place\nmvmhost apply",
    }
}
