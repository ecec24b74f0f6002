//! MVM-FLK 1xx: flintlockd on another host, seen from here.

catalogue! {
    unreachable(why, port) = "MVM-FLK-101", "7f1971a6cbafea665f9a1b1f0ca4c8ae", Error {
        message: "no connection to {subject}: {why}",
        cause: "flintlockd does not run there, listens on loopback only, or a firewall or route is in between. \"Connection refused\" comes from that host, silence from what is in between.",
        remedy: "mvmhost status  # on that host\nss --listening --tcp --numeric 'sport = :{port}'  # on that host",
    }
    no_api(why) = "MVM-FLK-102", "cb88e736d46634f451bcb362919cef9b", Error {
        message: "what listens on {subject} does not answer as flintlockd: {why}",
        cause: "It speaks TLS and was asked in plain text or the reverse, its certificate is not of the CA that was given, or it is another program.",
        remedy: "mvmhost check --host {subject} --tls-ca CA.pem  # with the CA of its certificate; without --tls-ca for plain text",
    }
    locked(why) = "MVM-FLK-103", "ea3cb271ae8b8b5ccb844a97bf72c36b", Error {
        message: "flintlockd on {subject} refuses this client: {why}",
        cause: "The token is missing or wrong, or flintlockd wants a client certificate.",
        remedy: "mvmhost check --host {subject} --token-file TOKEN  # with a file that holds the token of that host\nmvmhost check --host {subject} --tls-ca CA.pem --tls-cert CERT.pem --tls-key KEY.pem  # with a client certificate",
    }
    answers(milliseconds, count) = "MVM-FLK-104", "d18411168fd68ce6e4d6db968faee727", Info {
        message: "flintlockd on {subject} answers within {milliseconds} ms, microVMs: {count}",
        cause: "ListMicroVMs was answered, which also reads containerd's content store there.",
        remedy: "",
    }
    no_such_file(why) = "MVM-FLK-105", "b01a2ac6ae34f0fd73d6f07d091af221", Error {
        message: "{subject} cannot be used: {why}",
        cause: "--tls-ca, --tls-cert and --tls-key name files in PEM, --token-file one line of text.",
        remedy: "ls -l {subject}",
    }
}
