//! MVM-NET-08x: `mvmhost net down`.

catalogue! {
    in_use(on, holder) = "MVM-NET-080", "2ff53e2bda42b36b3b7a3644f72fb4f1", Error {
        message: "{subject} on {on} is in use by {holder}",
        cause: "The network is taken down only when no microVM is on it, and nothing is forced: what is \
                running would lose its connection.",
        remedy: "mvmhost net down  # first: end what uses it (a microVM: delete it through flintlock; an interface that was left behind: ip link delete {subject})",
    }
    unit_runs() = "MVM-NET-081", "4026870cc4300e6356c0268c1b0e3f3e", Error {
        message: "{subject} would put new microVMs on the network",
        cause: "Without a network every microVM fails, and flintlockd counts every attempt.",
        remedy: "systemctl stop {subject}\n\
                 mvmhost net down",
    }
    uplink(bridge) = "MVM-NET-082", "6a220d20df95e12db8e72178802b37ef", Error {
        message: "the host is reached by {subject}, which is a port of bridge {bridge}",
        cause: "Its addresses and routes are on the bridge, and would go with it.",
        remedy: "mvmhost undo\n\
                 mvmhost net down",
    }
    down(steps) = "MVM-NET-083", "efd38464f636cff9d6bdf5813691e02d", Info {
        message: "the network for microVMs is down: {steps}",
        cause: "`mvmhost net down` removes what mvmhost made in this boot: interfaces, addresses, the nftables table, its entries in Docker and firewalld, DHCP and DNS. mvmhost apply, and every boot, makes it again.",
        remedy: "",
    }
    not_stopped(why) = "MVM-NET-084", "19634e1ca99f97bb9c5aabf12480bdb3", Error {
        message: "{subject} could not be stopped: {why}",
        cause: "It would make the network again or serve on it, so nothing was taken down.",
        remedy: "systemctl status {subject}\n\
                 # correct what it shows, then\n\
                 mvmhost net down",
    }
}
