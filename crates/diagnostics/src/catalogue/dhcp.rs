//! MVM-DHCP: addresses and names for microVMs.

catalogue! {
    PORT_TAKEN = "MVM-DHCP-001", "802ef18746e49abc2acc31c427c02429", Error {
        message: "{subject} cannot be served: port {port} is taken by {holder}",
        cause: "Another server holds the port on every address, or on this host's address on that \
                interface.",
        remedy: "ss -lunp sport = :{port}\n\
                 # let that server leave the interface alone, or turn ours off in /etc/mvmhost.toml: \
                 [network.dhcp] dns-server = false for port 53, enabled = false for port 67; then\n\
                 mvmhost apply",
    }
    NOT_INSTALLED = "MVM-DHCP-002", "120f14a6f87cd4b8622a6097128670c7", Error {
        message: "dnsmasq is not installed: microVMs on {subject} get no address",
        cause: "mvmhost serves DHCP with the distribution's dnsmasq. The package mvmhost depends on it, and it was removed.",
        remedy: "{install_dnsmasq}\nsystemctl start mvmhost.target",
    }
    NOT_WRITTEN = "MVM-DHCP-003", "ace4ab2f1e92a09bf7e4bf4f24f68178", Error {
        message: "cannot write {subject}",
        cause: "dnsmasq's configuration could not be put where it reads it; the reason is in the \
                evidence.",
        remedy: "df -h /run\n\
                 systemctl restart mvm-dhcp.service",
    }
    LEASES_UNREAD = "MVM-DHCP-004", "6f36670ae118217c154bfe584f7c0af7", Error {
        message: "cannot read the leases in {subject}",
        cause: "dnsmasq's file of leases could not be read; the reason is in the evidence. No file at \
                all is no lease and no error.",
        remedy: "ls -l {subject}\n\
                 systemctl status mvm-dhcp.service",
    }
    NOT_SERVED = "MVM-DHCP-005", "e02f2cb8710fdc17ee5a767507c57240", Warning {
        message: "DHCP is not served to microVMs on {subject}",
        cause: "mvm-dhcp.service is not running. MicroVMs start, and those without a static address get none.",
        remedy: "journalctl --boot --unit mvm-dhcp.service --lines 20\n\
                 systemctl restart mvm-dhcp.service",
    }
}
