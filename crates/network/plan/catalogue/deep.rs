//! What `mvmhost check --deep` says beyond the checks.

catalogue! {
    proven(what) = "MVM-HOST-206", "34258541e3366c9c3e913be1d1c841c2", Info {
        message: "{subject}: {what}",
        cause: "The test did what the services do, and removed it again.",
        remedy: "",
    }
    not_tried(why) = "MVM-HOST-207", "ab14f851c6f6ab801cad5e12baee705e", Warning {
        message: "the live test of {subject} could not run: {why}",
        cause: "Its result is unknown.",
        remedy: "mvmhost check\n# repair what it names, then\nmvmhost check --deep",
    }
    thin_failed(why) = "MVM-POOL-201", "b5f5fb3be1c73ec2293ef19e46a7b29c", Error {
        message: "thin pool {subject} does not do what containerd will ask of it: {why}",
        cause: "As a test mvmhost creates, writes, snapshots, discards and deletes a thin device. One of these steps failed. The next check removes what is left of the test.",
        remedy: "dmsetup status {subject}\njournalctl --dmesg --grep \"device-mapper: thin|I/O error\"\nmvmhost check --deep",
    }
    image_absent(registry) = "MVM-IMG-201", "24a8d87a7340588cb8b0c3919a56b761", Warning {
        message: "{registry} has no image {subject}",
        cause: "flintlockd asks the registry at each create, also for an image that is on this host, and fails when the registry does not have it. mvmhost asked as flintlockd does: without mirrors and without a login.",
        remedy: "mvmhost images list\n# push the image, or name another one in [images] of /etc/mvmhost.toml, then\nmvmhost apply\nmvmhost check --deep",
    }
    image_private(registry) = "MVM-IMG-202", "97a5e07f43af40aafa044b6e99da6b20", Warning {
        message: "{registry} wants a login for {subject}: no microVM can use the image",
        cause: "flintlockd has no login, whatever [images] auth-file lets mvm-images fetch. Some registries answer the same for an image that they do not have.",
        remedy: "mvmhost images list\n# let the registry serve it without a login, or name another image in [images] of /etc/mvmhost.toml, then\nmvmhost apply\nmvmhost check --deep",
    }
    no_answer(registry) = "MVM-IMG-203", "755be5e2475dd6df1fd40a8e1b9124d9", Warning {
        message: "{registry} does not answer flintlockd about image {subject}",
        cause: "It cannot be reached, takes longer than 15 s, or answers with something else; see the evidence. No microVM can be created from the image meanwhile.",
        remedy: "ip route show default\nmvmhost images list\nmvmhost check --deep",
    }
    no_offer() = "MVM-DHCP-006", "53a14bd0b42c70a363353172615a099e", Warning {
        message: "no DHCP server offered an address on {subject}",
        cause: "The server is not running, serves another interface or has no free address, or a firewall of this host drops DHCP.",
        remedy: "systemctl restart mvm-dhcp.service\nmvmhost net leases\nmvmhost check --deep",
    }
    several_servers(count, offers) = "MVM-DHCP-007", "55091b573ccd1a0d296357767b1c095c", Error {
        message: "{count} servers give out addresses on {subject}: {offers}",
        cause: "A microVM takes the first offer. When two servers do not know each other, they give out the same addresses, and microVMs get different routers and names.",
        remedy: "ss -lunp sport = :67  # take the other server off this network, or turn ours off: enabled = false in [network.dhcp] of /etc/mvmhost.toml\nip neigh show dev {subject}\n# then\nmvmhost apply\nmvmhost check --deep",
    }
    lost(what) = "MVM-NET-441", "6c00cbbe94424a1ab47e9a3ccf628561", Warning {
        message: "a test packet on {subject} does not arrive: {what}",
        cause: "It was sent from a port of the bridge, and no rule of nftables dropped it. A route or the gateway is missing, or iptables-legacy, tc, XDP or another program took it; the evidence has what is known.",
        remedy: "ip route get 198.51.100.77\nip neigh show\nnft -a list ruleset\nmvmhost check --deep",
    }
    elsewhere(by, uplink) = "MVM-NET-442", "b4ce2a0817744656bb19687499e6c500", Warning {
        message: "packets of microVMs on {subject} leave through {by}, but only {uplink} translates",
        cause: "mvm-net translates packets that leave through {uplink}, as [network.nat] or the default route says. Networks beyond {by} have no route back to the microVMs.",
        remedy: "ip route get 198.51.100.77\n# correct the route, or set uplink in [network.nat] of /etc/mvmhost.toml, then\nmvmhost apply\nmvmhost check --deep",
    }
    untranslated(version, by) = "MVM-NET-443", "708192a3b4c5d6e7f8091a2b3c4d5e6f", Warning {
        message: "{version} packets of microVMs on {subject} leave through {by} untranslated",
        cause: "A test packet left without the address of {by}, and no other network knows the way back to the microVMs. A rule with notrack, or a translation of another program before that of mvmhost, does that.",
        remedy: "systemctl restart mvm-net.service\nnft -a list ruleset\n# take out the rule with notrack for the bridge, then\nmvmhost check --deep",
    }
    beyond() = "MVM-NET-444", "8192a3b4c5d6e7f8091a2b3c4d5e6f70", Info {
        message: "this host cannot test what microVMs on {subject} reach in other networks",
        cause: "The kernel passes nothing between a macvtap and its own host, and packets that leave go into the network of others. Tested were a DHCP request and a packet between two macvtaps.",
        remedy: "",
    }
}
