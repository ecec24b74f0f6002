//! MVM-VM 5xx: what journals and files say about one microVM.

catalogue! {
    died_at_start(flintlockd, state) = "MVM-VM-501", "a0b66d8c8e0822f58876f2bc8f1d2881", Error {
        message: "the VMM of {subject} ended as soon as it was started",
        cause: "flintlockd started it and it ended at once; flintlockd then reports \"start is not supported\". The reason is in the VMM's stderr and log.",
        remedy: "mvmhost diagnose\njournalctl -u {flintlockd} -b -n 50\nls -laR -- {state}",
    }
    given_up() = "MVM-VM-502", "d66b521ae8f09529330702d5a1d4f619", Error {
        message: "flintlockd has given {subject} up for good",
        cause: "Eleven attempts failed, which takes about 22 minutes. The count survives restarts of flintlockd and of the host; only deleting the microVM ends it.",
        remedy: "mvmhost check\n# repair what is wrong, then delete the microVM and create it again",
    }
    spec_invalid(flintlockd) = "MVM-VM-503", "69997148a1fa542258b2f49eea3578bb", Error {
        message: "a microVM's specification was refused",
        cause: "flintlockd accepts 1 to 64 vCPUs and 1024 to 32768 MiB of memory, and needs an interface, a kernel image with its file name, and a root volume.",
        remedy: "journalctl -u {flintlockd} -b --grep='validation failures'\n# correct the specification",
    }
    no_pid_file() = "MVM-VM-504", "e47c7cd6427f514651240bd4cd012878", Info {
        message: "a microVM was deleted whose files were already gone",
        cause: "flintlockd looks for a PID file in a state directory that was removed. This is harmless once its process has ended.",
        remedy: "",
    }
    already_dead() = "MVM-VM-505", "fc86867dc11895acca7924353b0538c5", Info {
        message: "a microVM was deleted whose VMM had ended already",
        cause: "flintlockd sent a signal and the process was gone; the next attempt continues.",
        remedy: "",
    }
    named_eth0(state) = "MVM-VM-506", "231fbf107959fdea1cf57c491492061c", Error {
        message: "{subject} has a network interface named eth0, which belongs to flintlock",
        cause: "flintlock adds an eth0 of its own for the guest's metadata. When the specification names one, Firecracker's configuration has no list of interfaces for it.",
        remedy: "ls -la -- {state}\n# call the interface eth1 in the microVM's specification, delete it and create it again",
    }
    no_root_file_system(state) = "MVM-VM-507", "7538f5ddf611679d363d35b337e22c29", Error {
        message: "the guest kernel of {subject} cannot mount its root file system",
        cause: "The root image has no file system that this kernel knows, or the kernel's command line names another device.",
        remedy: "ls -la -- {state}\n# correct root volume, kernel or kernel command line of the specification, delete the microVM and create it again",
    }
    retries() = "MVM-VM-508", "d853de7e8dea3a707bcbac63a67843ad", Warning {
        message: "flintlockd fails with {subject} and tries again",
        cause: "The attempts come after 20, 40, 60 and so on seconds; after eleven flintlockd gives the microVM up for ever. The same error line precedes each of them.",
        remedy: "mvmhost diagnose\nmvmhost check",
    }
    never_started(flintlockd) = "MVM-VM-509", "436ce89505e77f6c3fbc9ee2b8ff8286", Warning {
        message: "microVM {subject} was never started: its stdout, stderr and log are empty",
        cause: "flintlockd could not start the VMM. The reason is in flintlockd's journal.",
        remedy: "journalctl -u {flintlockd} -b -n 50\nmvmhost check",
    }
    no_login(console) = "MVM-VM-510", "ab55902c92e5f0ec923e34abcd2900bb", Warning {
        message: "the guest of {subject} booted but shows no login prompt on its console",
        cause: "It still boots, hangs, or has no login on its serial console.",
        remedy: "tail -n 40 -- {console}",
    }
    waits_for_network() = "MVM-VM-511", "f1707242e11cc7b72c78f7f11898d2c3", Warning {
        message: "the guest of {subject} waits for its network",
        cause: "Its boot waits for an address. No DHCP server answered it, or its tap is on no bridge.",
        remedy: "mvmhost check\nip -brief link show type bridge_slave\njournalctl -u mvm-dhcp.service -b -n 20",
    }
    guest_panic(console) = "MVM-VM-512", "88f0dc9072b5c5ee3417b6b249df80cf", Error {
        message: "the guest kernel of {subject} panicked",
        cause: "flintlock still shows it as created: it knows that the VMM runs, but not what the guest does.",
        remedy: "tail -n 40 -- {console}",
    }
    failed(retry) = "MVM-VM-513", "2349d4d7eed3f5e8ecd9f45fd9df762d", Error {
        message: "{subject} has failed after {retry} attempts",
        cause: "flintlockd has given it up for good. Starting flintlockd again does not help.",
        remedy: "mvmhost diagnose\n# repair what is wrong, then delete the microVM and create it again",
    }
    revision(version, retry) = "MVM-VM-514", "95b2a540bc4a7182ebd563a1a69258f2", Info {
        message: "{subject} is at revision {version} of its specification, {retry} failed attempts in a row",
        cause: "The version counts every time that flintlockd saved the specification, each attempt included. It does not count crashes; the failed attempts in a row show trouble.",
        remedy: "",
    }
    no_vmm(flintlockd) = "MVM-VM-525", "121e4306d1754cfa8582b05c00c7f254", Warning {
        message: "flintlockd lists {subject} as created, and no VMM runs for it",
        cause: "Its VMM ended or never started. flintlockd looks at it again at its next start. The last lines of the VMM are in the evidence.",
        remedy: "systemctl restart {flintlockd}\njournalctl -u {flintlockd} -b -n 50\nmvmhost diagnose",
    }
    vmm_error(why, state) = "MVM-VM-515", "74c2a1af4f7a5100f2435b418b4f60e2", Error {
        message: "the VMM of {subject} reports an error: {why}",
        cause: "The VMM's own words are in the message. flintlockd starts it again at its next resync.",
        remedy: "ls -laR -- {state}\nmvmhost check",
    }
}
