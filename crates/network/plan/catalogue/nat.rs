//! MVM-NET, from 040 on: forwarding and address translation.

catalogue! {
    no_nftables() = "MVM-NET-040", "64380cb5c3af71598bca89380c029f98", Error {
        message: "the kernel has no nftables: microVMs on {subject} would not get out",
        cause: "Addresses are translated by nftables, which is the module nf_tables of Debian's kernels. \
                This kernel has it neither built in nor as a module, or it may not load modules any more: \
                after an upgrade the modules of the running kernel can be gone until the next boot.",
        remedy: "modprobe nf_tables\n\
                 systemctl start mvmhost.target",
    }
    changed() = "MVM-NET-041", "9b424d76fa3ec7f77f597573ace5635c", Info {
        message: "forwarding and translation for {subject} are as the configuration asks",
        cause: "mvm-net.service changed the kernel's switches or the nftables table inet mvmhost; the \
                steps are in the evidence.",
        remedy: "",
    }
    step_failed(step) = "MVM-NET-042", "d4bb3e96055872759d13799d0f603a98", Error {
        message: "cannot {step}",
        cause: "The kernel refused; the answer is in the evidence. The table is replaced in one \
                transaction: either it is as before, or it is the new one.",
        remedy: "nft list ruleset\n\
                 systemctl restart mvm-net.service",
    }
    unread() = "MVM-NET-043", "82f2aff869efc1746881005c60897533", Error {
        message: "cannot see whether microVMs on {subject} get out",
        cause: "A file below /run/mvmhost or /proc/sys could not be read, or nftables did not answer; the \
                reason is in the evidence.",
        remedy: "ls -l /run/mvmhost\n\
                 systemctl restart mvm-net.service",
    }
    table_back() = "MVM-NET-044", "d18dc3e9012566e95de800053709854d", Warning {
        message: "someone removed or changed the nftables table inet mvmhost; it is back",
        cause: "A firewall was started or reloaded, or someone ran nft flush ruleset. Connections of microVMs continue; packets in between were not translated.",
        remedy: "journalctl --since -5min -u nftables -u firewalld -u ufw -u docker  # shows who removed it; keep the table out of what your firewall flushes",
    }
    zone_unknown(zone) = "MVM-NET-045", "a16c3711aae73dbf7a241463bc5b759e", Warning {
        message: "firewalld blocks microVMs on {subject}: it does not know the zone {zone}",
        cause: "firewalld was running when mvmhost was installed, and reads new zones only when it is reloaded. Until then its default zone applies to the microVMs, which usually blocks DHCP and other networks.",
        remedy: "firewall-cmd --reload",
    }
    zone_open() = "MVM-NET-046", "eef284b97bc74f6589a1b928aeabcff9", Warning {
        message: "firewalld blocks what microVMs on {subject} ask this host",
        cause: "The interface also carries the host's own traffic, so mvmhost does not put it into its own zone, which admits nothing. The zone of the interface decides whether microVMs reach DHCP and DNS.",
        remedy: "firewall-cmd --permanent --add-service=dhcp --add-service=dns  # in the zone that holds for it; or put it into one: --change-interface\nfirewall-cmd --reload",
    }
    switch_back() = "MVM-NET-047", "8e4f1a5b0c6d7e3f2a9b8c7d6e5f4a3b", Warning {
        message: "a kernel switch that microVMs on {subject} need was off; mvmhost set it again",
        cause: "A program wrote the kernel's switches, such as sysctl --system with a file that says \
                net.ipv4.ip_forward = 0. In between microVMs were cut off. What was set again is in \
                the evidence.",
        remedy: "grep -rsE 'ip_forward|forwarding|accept_ra' /etc/sysctl.conf /etc/sysctl.d /usr/lib/sysctl.d\n\
                 # leave these switches out of the file that turns them off",
    }
    docker_unread(iptables) = "MVM-NET-048", "9f5a2b6c1d7e8f4a3b0c9d8e7f6a5b4c", Warning {
        message: "{iptables} cannot show what Docker's chain does with microVMs on {subject}",
        cause: "Docker drops what is forwarded for others, and mvmhost puts rules for microVMs into its \
                chain DOCKER-USER. It could not be read; the answer is in the evidence.",
        remedy: "{iptables} -S DOCKER-USER\n\
                 systemctl restart mvm-net-watch.service",
    }
}
