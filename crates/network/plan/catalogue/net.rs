//! MVM-NET: the family of the network.

catalogue! {
    changed() = "MVM-NET-001", "e75ce3d48ed7a934299905bd6c18a22b", Info {
        message: "{subject} is as the configuration asks",
        cause: "mvm-net.service made or changed the interface; the steps are in the evidence.",
        remedy: "",
    }
    not_a_bridge(kind) = "MVM-NET-002", "35c8a1657dfcf08e5c2be8834b88f86a", Error {
        message: "interface {subject} exists and is no bridge but {kind}",
        cause: "[network.bridge] name is taken by an interface that another program made. mvmhost neither removes nor changes it.",
        remedy: "ip -details link show dev {subject}\n\
                 # give the bridge another name: /etc/mvmhost.toml, [network.bridge] name; then\n\
                 mvmhost apply",
    }
    subnet_taken(address, other, interface) = "MVM-NET-003", "47fc433cff5f3658fae5edf46e5445a4", Error {
        message: "{address} of {subject} overlaps {other} on interface {interface}",
        cause: "Two interfaces with overlapping subnets take each other's packets: this machine could \
                lose its own network, as the evidence says. mvmhost never picks another subnet by itself.",
        remedy: "ip address show dev {interface}\n\
                 ip route show dev {interface}\n\
                 # choose a free subnet: /etc/mvmhost.toml, addresses of {subject}; or, when it is meant,\n\
                 # an entry for MVM-NET-003 in ignore of [validate], as mvmhost.toml(5) shows; then\n\
                 mvmhost apply",
    }
    subnet_shared(address, other, interface) = "MVM-NET-004", "9cdb8ac1433ac045afe015be7beb190a", Warning {
        message: "{address} of {subject} overlaps {other} on interface {interface}, as the file allows",
        cause: "[validate] ignore has the code MVM-NET-003. What is behind the one interface cannot be \
                reached from the other.",
        remedy: "ip address show dev {interface}\n\
                 ip route show dev {interface}\n\
                 # choose a free subnet: /etc/mvmhost.toml, addresses of {subject}; then\n\
                 mvmhost apply",
    }
    bridge_delays(seconds) = "MVM-NET-005", "0e7aad2df091e344d3c1462666945a8d", Warning {
        message: "bridge {subject} holds a new port back for {seconds} s",
        cause: "Spanning tree or a forward delay keeps the port of a new microVM silent at first, and \
                its DHCP client may give up. The bridge has ports that are not microVMs' taps, so \
                mvmhost does not change it: without spanning tree a loop would stop the network.",
        remedy: "ip link set dev {subject} type bridge stp_state 0  # only when the bridge's other ports cannot form a loop\nip link set dev {subject} type bridge forward_delay 0",
    }
    step_failed(step) = "MVM-NET-006", "53bc748669ff50e2a34ac3a66afd53e7", Error {
        message: "cannot {step}",
        cause: "The kernel refused the change; its answer is in the evidence. Steps before it are \
                done, steps after it are not.",
        remedy: "ip -details address show dev {subject}\n\
                 systemctl restart mvm-net.service",
    }
    not_converged() = "MVM-NET-007", "d5b3faf0ded7163b11e86c9ca8790dde", Error {
        message: "{subject} is not as the configuration asks although every step was done",
        cause: "Something else changes the same interface: systemd-networkd, NetworkManager, ifupdown \
                or a script. The steps that are due again are in the evidence.",
        remedy: "ip monitor link address\n\
                 # keep the other manager away from {subject}, then\n\
                 systemctl restart mvm-net.service",
    }
    no_driver(module) = "MVM-NET-008", "7bc0d4945392cfc510b8fff0ec3fcc0b", Error {
        message: "this kernel cannot make {subject}: it has no driver {module}",
        cause: "The driver is neither built in nor loadable. After a kernel upgrade the modules \
                of the running kernel may be gone until the next reboot.",
        remedy: "modprobe {module}\nsystemctl restart mvm-net.service",
    }
    observe_failed() = "MVM-NET-009", "e3e710279f3d42c5e4992ce4913f00a8", Error {
        message: "the machine's interfaces cannot be read",
        cause: "The kernel did not answer over rtnetlink; its answer is in the evidence.",
        remedy: "ip -details address show\nsystemctl restart mvm-net.service",
        exit: Unavailable,
    }
    ipv6_disabled(address, sysctl) = "MVM-NET-010", "5c1f605d5d6c711bfc06eac3fcff57e2", Error {
        message: "{address} cannot be given to {subject}: IPv6 is turned off",
        cause: "The file gives it an IPv6 address, and the kernel has IPv6 disabled for the \
                interface or altogether.",
        remedy: "sysctl net.ipv6.conf.{sysctl}.disable_ipv6=0\n\
                 systemctl restart mvm-net.service\n\
                 # or take the IPv6 address out of /etc/mvmhost.toml",
    }
    parent_missing() = "MVM-NET-011", "69aadc67dacf9d24f65caa1185301859", Error {
        message: "there is no interface {subject}",
        cause: "The configuration puts a VLAN or the microVMs' macvtaps on it, or makes it the uplink of \
                the bridge. At boot mvm-net waits for it until systemd gives up; its driver, its cable \
                or its name may have changed.",
        remedy: "ip -brief link show\n\
                 # name an interface that is there: /etc/mvmhost.toml, parent or uplink; then\n\
                 mvmhost apply",
    }
    not_the_vlan(id, parent, other) = "MVM-NET-012", "b76b6922a9b65bdf5cf9d6f1b175e118", Error {
        message: "interface {subject} exists and is not VLAN {id} on {parent} but {other}",
        cause: "[[network.vlan]] name is taken by an interface that another program made, or that an earlier configuration asked for. mvmhost neither removes nor changes it.",
        remedy: "ip -details link show dev {subject}\n\
                 # give the VLAN another name: /etc/mvmhost.toml, [[network.vlan]] name; or, when nobody\n\
                 # needs the interface: ip link delete {subject}; then\n\
                 mvmhost apply",
    }
    vlan_taken(id, parent, interface) = "MVM-NET-013", "b6c4fac479a989f229eb7dbf56e78287", Error {
        message: "VLAN {id} on {parent} exists already, as {interface}",
        cause: "An interface has one VLAN of each id. Another program made this one under another name than [[network.vlan]] asks for.",
        remedy: "ip -details link show dev {interface}\n\
                 # take it as it is: /etc/mvmhost.toml, [[network.vlan]] name = \"{interface}\"; then\n\
                 mvmhost apply",
    }
    no_parent() = "MVM-NET-014", "c43f1879ea387e6d31d97f92df5f63e2", Error {
        message: "no interface can be the parent of macvtaps: there is no default route",
        cause: "[network.macvtap] parent is empty, which means the interface of the default route.",
        remedy: "ip -brief link show\n\
                 # name the interface: /etc/mvmhost.toml, [network.macvtap] parent; then\n\
                 mvmhost apply",
    }
    parent_unfit(why) = "MVM-NET-015", "679379338c7c154f5f2044a8f8ed42c5", Error {
        message: "{subject} cannot be the parent of macvtaps: it {why}",
        cause: "A macvtap sends frames with a MAC of its own through its parent.",
        remedy: "ip -details link show dev {subject}\n\
                 # name a wired interface of its own, or write mode = \"tap\": /etc/mvmhost.toml,\n\
                 # [network]; then\n\
                 mvmhost apply",
    }
    no_carrier() = "MVM-NET-016", "fa48f21821c8cfba337224f30f054373", Warning {
        message: "nothing answers at the other end of {subject}",
        cause: "The macvtaps of the microVMs use this interface, and it has no carrier: a cable is out, or a switch is off. They have no network until it comes back.",
        remedy: "ip link show dev {subject}",
    }
    stays(step, why) = "MVM-NET-017", "06b979e22b34b91348ddb42d8da205be", Warning {
        message: "cannot {step} while {why}",
        cause: "mvmhost made it, and the file no longer names it. mvmhost removes only what nothing else uses.",
        remedy: "ip -details address show dev {subject}\n\
                 ip route show dev {subject}\n\
                 # once nobody uses it:\n\
                 mvmhost apply",
    }
    not_recorded() = "MVM-NET-018", "d0797b0b7c12951e30ed6f076dd76c36", Warning {
        message: "mvmhost cannot record what it made of the network",
        cause: "Without a record mvmhost would not remove it when the configuration no longer names it. The reason is in the evidence.",
        remedy: "df /run\n\
                 ls -ld /run/mvmhost\n\
                 systemctl restart mvm-net.service",
    }
    not_told(manager, reload) = "MVM-NET-019", "9383ddec9eef47cff0462ad1cf936f5c", Warning {
        message: "{manager} could not be set to leave {subject} alone",
        cause: "A network manager may remove addresses from interfaces that it does not know. The reason is in the evidence.",
        remedy: "{reload}\n\
                 # if it fails, correct what it reports, then\n\
                 systemctl restart mvm-net.service",
    }
    others_traffic(why) = "MVM-NET-020", "0c7d1f2a9b3e4c5d8e6f7a8b9c0d1e2f", Warning {
        message: "{subject} gets no addresses, no DHCP and no NAT: {why}",
        cause: "Others use the interface as well, and the file does not explicitly ask that \
                mvmhost serves it. A DHCP server there would answer the machines of the LAN. MicroVMs \
                are on that network and get their addresses from it.",
        remedy: "ip -details address show dev {subject}\n\
                 ip link show master {subject}\n\
                 # MicroVMs stay on that network, /etc/mvmhost.toml: addresses = [] in [network.bridge].\n\
                 # mvmhost serves that network: enabled = true in [network.dhcp].\n\
                 # MicroVMs get a bridge of their own: another name in [network.bridge]. Then\n\
                 mvmhost apply",
    }
    route_narrowed(address, other, interface) = "MVM-NET-021", "1d8e2f3a0c4b5d6e9f7a8b0c1d2e3f40", Info {
        message: "{address} of {subject} takes its part of {other} on {interface}",
        cause: "The subnet is a part of that network, and the more specific of two routes wins. \
                Neither a gateway nor a name server of this host is in that part; other machines there \
                cannot be reached from this host.",
        remedy: "",
    }
    no_ipv6(address) = "MVM-NET-022", "2e9f3a4b1d5c6e7f0a8b9c1d2e3f4051", Warning {
        message: "{subject} does not get {address}: IPv6 is turned off on this host",
        cause: "The file gives it an IPv6 address, and IPv6 is turned off: by ipv6.disable=1 on the \
                kernel's command line, or by the switch disable_ipv6. IPv4 works without it.",
        remedy: "cat /proc/cmdline\n\
                 sysctl --all --pattern disable_ipv6\n\
                 # turn IPv6 on, or take the IPv6 address out of /etc/mvmhost.toml; then\n\
                 mvmhost apply",
    }
    link_back() = "MVM-NET-023", "0a6b3c7d2e8f9a5b4c1d0e9f8a7b6c5d", Warning {
        message: "{subject} was changed by another program; mvmhost put it back",
        cause: "Another manager of networks was applied, reloaded or restarted, or an administrator \
                changed it by hand. What was done is in the evidence.",
        remedy: "journalctl --since -5min -u systemd-networkd -u NetworkManager -u networking\n\
                 # leave {subject} out of what that manager configures; to take it away for good:\n\
                 # mvmhost net down",
    }
}
