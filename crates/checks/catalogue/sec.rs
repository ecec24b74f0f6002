//! MVM-SEC: the family of certificates and of who may use the API.

catalogue! {
    certificate_expired(until, unit) = "MVM-SEC-001", "29561d7e3b928f7684b4f345459b351d", Error {
        message: "the certificate {subject} ended on {until}",
        cause: "No client trusts flintlockd with it. When the date is not in the past, this host's clock is wrong.",
        remedy: "date\n# put a new certificate and its key in their places, then\nmvmhost apply\nsystemctl restart {unit}  # not while mvmhost check reports MVM-FLK-025",
    }
    certificate_future(from, unit) = "MVM-SEC-002", "a6419788e0fb20dc8fc0f7ac5e13d3e8", Error {
        message: "the certificate {subject} begins on {from}",
        cause: "No client trusts flintlockd with it before. When the date is in the past, this host's clock is wrong.",
        remedy: "date\n# put a certificate that holds today in its place, then\nmvmhost apply\nsystemctl restart {unit}  # not while mvmhost check reports MVM-FLK-025",
    }
    certificate_ends(until, unit) = "MVM-SEC-003", "d784e4e73a3f2b15b52e3a077463a44e", Warning {
        message: "the certificate {subject} ends on {until}",
        cause: "In less than 30 days no client trusts flintlockd any more.",
        remedy: "mvmhost apply  # first: put a new certificate and its key in their places\nsystemctl restart {unit}  # not while mvmhost check reports MVM-FLK-025",
    }
    no_certificate(why, unit) = "MVM-SEC-004", "179fc33e66ede39acb095c7097d71e7e", Error {
        message: "{subject} is not a certificate: {why}",
        cause: "flintlockd stays active without listening when it cannot read a certificate.",
        remedy: "head -n 1 {subject}\n# put a certificate in PEM there, then\nmvmhost apply\nsystemctl restart {unit}  # not while mvmhost check reports MVM-FLK-025",
    }
    key_open(mode) = "MVM-SEC-005", "700b06d2f125dfaf6da84467ad0d0369", Warning {
        message: "users who are not root can read the secret {subject} (mode {mode})",
        cause: "With the key or token of flintlockd a user can create microVMs, which is as good as root.",
        remedy: "chmod 0600 {subject}",
    }
    exposed() = "MVM-SEC-006", "8512a519e3c87a42f3e637af1b15c7a6", Warning {
        message: "flintlockd's API on {subject} is open to everybody who reaches this host",
        cause: "insecure = true with an address that is not loopback and without a token: the network decides who is root here.",
        remedy: "mvmhost apply  # first: set basic-auth-token-file and [flintlockd.tls], or a loopback grpc-endpoint, in [flintlockd] of /etc/mvmhost.toml",
    }
}
