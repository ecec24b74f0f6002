//! MVM-VM 5xx: what journals and files say about one microVM.

catalogue! {
    DIED_AT_START = "MVM-VM-501", "a0b66d8c8e0822f58876f2bc8f1d2881", Error {
        message: "the VMM of {subject} ended as soon as it was started",
        cause: "flintlockd started it and found it gone; it says \"start is not supported\" then. The VMM's own words are in its stderr and log.",
        remedy: "mvmhost diagnose\njournalctl -u {flintlockd} -b -n 50\nls -laR -- {state}",
    }
    GIVEN_UP = "MVM-VM-502", "d66b521ae8f09529330702d5a1d4f619", Error {
        message: "flintlockd has given {subject} up for good",
        cause: "Eleven attempts failed, which takes about 22 minutes. The counter is kept over restarts of flintlockd and of the host; only deleting the microVM ends it.",
        remedy: "mvmhost check\n# mend what is wrong, then delete the microVM and create it again",
    }
    SPEC_INVALID = "MVM-VM-503", "69997148a1fa542258b2f49eea3578bb", Error {
        message: "a microVM's specification was refused",
        cause: "flintlockd validates: 1 to 64 vCPUs, 1024 to 32768 MiB of memory, at least one interface, a kernel image and file name, a root volume.",
        remedy: "# correct the specification; what is wrong with it stands in the line:\njournalctl -u {flintlockd} -b --grep='validation failures'",
    }
    NO_PID_FILE = "MVM-VM-504", "e47c7cd6427f514651240bd4cd012878", Info {
        message: "a microVM was deleted whose files were gone already",
        cause: "flintlockd looks for a PID file in a state directory that somebody removed. Harmless once its process has ended.",
        remedy: "",
    }
    ALREADY_DEAD = "MVM-VM-505", "fc86867dc11895acca7924353b0538c5", Info {
        message: "a microVM was deleted whose VMM had ended already",
        cause: "flintlockd's signal met no process; the next attempt goes on.",
        remedy: "",
    }
    NAMED_ETH0 = "MVM-VM-506", "231fbf107959fdea1cf57c491492061c", Error {
        message: "{subject} has a network interface named eth0, which belongs to flintlock",
        cause: "flintlock adds an eth0 of its own for the guest's metadata. When the specification names one, Firecracker's configuration has no list of interfaces for it.",
        remedy: "# call the interface eth1 in the microVM's specification, delete it and create it again; its files:\nls -la -- {state}",
    }
    NO_ROOT_FILE_SYSTEM = "MVM-VM-507", "7538f5ddf611679d363d35b337e22c29", Error {
        message: "the guest kernel of {subject} cannot mount its root file system",
        cause: "The root image has no file system that this kernel knows, or the kernel's command line names another device.",
        remedy: "# correct root volume, kernel or kernel command line of the specification, delete the microVM and create it again; its console:\nls -la -- {state}",
    }
    RETRIES = "MVM-VM-508", "d853de7e8dea3a707bcbac63a67843ad", Warning {
        message: "flintlockd fails with {subject} and tries again",
        cause: "The attempts are 20, 40, 60 and so on seconds apart; after eleven it is given up for good. The same error line stands before each of them.",
        remedy: "mvmhost diagnose\nmvmhost check",
    }
    NEVER_STARTED = "MVM-VM-509", "436ce89505e77f6c3fbc9ee2b8ff8286", Warning {
        message: "the VMM of {subject} never said a word: it was never started",
        cause: "Standard output, standard error and log of the VMM are empty or missing. What went wrong stands in flintlockd's journal.",
        remedy: "journalctl -u {flintlockd} -b -n 50\nmvmhost check",
    }
    NO_LOGIN = "MVM-VM-510", "ab55902c92e5f0ec923e34abcd2900bb", Warning {
        message: "the guest of {subject} began to boot and never came to a login",
        cause: "Its console has the kernel's first lines and no login prompt: it still boots, hangs, or has none on its serial console.",
        remedy: "# the end of its console:\ntail -n 40 -- {console}",
    }
    WAITS_FOR_NETWORK = "MVM-VM-511", "f1707242e11cc7b72c78f7f11898d2c3", Warning {
        message: "the guest of {subject} waits for its network",
        cause: "Its boot stands at a job that waits for an address. No DHCP server answered it, or its tap is on no bridge.",
        remedy: "mvmhost check\nip -brief link show type bridge_slave\njournalctl -u mvm-dhcp.service -b -n 20",
    }
    GUEST_PANIC = "MVM-VM-512", "88f0dc9072b5c5ee3417b6b249df80cf", Error {
        message: "the guest kernel of {subject} panicked",
        cause: "flintlock shows it as created all the same: it knows that a VMM runs, and not what is in it.",
        remedy: "# the end of its console:\ntail -n 40 -- {console}",
    }
    FAILED = "MVM-VM-513", "2349d4d7eed3f5e8ecd9f45fd9df762d", Error {
        message: "{subject} has failed after {retry} attempts",
        cause: "flintlockd has given it up for good. Starting flintlockd again does not help.",
        remedy: "mvmhost diagnose\n# mend what is wrong, then delete the microVM and create it again",
    }
    REVISION = "MVM-VM-514", "95b2a540bc4a7182ebd563a1a69258f2", Info {
        message: "{subject} is at revision {version} of its specification, {retry} failed attempts in a row",
        cause: "The version counts every time that flintlockd saved the specification, each attempt included. It is no count of crashes; the attempts in a row are what tells trouble.",
        remedy: "",
    }
    NO_VMM = "MVM-VM-525", "121e4306d1754cfa8582b05c00c7f254", Warning {
        message: "flintlockd counts {subject} as created, and no VMM runs for it",
        cause: "Its VMM ended, or was never started, and flintlockd starts none again by itself until it looks at the microVM the next time. What flintlockd said of it last is the evidence.",
        remedy: "mvmhost diagnose\njournalctl -u {flintlockd} -b -n 50\n# flintlockd looks at every microVM at its start:\nsystemctl restart {flintlockd}",
    }
}
