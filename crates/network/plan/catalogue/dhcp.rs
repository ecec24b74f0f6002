//! MVM-DHCP: addresses and names for microVMs.

catalogue! {
    port_taken(port, holder) = "MVM-DHCP-001", "802ef18746e49abc2acc31c427c02429", Error {
        message: "DHCP on {subject} does not start: {holder} uses port {port}",
        cause: "Another server holds the port on every address, or on this host's address on that \
                interface.",
        remedy: "ss -lunp sport = :{port}\n\
                 # let that server leave the interface alone, or turn ours off in /etc/mvmhost.toml: \
                 [network.dhcp] dns-server = false for port 53, enabled = false for port 67; then\n\
                 mvmhost apply",
    }
    not_installed() = "MVM-DHCP-002", "120f14a6f87cd4b8622a6097128670c7", Error {
        message: "dnsmasq is not installed: microVMs on {subject} get no address",
        cause: "mvmhost serves DHCP with the distribution's dnsmasq. The package mvmhost depends on it, and it was removed.",
        remedy: "{install_dnsmasq}\nsystemctl start mvmhost.target",
    }
    not_written() = "MVM-DHCP-003", "ace4ab2f1e92a09bf7e4bf4f24f68178", Error {
        message: "cannot write {subject}",
        cause: "dnsmasq's configuration could not be put where it reads it; the reason is in the \
                evidence.",
        remedy: "df -h /run\n\
                 systemctl restart mvm-dhcp.service",
    }
    leases_unread() = "MVM-DHCP-004", "6f36670ae118217c154bfe584f7c0af7", Error {
        message: "cannot read the leases in {subject}",
        cause: "dnsmasq's file of leases could not be read; the reason is in the evidence. No file at \
                all is no lease and no error.",
        remedy: "ls -l {subject}\n\
                 systemctl status mvm-dhcp.service",
    }
    not_served() = "MVM-DHCP-005", "e02f2cb8710fdc17ee5a767507c57240", Warning {
        message: "DHCP is not served to microVMs on {subject}",
        cause: "mvm-dhcp.service is not running. MicroVMs start, and those without a static address get none.",
        remedy: "journalctl --boot --unit mvm-dhcp.service --lines 20\n\
                 systemctl restart mvm-dhcp.service",
    }
    withheld(why) = "MVM-DHCP-008", "5b1c8d2e7f3a4b0c9d6e5f4a3b2c1d0e", Warning {
        message: "{subject} is not served with DHCP: {why}",
        cause: "Others use the interface as well, and the file does not explicitly ask that \
                mvmhost serves it. A DHCP server there would answer the machines of the LAN. MicroVMs \
                get their addresses from that network, or none.",
        remedy: "ip link show master {subject}\n\
                 # MicroVMs alone are to use it: take the port off, ip link set dev PORT nomaster.\n\
                 # MicroVMs stay on that network, /etc/mvmhost.toml: enabled = false in [network.dhcp].\n\
                 # mvmhost serves that network: enabled = true in [network.dhcp]. Then\n\
                 mvmhost apply",
    }
    other_server(servers) = "MVM-DHCP-009", "6c2d9e3f8a4b5c1d0e7f6a5b4c3d2e1f", Error {
        message: "{subject} is not served: the DHCP server {servers} answers there",
        cause: "The file asks that mvmhost serves an interface that others use as well, and another DHCP \
                server gives out addresses there. Two servers that do not know of each other give one \
                address to two machines.",
        remedy: "ip neigh show dev {subject}\n\
                 # turn that server off; or ours: enabled = false in [network.dhcp] of /etc/mvmhost.toml,\n\
                 # mvmhost apply. To ask again:\n\
                 systemctl restart mvm-dhcp.service",
    }
    not_asked() = "MVM-DHCP-010", "7d3e0f4a9b5c6d2e1f8a7b6c5d4e3f2a", Error {
        message: "DHCP on {subject} does not start: mvmhost could not ask for other servers",
        cause: "Other machines use this interface too. mvmhost serves it only when no other server does, and could not send the question; the reason is in the evidence.",
        remedy: "ip link show dev {subject}\n\
                 systemctl restart mvm-dhcp.service",
    }
}
