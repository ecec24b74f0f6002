//! Codes of checks in families that have a file of their own: MVM-NET 4xx, MVM-HOST 2xx,
//! MVM-CTRD 1xx.

catalogue! {
    BRIDGE_MISSING = "MVM-NET-401", "6668b262cbd0da8cc61e7e54c492c22d", Error {
        message: "the bridge {subject} does not exist",
        cause: "flintlockd does not check its bridge: every microVM fails until its retries are used up.",
        remedy: "systemctl restart mvm-net.service\nsystemctl start mvmhost.target",
    }
    BRIDGE_DOWN = "MVM-NET-402", "4675b82b8633bb0aae587721681229d1", Warning {
        message: "the bridge {subject} is down",
        cause: "The interface was set down. MicroVMs start, and nothing reaches them.",
        remedy: "ip link set dev {subject} up",
    }
    PARENT_MISSING = "MVM-NET-403", "31ffbfac88cda7dfd1932567efd40d40", Error {
        message: "the interface {subject}, the parent of macvtaps, does not exist",
        cause: "[network.macvtap] parent names it, and every microVM needs it.",
        remedy: "ip -brief link show\n# set parent in [network.macvtap] of /etc/mvmhost.toml to one of these, then\nmvmhost apply",
    }
    PARENT_WIRELESS = "MVM-NET-404", "1fb83f623547e58adceb36db37f71e74", Error {
        message: "{subject} is wireless and cannot carry macvtaps",
        cause: "An access point drops frames from addresses that did not associate with it.",
        remedy: "ip -brief link show\n# set parent in [network.macvtap] of /etc/mvmhost.toml to a wired interface, or mode = \"tap\" in [network], then\nmvmhost apply",
    }
    PARENT_ENSLAVED = "MVM-NET-405", "d5badbd45a44d556d789fada1704a707", Error {
        message: "{subject} is a port of {master} and cannot carry macvtaps",
        cause: "An interface can have macvtaps or be a port of a bridge or bond, and not both.",
        remedy: "ip link show master {master}\n# set parent in [network.macvtap] of /etc/mvmhost.toml to another interface, then\nmvmhost apply",
    }
    PARENT_NO_CARRIER = "MVM-NET-406", "352d5325fb098d9e3254a4cfc74fd890", Warning {
        message: "{subject} has no carrier",
        cause: "The cable is out, the other end is off, or the interface is switched off. MicroVMs start, and nothing reaches them.",
        remedy: "ip link set dev {subject} up\nip -brief link show dev {subject}",
    }
    NO_TUN = "MVM-NET-407", "0d0865ff8cd6e244241577cb0c6376b3", Error {
        message: "taps cannot be made: {subject}: {why}",
        cause: "Each microVM has at least one tap, and the kernel's tun driver makes them.",
        remedy: "modprobe tun\nsystemctl start mvmhost.target",
    }
    STALE_TAP = "MVM-NET-408", "2767deac52282a881201156e9fcde0ae", Warning {
        message: "the tap {subject} is left over: no VMM uses it",
        cause: "A microVM ended or failed and its tap stayed. flintlockd takes it up again as it is, without attaching it to the bridge.",
        remedy: "ip link delete dev {subject}",
    }
    FORWARD_DROPS_BRIDGED = "MVM-NET-409", "0b75608186196c6d0d34c6b51ec83afc", Error {
        message: "the chain {chain} drops what microVMs on {subject} send, even to each other",
        cause: "A firewall on this host drops what is forwarded, and net.bridge.bridge-nf-call-iptables makes it look at frames between the ports of a bridge: answers of DHCP vanish too.",
        remedy: "nft insert rule {chain} iifname {subject} accept\nnft insert rule {chain} oifname {subject} ct state established,related accept\n# both are gone when that firewall starts again: put them into its own configuration, then\nsystemctl start mvmhost.target",
    }
    FORWARD_DROPS = "MVM-NET-410", "dfebf0a68042e2950de2ead73f64f457", Warning {
        message: "the chain {chain} drops what microVMs on {subject} send outside",
        cause: "A firewall on this host drops what is forwarded. MicroVMs start and get an address, and reach no other network.",
        remedy: "nft insert rule {chain} iifname {subject} accept\nnft insert rule {chain} oifname {subject} ct state established,related accept\n# both are gone when that firewall starts again: put them into its own configuration, then\nsystemctl start mvmhost.target",
    }
    UFW_DROPS_FORWARD = "MVM-NET-411", "c4c53947ea6c2b5e2ae97eedac8f021e", Warning {
        message: "ufw drops what microVMs on {subject} send to others",
        cause: "ufw refuses what is forwarded by default, and an accept in mvmhost's own table cannot undo a drop in another. mvmhost changes no rules of ufw.",
        remedy: "ufw route allow in on {subject}",
    }
    UFW_DROPS_INPUT = "MVM-NET-412", "00944b70ab75aeed70e656b68dfcdca8", Warning {
        message: "ufw drops what microVMs on {subject} ask this host {what}",
        cause: "ufw refuses what comes in by default; DHCP and DNS for microVMs are served by this host.",
        remedy: "ufw allow in on {subject} to any port 67 proto udp\nufw allow in on {subject} to any port 53",
    }
    INPUT_DROPS = "MVM-NET-413", "b7d7036198c09dee877b26fb0094d1e5", Warning {
        message: "the chain {chain} drops what microVMs on {subject} ask this host {what}",
        cause: "A firewall on this host drops what comes in; DHCP and DNS for microVMs are served by this host.",
        remedy: "nft insert rule {chain} iifname {subject} udp dport 67 accept\nnft insert rule {chain} iifname {subject} udp dport 53 accept\nnft insert rule {chain} iifname {subject} tcp dport 53 accept\n# all are gone when that firewall starts again: put them into its own configuration",
    }
    CLOCK_OFF = "MVM-HOST-201", "682175929b6485cadd2fc1135e1069dd", Error {
        message: "the clock shows {now}, which cannot be right: {why}",
        cause: "With a wrong clock no certificate is valid, registries refuse, and flintlockd's retries and leases are out of order.",
        remedy: "date --set=@$(cat /sys/class/rtc/rtc0/since_epoch)  # from the hardware's clock; set that one when it is wrong too\nsystemctl start mvmhost.target\ntimedatectl set-ntp true || true  # where a time service is installed",
    }
    NOT_CHECKED = "MVM-HOST-202", "d49612d3b17ea6e0685aa729b0b1dab3", Warning {
        message: "{subject} could not be checked: {why}",
        cause: "The question got no answer, so its result is unknown.",
        remedy: "journalctl -b -t mvmhost -n 20\nmvmhost check",
    }
    IGNORE_ENDED = "MVM-HOST-203", "9514edf36f36c1c4faa3749e23f05a0b", Warning {
        message: "the exception for {subject} ended on {until}: {reason}",
        cause: "[validate] ignore holds until the end of the day that it names.",
        remedy: "mvmhost explain {subject}\n# repair it, or set a later until in [validate] ignore of /etc/mvmhost.toml, then\nmvmhost apply",
    }
    IGNORED = "MVM-HOST-204", "e885bf69abbaa44f9c015b7386038821", Info {
        message: "{code} of {subject} is ignored: {reason}",
        cause: "[validate] ignore in /etc/mvmhost.toml says so.",
        remedy: "",
    }
    ALL_WELL = "MVM-HOST-205", "db36706d2bf924eddc0800c575bc9182", Info {
        message: "{count} checks of {subject}: nothing is wrong",
        cause: "Every check found what it expects.",
        remedy: "",
    }
    TOOL_MISSING = "MVM-CTRD-101", "e51ebaceca8ddb69796fac8fed6731f0", Error {
        message: "containerd's devmapper snapshotter needs the program {subject}, which is missing",
        cause: "The snapshotter looks for its programs when it needs them; without one of them it does not load, or no snapshot can be made.",
        remedy: "{install_subject}\nsystemctl start mvmhost.target",
    }
}
