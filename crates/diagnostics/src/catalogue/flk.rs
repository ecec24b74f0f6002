//! MVM-FLK: the family of flintlockd.

catalogue! {
    BINARY_MISSING = "MVM-FLK-001", "38ed4c3f19d5b6b2266d633772ee477d", Error {
        message: "there is no flintlockd at {subject}",
        cause: "flintlockd is in no distribution; it is installed by hand. [flintlockd] binary in /etc/mvmhost.toml says where.",
        remedy: "# put the program of a flintlock release there:\ninstall -m 0755 flintlockd {subject}\nmvmhost apply",
    }
    VMM_MISSING = "MVM-FLK-002", "53539bdccd42263b236e4ea3fa3a6323", Error {
        message: "there is no {subject}, the VMM of provider {provider}",
        cause: "flintlockd does not check for its VMM: it would start, and every microVM would fail until its retries are used up.",
        remedy: "# put the program of its release into PATH, or set its path in [flintlockd] of /etc/mvmhost.toml:\ninstall -m 0755 {subject} /usr/local/bin/\nmvmhost apply",
    }
    ENDPOINT_TAKEN = "MVM-FLK-003", "dc2f15f4a092fbd5798c36bdd9b2acde", Error {
        message: "port {port} of {subject} is taken by {holder}",
        cause: "flintlockd stays alive without listening when its port is taken. Cockpit and Prometheus use 9090 by default.",
        remedy: "# who it is:\nss --listening --tcp --processes --numeric 'sport = :{port}'\n# stop it, or set another [flintlockd] grpc-endpoint in /etc/mvmhost.toml, then\nmvmhost apply",
    }
    ENDPOINT_NO_ADDRESS = "MVM-FLK-004", "dbf0bac5b822255c99969ce93a17f75d", Error {
        message: "{subject} is no address of this host",
        cause: "flintlockd stays alive without listening when the address of its endpoint is on no interface.",
        remedy: "ip -brief address show\n# set [flintlockd] grpc-endpoint in /etc/mvmhost.toml to one of these, then\nmvmhost apply",
    }
    API_SILENT = "MVM-FLK-005", "ded99c7c64057fba80b272d61e26cd68", Error {
        message: "flintlockd's API on {subject} did not answer within {seconds} s",
        cause: "flintlockd stays active when it failed to listen, to dial containerd or to read its certificates; its journal has one line about it.",
        remedy: "journalctl -u {unit} -b -n 20",
    }
    API_ANSWERS = "MVM-FLK-006", "d587c89b9a9724c783518e7c2720a4f8", Info {
        message: "flintlockd's API on {subject} answers, microVMs: {count}",
        cause: "ListMicroVMs was answered, which also reads containerd's content store.",
        remedy: "",
    }
    TOKEN_UNREADABLE = "MVM-FLK-007", "dd537e507a812c83a93ff97a023c4f49", Error {
        message: "the token file {subject} cannot be used: {why}",
        cause: "[flintlockd] basic-auth-token-file names one line of text that clients must show.",
        remedy: "# a new token, which clients have to be given as well:\n(umask 077; openssl rand -hex 32 > {subject})\nmvmhost apply",
    }
    FILE_SHADOWED = "MVM-FLK-008", "68d331b1ba030beb7a480c0a8116a9c7", Error {
        message: "{subject} hides what flintlockd is given in a file",
        cause: "flintlockd reads the first config.yaml that it finds. A token, so that it stands on no command line, and a parent that follows the default route are handed over in another one.",
        remedy: "# what is in it can be said by [flintlockd] of /etc/mvmhost.toml:\nmv {subject} {subject}.old\nmvmhost apply",
    }
    TLS_UNREADABLE = "MVM-FLK-009", "11ead0d4dc202fc4c62b3989f83b1620", Error {
        message: "the TLS file {subject} cannot be read: {why}",
        cause: "flintlockd stays alive without listening when a certificate or key is missing.",
        remedy: "ls -l {subject}\n# put the file there, or mend [flintlockd.tls] in /etc/mvmhost.toml, then\nmvmhost apply",
    }
    PROVIDER_TOO_OLD = "MVM-FLK-011", "e3d452aef7af277fdcee2c4964d9c371", Error {
        message: "flintlockd {version} does not know provider {subject}",
        cause: "--default-provider exists since flintlock v0.6.0; an older flintlockd refuses the flag and does not start.",
        remedy: "# install flintlock v0.6.0 or newer, or set provider = \"firecracker\" in [flintlockd] of /etc/mvmhost.toml, then\nmvmhost apply",
    }
    ENDPOINT_REFUSED = "MVM-FLK-012", "a15473d80edcaa17eb9b3932aab27be3", Error {
        message: "nobody may listen on {subject}: {why}",
        cause: "The kernel refused a listening socket on flintlockd's endpoint; flintlockd would stay alive without listening.",
        remedy: "# set another [flintlockd] grpc-endpoint in /etc/mvmhost.toml, then\nmvmhost apply",
    }
    FILE_NOT_WRITTEN = "MVM-FLK-013", "b2981eda1eb08766af2918043041078a", Error {
        message: "{subject} could not be written: {why}",
        cause: "What flintlockd is told in a file is written at each of its starts; a full /run is the usual reason.",
        remedy: "df -h /run",
    }
    NO_INTERFACE = "MVM-FLK-014", "93096985648bdea64f33cb8e9fe703cd", Warning {
        message: "{subject} gives flintlockd neither --bridge-name nor --parent-iface",
        cause: "With [network] mode = \"none\" mvmhost passes neither, and flintlockd does not start without one. Its environment, which is not looked at, may name one as well.",
        remedy: "# set mode = \"tap\" in [network] of /etc/mvmhost.toml, or name your own interface with extra-args = [\"--bridge-name=...\"] in [flintlockd], then\nmvmhost apply",
    }
    UNPROTECTED = "MVM-FLK-025", "97c30e3d4a2e41bba88da009cad19f04", Error {
        message: "a stop of {subject} would kill every microVM of this host",
        cause: "The unit that systemd has loaded has another KillMode than process, so that a stop ends everything in its control group. mvmhost's part of the unit is not loaded: the package was removed, a drop-in of somebody else's changes it back, or systemd has not read its files since.",
        remedy: "systemctl daemon-reload\nsystemctl show --property KillMode,FragmentPath,DropInPaths {subject}\n# while it does not show KillMode=process: take KillMode= out of the drop-ins that it shows, then\nmvmhost apply",
    }
}
