//! MVM-FLK 1xx: flintlockd on another host, seen from here.

catalogue! {
    UNREACHABLE = "MVM-FLK-101", "7f1971a6cbafea665f9a1b1f0ca4c8ae", Error {
        message: "nobody takes connections on {subject}: {why}",
        cause: "Seen from here: flintlockd does not run there, listens on loopback only, or a firewall or a route is in between. \"Connection refused\" comes from the host itself, silence from what is in between.",
        remedy: "# on that host:\nmvmhost status\nss --listening --tcp --numeric 'sport = :{port}'",
    }
    NO_API = "MVM-FLK-102", "cb88e736d46634f451bcb362919cef9b", Error {
        message: "what listens on {subject} does not answer as flintlockd: {why}",
        cause: "It speaks TLS and was asked in plain text or the reverse, its certificate is not of the CA that was named, or it is another program.",
        remedy: "# with the CA of its certificate, or without --tls-ca for plain text:\nmvmhost check --host {subject} --tls-ca /etc/flintlock/ca.crt",
    }
    LOCKED = "MVM-FLK-103", "ea3cb271ae8b8b5ccb844a97bf72c36b", Error {
        message: "flintlockd on {subject} does not let this client in: {why}",
        cause: "A token is missing or wrong, or it wants a client certificate.",
        remedy: "# with a client certificate, or with a file that holds the token of that host:\nmvmhost check --host {subject} --tls-ca ca.crt --tls-cert capmvm.crt --tls-key capmvm.key\nmvmhost check --host {subject} --token-file /etc/flintlock/token",
    }
    ANSWERS = "MVM-FLK-104", "d18411168fd68ce6e4d6db968faee727", Info {
        message: "flintlockd on {subject} answers within {milliseconds} ms, microVMs: {count}",
        cause: "ListMicroVMs was answered, which also reads containerd's content store there.",
        remedy: "",
    }
    NO_SUCH_FILE = "MVM-FLK-105", "b01a2ac6ae34f0fd73d6f07d091af221", Error {
        message: "{subject} cannot be used: {why}",
        cause: "--tls-ca, --tls-cert and --tls-key name files in PEM, --token-file one line of text.",
        remedy: "ls -l {subject}",
    }
}
