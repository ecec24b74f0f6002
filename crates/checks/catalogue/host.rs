//! MVM-HOST: the family of the host as a whole.

catalogue! {
    not_root(command) = "MVM-HOST-001", "780cf324d8f0cb78f70b4bb083e0c64c", Error {
        message: "mvmhost {command} needs root",
        cause: "Device-mapper, netlink and systemd answer to root alone.",
        remedy: "mvmhost {command}  # as root",
    }
    unit_not_root() = "MVM-HOST-002", "566fc8ff720b689798bc7894edea405f", Error {
        message: "{subject} needs root",
        cause: "The program was started by a user; its unit starts it as root.",
        remedy: "systemctl start {subject}.service",
    }
    stale_pid_files(count) = "MVM-HOST-003", "28d98f3b237f42ce8353bce1a8476439", Info {
        message: "removed {count} stale PID files of microVMs below {subject}",
        cause: "flintlockd keeps the process number of each VMM in a file that survives a reboot. A \
                number that was given to another process since makes a dead microVM look alive, and \
                deleting that microVM would kill the stranger.",
        remedy: "",
    }
    stale_pid_file_stays(path) = "MVM-HOST-004", "451b5cf903104c7af535ba1066be362f", Error {
        message: "the stale PID file {subject} cannot be removed",
        cause: "It names a process that is not the VMM of its microVM. flintlockd would take the \
                microVM for running, and kill that process when the microVM is deleted. A file \
                system that is read-only, or a file with the flag i (immutable), refuses the removal.",
        remedy: "lsattr -d {path}\nfindmnt --target {path}\n# make the file system writable, or remove the flag i: chattr -i {path}\nsystemctl restart mvm-hygiene.service",
    }
    pid_file_unclear(reason, path) = "MVM-HOST-005", "2bd3f23e0d71ac0a78355bf02b0c3076", Warning {
        message: "{subject} is left alone: {reason}",
        cause: "flintlockd keeps a process number there. mvmhost does not know whether that process is the VMM of the microVM, and a running VMM must keep its file.",
        remedy: "ls -la -- {path}",
    }
    state_unreadable(path) = "MVM-HOST-006", "7b9e9721c9b3ab84f1d9b80db436fd70", Error {
        message: "flintlockd's state directory {subject} cannot be read",
        cause: "Stale PID files of microVMs are looked for there before flintlockd starts. It may be \
                on a file system that is not mounted, or damaged.",
        remedy: "ls -la -- {path}\nsystemctl restart mvm-hygiene.service",
    }
}
