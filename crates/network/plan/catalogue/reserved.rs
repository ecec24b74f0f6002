//! MVM-NET-47x: addresses that the file keeps from DHCP.

catalogue! {
    own(interface) = "MVM-NET-470", "9fcf8cd80b16dd6e3cfeb31c6b84c5bf", Error {
        message: "{subject} is reserved for another machine, and {interface} of this host has it",
        cause: "The file keeps the address from DHCP, for the control plane of a cluster or another machine. \
                Two machines with one address are reached by turns.",
        remedy: "ip -brief address show dev {interface}\n\
                 # take the address off this host where it is configured, or reserve another one in [network] \
                 of /etc/mvmhost.toml; then\n\
                 mvmhost check --deep",
    }
    several(count) = "MVM-NET-471", "0fee1252d54b13d472b3050505e375c6", Error {
        message: "{count} machines answer for the reserved address {subject}",
        cause: "The address is for one machine, such as the control plane node. Clients reach now one of them, now another. Their MAC addresses are in the evidence.",
        remedy: "mvmhost vms\n\
                 ip neigh show {subject}\n\
                 # take the address off all machines but one, then\n\
                 mvmhost check --deep",
    }
}
