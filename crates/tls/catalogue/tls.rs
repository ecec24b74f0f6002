//! MVM-SEC: the certificates that `mvmhost tls` makes.

catalogue! {
    made(until) = "MVM-SEC-007", "2c923f828f34d49184a599bf81ec2a6d", Info {
        message: "made {subject}, which holds until {until}",
        cause: "mvmhost tls wrote a certificate into /etc/mvmhost/tls. Its key stands beside it and only root can read it.",
        remedy: "",
    }
    foreign(why) = "MVM-SEC-008", "d2d3cd625848d7f17c7a14c9898316c8", Error {
        message: "{subject} is not of this authority and stays as it is: {why}",
        cause: "A file that mvmhost did not make, or cannot read, has the name of one of its certificates. mvmhost never overwrites it.",
        remedy: "mv -T {subject} {subject}.old\nmvmhost tls init",
    }
    clock(today, from) = "MVM-SEC-009", "8cc12c4bc6959c300a2354ca1b05700b", Error {
        message: "today is {today} by the clock, and the authority {subject} begins on {from}",
        cause: "The clock of this host is wrong: the authority was made on this host or on another one before today. A certificate of that date would be trusted by no client.",
        remedy: "timedatectl\n# set the clock, then\nmvmhost tls renew",
    }
    authority_ended(until, folder) = "MVM-SEC-010", "904c9f98ecd72f5219a6a6e4a4b155e7", Error {
        message: "the authority {subject} ended on {until}",
        cause: "No certificate of it is trusted any more. A new authority needs new certificates for the server and for every client.",
        remedy: "mv -T {folder} {folder}.old\nmvmhost tls init\nmvmhost apply\n# give every client its new certificate",
    }
    authority_ends(until, folder) = "MVM-SEC-011", "9ee41032b6fa32f9b21816255f2eb119", Warning {
        message: "the authority {subject} ends on {until}",
        cause: "No certificate can last longer than the authority that signed it. A new authority needs new certificates for the server and for every client.",
        remedy: "mv -T {folder} {folder}.old\nmvmhost tls init\nmvmhost apply\n# give every client its new certificate",
    }
    no_authority_key() = "MVM-SEC-012", "a22eef0d89ba6beca362b7765c09f0cf", Error {
        message: "the key of the authority is missing: {subject}",
        cause: "Without it no certificate can be signed on this host.",
        remedy: "chmod 0600 {subject}  # first: copy the key back from where it is kept\nmvmhost tls renew",
    }
    not_written(why) = "MVM-SEC-013", "eab0e2dbb185fe854eec8f37dd7294f1", Error {
        message: "{subject} could not be written: {why}",
        cause: "A certificate or a key could not be made or kept. What was there before is as it was.",
        remedy: "df -h /etc\nls -ld {subject}",
    }
    settled(until) = "MVM-SEC-014", "7522bd71e04be5633e766088b67e3119", Info {
        message: "every certificate in {subject} holds; that of the server until {until}",
        cause: "Nothing is due: a certificate is renewed in the last third of its time.",
        remedy: "",
    }
    client_ends(until) = "MVM-SEC-015", "2517ef44c9ed6b446a5e69e09c5fb781", Warning {
        message: "the client certificate {subject} ends on {until}",
        cause: "flintlockd refuses this client after that day. mvmhost does not renew it by itself, because the client has a copy.",
        remedy: "mvmhost tls renew --client {subject}\nmvmhost tls show --client {subject} --secret capmvm-tls",
    }
    no_client() = "MVM-SEC-016", "c0e2d435b7ae17721e36ba63858f5e65", Error {
        message: "there is no client certificate {subject}",
        cause: "mvmhost tls init makes one with the name capmvm, and others on request.",
        remedy: "mvmhost tls show\nmvmhost tls init --client {subject}",
    }
    other_files() = "MVM-SEC-017", "802aa5779039dde6dac10da658456dc1", Warning {
        message: "[flintlockd.tls] names other certificates: {subject}",
        cause: "The certificates were made and flintlockd does not use them, because the configuration names its own.",
        remedy: "mvmhost tls init  # first: remove cert, key and client-ca of [flintlockd.tls] in /etc/mvmhost.toml\nmvmhost apply",
    }
    not_for_address() = "MVM-SEC-018", "86f859e24608e48fc9c5a7f66f1982d1", Warning {
        message: "the certificate of the server does not name {subject}",
        cause: "A client that dials this address refuses flintlockd, because the certificate does not name it. This host got the address after the certificate was made.",
        remedy: "mvmhost tls renew",
    }
    restarted() = "MVM-SEC-019", "eefa397098ef2696730022d44d60940f", Info {
        message: "{subject} was restarted and uses the new certificate",
        cause: "flintlockd reads its certificate only when it starts. Running microVMs go on.",
        remedy: "",
    }
    not_restarted(why) = "MVM-SEC-020", "f69d6e56fbf341b9a85d03e9bb758ca7", Warning {
        message: "{subject} still uses the certificate from before: {why}",
        cause: "flintlockd reads its certificate only when it starts, and it could not be restarted.",
        remedy: "systemctl restart {subject}  # not while mvmhost check reports MVM-FLK-025",
    }
    configured() = "MVM-SEC-021", "44e177a774d8ebfd534afe7bec916c72", Info {
        message: "{subject} makes flintlockd use the certificates",
        cause: "Nothing is changed before the next mvmhost apply.",
        remedy: "",
    }
    no_authority() = "MVM-SEC-022", "b6f04a6587a29878117cf564d2aeeafd", Error {
        message: "there is no authority in {subject}",
        cause: "mvmhost tls init makes it once; every other certificate is signed by it.",
        remedy: "mvmhost tls init",
    }
}
