//! Codes of checks in families that have a file of their own: MVM-NET 4xx, MVM-HOST 2xx,
//! MVM-CTRD 1xx.

catalogue! {
    bridge_missing() = "MVM-NET-401", "6668b262cbd0da8cc61e7e54c492c22d", Error {
        message: "the bridge {subject} does not exist",
        cause: "flintlockd does not check its bridge: every microVM fails until its retries are used up.",
        remedy: "systemctl restart mvm-net.service\nsystemctl start mvmhost.target",
    }
    bridge_down() = "MVM-NET-402", "4675b82b8633bb0aae587721681229d1", Warning {
        message: "the bridge {subject} is down",
        cause: "The interface was set down. MicroVMs start, and nothing reaches them.",
        remedy: "ip link set dev {subject} up",
    }
    parent_missing() = "MVM-NET-403", "31ffbfac88cda7dfd1932567efd40d40", Error {
        message: "the interface {subject}, the parent of macvtaps, does not exist",
        cause: "[network.macvtap] parent names it, and every microVM needs it.",
        remedy: "ip -brief link show\n# set parent in [network.macvtap] of /etc/mvmhost.toml to one of these, then\nmvmhost apply",
    }
    parent_wireless() = "MVM-NET-404", "1fb83f623547e58adceb36db37f71e74", Error {
        message: "{subject} is wireless and cannot carry macvtaps",
        cause: "An access point drops frames from addresses that did not associate with it.",
        remedy: "ip -brief link show\n# set parent in [network.macvtap] of /etc/mvmhost.toml to a wired interface, or mode = \"tap\" in [network], then\nmvmhost apply",
    }
    parent_enslaved(master) = "MVM-NET-405", "d5badbd45a44d556d789fada1704a707", Error {
        message: "{subject} is a port of {master} and cannot carry macvtaps",
        cause: "An interface can have macvtaps or be a port of a bridge or bond, and not both.",
        remedy: "ip link show master {master}\n# set parent in [network.macvtap] of /etc/mvmhost.toml to another interface, then\nmvmhost apply",
    }
    parent_no_carrier() = "MVM-NET-406", "352d5325fb098d9e3254a4cfc74fd890", Warning {
        message: "{subject} has no carrier",
        cause: "The cable is out, the other end is off, or the interface is switched off. MicroVMs start, and nothing reaches them.",
        remedy: "ip link set dev {subject} up\nip -brief link show dev {subject}",
    }
    no_tun(why) = "MVM-NET-407", "0d0865ff8cd6e244241577cb0c6376b3", Error {
        message: "taps cannot be made: {subject}: {why}",
        cause: "Each microVM has at least one tap, and the kernel's tun driver makes them.",
        remedy: "modprobe tun\nsystemctl start mvmhost.target",
    }
    stale_tap() = "MVM-NET-408", "2767deac52282a881201156e9fcde0ae", Warning {
        message: "no VMM has the tap {subject} open, and flintlockd lists no microVM with it",
        cause: "A microVM ended or failed and its tap stayed. flintlockd takes it up again as it is, without attaching it to the bridge.",
        remedy: "ip link delete dev {subject}",
    }
    forward_drops_bridged(chain, heal) = "MVM-NET-409", "0b75608186196c6d0d34c6b51ec83afc", Error {
        message: "the chain {chain} drops what microVMs on {subject} send, even to each other",
        cause: "A firewall on this host drops what goes between the ports of the bridge: in a table of bridges, or because net.bridge.bridge-nf-call-iptables or -ip6tables makes frames pass the rules of IP. Answers of DHCP vanish too. The rule is in the evidence.",
        remedy: "{heal}\nsystemctl start mvmhost.target",
    }
    forward_drops(chain, heal) = "MVM-NET-410", "dfebf0a68042e2950de2ead73f64f457", Warning {
        message: "the chain {chain} drops what microVMs on {subject} send outside",
        cause: "A firewall on this host drops what is forwarded, by the rule in the evidence. MicroVMs start and get an address, and reach no other network.",
        remedy: "{heal}\nmvmhost check",
    }
    ufw_drops_forward() = "MVM-NET-411", "c4c53947ea6c2b5e2ae97eedac8f021e", Warning {
        message: "ufw drops what microVMs on {subject} send to others",
        cause: "ufw refuses what is forwarded by default, and an accept in mvmhost's own table cannot undo a drop in another. mvmhost changes no rules of ufw. The rule is in the evidence.",
        remedy: "ufw route allow in on {subject}",
    }
    ufw_drops_input(what) = "MVM-NET-412", "00944b70ab75aeed70e656b68dfcdca8", Warning {
        message: "ufw drops what microVMs on {subject} ask this host {what}",
        cause: "ufw refuses what comes in by default; DHCP and DNS for microVMs are served by this host.",
        remedy: "ufw allow in on {subject} to any port 67 proto udp\nufw allow in on {subject} to any port 53",
    }
    input_drops(chain, what, heal) = "MVM-NET-413", "b7d7036198c09dee877b26fb0094d1e5", Warning {
        message: "the chain {chain} drops what microVMs on {subject} ask this host {what}",
        cause: "A firewall on this host drops what comes in, by the rule in the evidence; DHCP and DNS for microVMs are served by this host.",
        remedy: "{heal}\nmvmhost check",
    }
    undecided(chain) = "MVM-NET-414", "4f1b6c0d8e2a3b5c7d9e0f1a2b3c4d5e", Info {
        message: "whether the chain {chain} lets microVMs on {subject} through is undecided",
        cause: "A rule of the chain, which is in the evidence, depends on something that is not listed with it, such as the elements of a set. Packets of microVMs may be dropped there.",
        remedy: "nft -a list ruleset\n# where the rule is meant for microVMs as well, accept them before it",
    }
    output_drops(chain, heal) = "MVM-NET-415", "5a2c7d1e9f3b4c6d8e0f1a2b3c4d5e6f", Warning {
        message: "the chain {chain} drops what this host answers microVMs on {subject}",
        cause: "A firewall on this host drops what the host itself sends, by the rule in the evidence. MicroVMs get no address and no names.",
        remedy: "{heal}\nmvmhost check",
    }
    forwarding_off(switch, is, value, sysctl) = "MVM-NET-416", "6b3d8e2f0a4c5d7e9f1a2b3c4d5e6f70", Warning {
        message: "the kernel's switch {switch} is {is}: microVMs on {subject} are cut off",
        cause: "microVMs on {subject} need it to be {value}. mvm-net sets it, and mvm-net-watch sets it again when another program turns it.",
        remedy: "sysctl -w {sysctl}={value}\nsystemctl restart mvm-net-watch.service\ngrep -rsE 'ip_forward|forwarding|accept_ra' /etc/sysctl.conf /etc/sysctl.d",
    }
    strict_path(route, sysctl) = "MVM-NET-417", "7c4e9f3a1b5d6e8f0a2b3c4d5e6f7081", Warning {
        message: "rp_filter of {subject} is strict and the default route is {route}: answers are lost",
        cause: "[network.nat] uplink names {subject}, and the default route leads by {route}. With rp_filter 1 the kernel takes packets only from the interface by which it would answer them.",
        remedy: "sysctl -w {sysctl}=2  # in a file of /etc/sysctl.d it stays after a reboot",
    }
    mtu_split(port, small, large) = "MVM-NET-418", "8d5f0a4b2c6e7f9a1b3c4d5e6f708192", Warning {
        message: "{port} has MTU {small} and {subject} has {large}: large packets vanish",
        cause: "A bridge throws away a packet that its port does not take, and sends no error.",
        remedy: "ip link set dev {subject} mtu {small}\n# for good: mtu = {small} in [network.bridge] of /etc/mvmhost.toml, then\nmvmhost apply",
    }
    mtu_less(large, small) = "MVM-NET-419", "9e6a1b5c3d7f8a0b2c4d5e6f708192a3", Info {
        message: "microVMs on {subject} have MTU {large}, and packets leave by {small}",
        cause: "The interface by which packets leave takes smaller ones than the bridge. TCP is clamped to the smaller MTU, and DHCP and router advertisements announce it; a microVM with an address of its own needs it written down.",
        remedy: "ip -brief link show\n# for all microVMs: mtu = {small} in [network.bridge] of /etc/mvmhost.toml, then\nmvmhost apply",
    }
    no_macvtap() = "MVM-NET-420", "0f7b2c6d4e8a9b1c3d5e6f708192a3b4", Error {
        message: "this kernel has no driver {subject}: flintlock cannot make macvtaps",
        cause: "[network] mode is macvtap, and the driver is neither built in nor among the modules of the running kernel. After a kernel upgrade they may be gone until the next reboot.",
        remedy: "modprobe {subject}\nsystemctl start mvmhost.target",
    }
    no_route(version, why, heal) = "MVM-NET-421", "1a8c3d7e5f9b0c2d4e6f708192a3b4c5", Warning {
        message: "the kernel drops {version} packets of microVMs on {subject}: {why}",
        cause: "mvmhost asked the kernel for the route of such a packet. A policy routing rule, a VRF or a route drops it; the evidence names it.",
        remedy: "{heal}\nmvmhost check",
    }
    no_gateway(version) = "MVM-NET-422", "2b9d4e8f6a0c1d3e5f708192a3b4c5d6", Info {
        message: "no default route for {version}: microVMs on {subject} reach no other network",
        cause: "This host itself reaches only its own networks. mvm-net-watch sets up translation as soon as there is a default route.",
        remedy: "ip route show\nip -6 route show\n# add one where this host's network is configured, then\nmvmhost check",
    }
    other_route(by, heal) = "MVM-NET-423", "3c0e5f9a7b1d2e4f608192a3b4c5d6e7", Warning {
        message: "the kernel sends packets for microVMs on {subject} to {by}",
        cause: "mvmhost asked the kernel for the route of an answer to a microVM. A policy routing rule, such as that of a VPN, asks another table first, or the main table lacks the route to the bridge. The evidence names it.",
        remedy: "{heal}\nmvmhost check",
    }
    untracked(chain, heal) = "MVM-NET-425", "5e2a7b1c9d3f40516273849506c7d8e9", Warning {
        message: "the chain {chain} excludes microVMs on {subject} from translation",
        cause: "A rule of this host, in the evidence, excludes their packets from connection tracking. Such packets keep the address of the microVM, and no other network knows the way back.",
        remedy: "{heal}\nmvmhost check",
    }
    arp_drops(chain, heal) = "MVM-NET-426", "6f3b8c2d0e415263748596a7b8c9d0e1", Warning {
        message: "the chain {chain} drops ARP between this host and microVMs on {subject}",
        cause: "A rule of this host, in the evidence, drops ARP requests or answers. A microVM without an answer sends nothing to this host or beyond it.",
        remedy: "{heal}\nmvmhost check",
    }
    clock_off(now, why) = "MVM-HOST-201", "682175929b6485cadd2fc1135e1069dd", Error {
        message: "the clock shows {now}, which cannot be right: {why}",
        cause: "With a wrong clock no certificate is valid, registries refuse, and flintlockd's retries and leases are out of order.",
        remedy: "date --set=@$(cat /sys/class/rtc/rtc0/since_epoch)  # from the hardware's clock; set that one when it is wrong too\nsystemctl start mvmhost.target\ntimedatectl set-ntp true || true  # where a time service is installed",
    }
    not_checked(why) = "MVM-HOST-202", "d49612d3b17ea6e0685aa729b0b1dab3", Warning {
        message: "{subject} could not be checked: {why}",
        cause: "The question got no answer, so its result is unknown.",
        remedy: "journalctl -b -t mvmhost -n 20\nmvmhost check",
    }
    ignore_ended(until, reason) = "MVM-HOST-203", "9514edf36f36c1c4faa3749e23f05a0b", Warning {
        message: "the exception for {subject} ended on {until}: {reason}",
        cause: "[validate] ignore holds until the end of the day that it names.",
        remedy: "mvmhost explain {subject}\n# repair it, or set a later until in [validate] ignore of /etc/mvmhost.toml, then\nmvmhost apply",
    }
    ignored(code, reason) = "MVM-HOST-204", "e885bf69abbaa44f9c015b7386038821", Info {
        message: "{code} of {subject} is ignored: {reason}",
        cause: "[validate] ignore in /etc/mvmhost.toml says so.",
        remedy: "",
    }
    all_well(count) = "MVM-HOST-205", "db36706d2bf924eddc0800c575bc9182", Info {
        message: "{count} checks of {subject}: nothing is wrong",
        cause: "Every check found what it expects.",
        remedy: "",
    }
    tool_missing() = "MVM-CTRD-101", "e51ebaceca8ddb69796fac8fed6731f0", Error {
        message: "containerd's devmapper snapshotter needs the program {subject}, which is missing",
        cause: "The snapshotter looks for its programs when it needs them; without one of them it does not load, or no snapshot can be made.",
        remedy: "{install_subject}\nsystemctl start mvmhost.target",
    }
}
