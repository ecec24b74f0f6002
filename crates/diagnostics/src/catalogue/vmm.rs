//! MVM-VMM: the family of the programs that microVMs need.

catalogue! {
    NOT_EXECUTABLE = "MVM-VMM-001", "9915aa9c403afe9f44ec942a204c07a5", Error {
        message: "{subject} may not be executed",
        cause: "The file is there and has no execute permission. flintlockd does not look; every microVM would fail until its retries are used up.",
        remedy: "chmod 0755 {subject}\nsystemctl start mvmhost.target",
    }
    WRONG_MACHINE = "MVM-VMM-002", "da3c5f2a744e953f3e4d9e97887d5b5c", Error {
        message: "{subject} is no program for this machine but {what}",
        cause: "The file was built for another architecture, or is no program.",
        remedy: "uname -m\n# put the program of the release for this machine in its place:\ninstall -m 0755 {name} {subject}\nsystemctl start mvmhost.target",
    }
    NOEXEC_MOUNT = "MVM-VMM-003", "ebd14979d607183c7459816a240a0a14", Error {
        message: "{subject} stands on a file system that executes nothing",
        cause: "The file system is mounted with noexec.",
        remedy: "findmnt --target {subject}\n# put the program elsewhere, name it in [flintlockd] of /etc/mvmhost.toml, then\nmvmhost apply",
    }
    SILENT = "MVM-VMM-004", "b42b8c9f5de9071f68d0f74073b23130", Warning {
        message: "{subject} does not report its version: {why}",
        cause: "mvmhost runs the program with the question for its version, which needs neither KVM nor root. A library may be missing, or it is another program.",
        remedy: "{subject} {question}",
    }
    TOO_OLD = "MVM-VMM-005", "617f0ec1e736f61a32975e8bda44a734", Error {
        message: "{subject} is {version}, and flintlockd needs 1.0 or newer",
        cause: "Since flintlock v0.3 Firecracker is configured as its version 1.0 reads it; an older one refuses the file.",
        remedy: "install -m 0755 firecracker {subject}  # put the program of a newer release in its place\nsystemctl start mvmhost.target",
    }
}
