//! MVM-FLK 5xx and MVM-SEC 5xx: what flintlockd has written about itself.

catalogue! {
    port_taken(flintlockd) = "MVM-FLK-501", "723850b5f18ddb0a0427d6b00fc30c78", Error {
        message: "flintlockd could not listen: its port is taken",
        cause: "flintlockd stays active without listening. Cockpit and Prometheus use 9090 by default.",
        remedy: "mvmhost check\nss --listening --tcp --processes --numeric\n# stop the other program, or set another [flintlockd] grpc-endpoint in /etc/mvmhost.toml, then\nmvmhost apply\nsystemctl restart {flintlockd}",
    }
    no_address(flintlockd) = "MVM-FLK-502", "f01c483c025a240e536802e2732a8e44", Error {
        message: "flintlockd could not listen: its address is on no interface",
        cause: "flintlockd was started before the network had the address, or the address is not this host's. It stays active without listening.",
        remedy: "ip -brief address show\n# set [flintlockd] grpc-endpoint in /etc/mvmhost.toml to one of these, then\nmvmhost apply\nsystemctl restart {flintlockd}",
    }
    tls_refused(flintlockd) = "MVM-FLK-503", "58176ae5a9032a6d17e7633f0725c212", Error {
        message: "flintlockd refused its TLS settings and has been idle since",
        cause: "A certificate or key is missing, they do not belong together, or TLS is set together with insecure. flintlockd stays active without listening.",
        remedy: "mvmhost check\n# correct [flintlockd.tls] in /etc/mvmhost.toml, then\nmvmhost apply\nsystemctl restart {flintlockd}",
    }
    deaf(flintlockd) = "MVM-FLK-504", "05178517297646a0e30c28f04f1f7be5", Error {
        message: "flintlockd lost containerd's events and does not see new microVMs",
        cause: "containerd was restarted while flintlockd ran. flintlockd does not subscribe again.",
        remedy: "systemctl restart {flintlockd}",
    }
    no_interface_named(flintlockd) = "MVM-FLK-505", "131319074e010489a10b824e45e22d0f", Error {
        message: "flintlockd did not start: neither a bridge nor a parent interface is named",
        cause: "Its configuration was not read, which it never says, or is incomplete.",
        remedy: "mvmhost apply\nsystemctl restart {flintlockd}",
    }
    panic(flintlockd) = "MVM-FLK-506", "bdb0ded02db0546da51eeba83db408da", Error {
        message: "a request crashed flintlockd: an interface with overrides but no bridge_name",
        cause: "flintlockd crashes on a network interface with empty overrides. systemd restarted it; the client sends the request again.",
        remedy: "journalctl -u {flintlockd} -b --grep=panic\n# give overrides a bridge_name, or leave overrides out of the microVM's specification",
    }
    token_refused(flintlockd) = "MVM-SEC-501", "cd1791e2cb5fd3425ca52aa69d9deca0", Warning {
        message: "a client showed flintlockd a wrong token, or none",
        cause: "The client's secret does not hold the text of [flintlockd] basic-auth-token-file, or a stranger tries.",
        remedy: "journalctl -u {flintlockd} -b --grep=token\n# give the client the token of this host; CAPMVM keeps it in a secret under the host part of the endpoint",
    }
    journal_silent(why) = "MVM-HOST-501", "74a683524ffe787c0c8020ed15829cda", Error {
        message: "the journal cannot be read: {why}",
        cause: "mvmhost diagnose runs journalctl. The journals were not searched; the files of the microVMs were.",
        remedy: "journalctl --verify\nsystemctl restart systemd-journald.service",
    }
    said_before(code, message) = "MVM-HOST-502", "839f08503f40b2a1274bcf50c0788f6a", Warning {
        message: "{code} of {subject} was reported and has not cleared: {message}",
        cause: "mvmhost itself wrote it into the journal; the code has a cause and a remedy of its own.",
        remedy: "mvmhost explain {code}\nmvmhost check",
    }
    nothing_known(lines, directories) = "MVM-HOST-503", "ee5b74550bd9bdf2fa7fe61133731627", Info {
        message: "nothing in {lines} lines and {directories} microVM directories is a known failure",
        cause: "flintlockd's, containerd's, the kernel's and mvmhost's journals and the microVMs' state directories were read.",
        remedy: "",
    }
    lines_skipped(count) = "MVM-HOST-504", "cbedc6c875b00b52f590eaa0effe6cb6", Info {
        message: "{count} records of the journal were not understood and left out",
        cause: "They were larger than a message is, cut off, or no JSON.",
        remedy: "",
    }
    state_unreadable(why, state) = "MVM-HOST-505", "11c0958a95b15ca8e2498b4760eab3d2", Warning {
        message: "files of microVMs below {subject} could not be read: {why}",
        cause: "The search does not include them.",
        remedy: "ls -la -- {state}",
    }
}
