//! MVM-NET-06x: the uplink of the bridge.

catalogue! {
    unconfirmed(bridge) = "MVM-NET-060", "15757fdb282257e4581261632430649a", Error {
        message: "{subject} is not made a port of {bridge}: nobody has confirmed it",
        cause: "An uplink is enslaved only on trial, or once someone confirmed that the host is reached afterwards; never for the first time at boot. The trial may have run out, or the host was rebooted before it was confirmed.",
        remedy: "mvmhost apply --confirm-timeout 120\n\
                 # then, in a new connection to this host:\n\
                 mvmhost confirm",
    }
    unfit(bridge, why) = "MVM-NET-061", "aa1ecd500ed5a501416dadbd2eca97a8", Error {
        message: "{subject} cannot become a port of {bridge}: it {why}",
        cause: "A port of a bridge takes and sends frames of other hardware addresses than its own, \
                and belongs to one bridge.",
        remedy: "ip -details link show dev {subject}\n\
                 # name a wired interface of its own: /etc/mvmhost.toml, [network.bridge] uplink; then\n\
                 mvmhost apply",
    }
    kept_by(bridge, owner) = "MVM-NET-062", "284beca4792461fa9c7473357e6cf5d5", Error {
        message: "{subject} is not made a port of {bridge}: {owner} manages it",
        cause: "{owner} gives the interface its addresses back, or takes it out of the bridge, whenever it restarts or the cable was out. The host would be cut off.",
        remedy: "ip -brief address show dev {subject}\n# choose: let {owner} make the bridge with {subject} as its port, name that bridge in [network.bridge] name of /etc/mvmhost.toml, without uplink, with addresses = [] and [network.dhcp] enabled = false; or let {owner} leave {subject} alone and configure it with ifupdown; then\nmvmhost apply",
    }
    leased(bridge, address) = "MVM-NET-063", "545b2a05e24df57f8ab2803df9372316", Error {
        message: "{subject} is not made a port of {bridge}: {address} is leased from a DHCP server",
        cause: "The DHCP client of the interface would give it the address back when it renews the \
                lease, or let it run out on the bridge, and the host would be cut off.",
        remedy: "mvmhost apply  # first: give {subject} a fixed address in the configuration of the host's network; or let that make the bridge and ask for the lease there, and name it in /etc/mvmhost.toml, [network.bridge] name, without uplink, with addresses = [] and [network.dhcp] enabled = false",
    }
    unmovable(bridge, what) = "MVM-NET-064", "e0f8dd14be1371306d16e73a8d4a7423", Error {
        message: "{subject} is not made a port of {bridge}: {what} cannot be moved",
        cause: "Everything that the interface has must be on the bridge afterwards, and back again \
                when the change is undone. This is of a kind that mvmhost cannot write again.",
        remedy: "ip route show table all dev {subject}\n\
                 ip -6 route show table all dev {subject}\n\
                 # let the host's network configuration make the bridge, and name it in\n\
                 # /etc/mvmhost.toml, [network.bridge] name, without uplink, with addresses = [] and\n\
                 # [network.dhcp] enabled = false; then\n\
                 mvmhost apply",
    }
    on_trial(bridge, seconds) = "MVM-NET-065", "38113d582dee5d545157d4fdbc8bc67c", Warning {
        message: "{subject} is a port of {bridge} for {seconds} s, and then put back unless it is \
                  confirmed",
        cause: "The host's addresses and routes move to the bridge. If the host cannot be reached afterwards, mvm-net-revert.service undoes the change, even when the connection of apply is lost.",
        remedy: "mvmhost confirm  # in a new connection to this host, which proves that it is reached\n# or put it back at once:\nmvmhost undo",
    }
    no_trial(why) = "MVM-NET-066", "909f358d0929695130f939a03919c732", Error {
        message: "{subject} is left alone: nothing could put it back ({why})",
        cause: "The record of the trial could not be kept, or mvm-net-revert.service did not start. \
                Nothing was changed.",
        remedy: "systemctl status mvm-net-revert.service\nmvmhost apply",
    }
    confirmed(bridge) = "MVM-NET-067", "f2ae83a077005e2070d2f09ca8d7f7ff", Info {
        message: "{subject} stays a port of {bridge}, and is one again after a reboot",
        cause: "You confirmed it with mvmhost confirm. The gateways that answered on the bridge are in the evidence; at boot one of them must answer again.",
        remedy: "",
    }
    nothing_to_confirm() = "MVM-NET-068", "69e52ed869a427d747a1166a3f9395c0", Error {
        message: "no uplink is on trial",
        cause: "Nothing was changed, it was confirmed before, or the trial has run out and \
                everything was put back.",
        remedy: "journalctl -b -t mvmhost\nmvmhost apply --confirm-timeout 120",
    }
    put_back(bridge, why) = "MVM-NET-069", "43cd3a2bc6fb37bd0b27ffabfd1b8467", Warning {
        message: "{subject} is no port of {bridge} any more: {why}",
        cause: "Its addresses and routes are on the interface again, as before. The file still asks \
                for the uplink.",
        remedy: "mvmhost plan\n\
                 # take the uplink out of /etc/mvmhost.toml, or try again:\n\
                 mvmhost apply --confirm-timeout 120",
    }
    given_back(bridge, gateways) = "MVM-NET-070", "d90d8748c0fcdf130f9654314d71c708", Error {
        message: "{subject} is not a port of {bridge}: no gateway answers there ({gateways})",
        cause: "When the uplink was confirmed the gateway answered on the bridge, and now it did not. The addresses and routes are on the interface, as without mvmhost. mvmhost tries again when the gateway answers there.",
        remedy: "ip neighbour show dev {subject}\n\
                 # when the gateway has become another one:\n\
                 mvmhost undo\n\
                 mvmhost apply --confirm-timeout 120",
    }
    nothing_to_undo() = "MVM-NET-071", "221ec8a5b391c331cb6c19921306b0fd", Warning {
        message: "nothing is recorded that could be undone",
        cause: "mvmhost undo puts back an uplink that mvmhost made a port of the bridge. Where there is \
                none it goes back to the files before the last apply, once; none are known before a \
                second apply.",
        remedy: "mvmhost plan",
    }
    record() = "MVM-NET-072", "6b9ca63df6b1dac94dded9775823d156", Error {
        message: "the record of the uplink, {subject}, cannot be used",
        cause: "It cannot be read or written, or is not what mvmhost wrote. An uplink without its \
                record is not touched.",
        remedy: "ls -l {subject}\n\
                 # when its contents are of no use:\n\
                 rm {subject}\n\
                 mvmhost apply --confirm-timeout 120",
    }
    not_moved(why) = "MVM-NET-073", "cf854a4d531674cb6ebb6c2a0a42e59b", Error {
        message: "{subject} is as before: {why}",
        cause: "A step on the way failed, so those before it were undone; the kernel's answer is in \
                the evidence.",
        remedy: "ip -details address show dev {subject}\nmvmhost apply --confirm-timeout 120",
    }
    still_port(bridge) = "MVM-NET-074", "34363cdc1b0b4a4fac93b8141bc28186", Error {
        message: "{subject} is still a port of {bridge}, but the file does not name it as uplink",
        cause: "mvmhost made it a port. If the file does not name it, the bridge counts as one of microVMs alone, and its DHCP server and address translation would serve the LAN. Nothing was changed.",
        remedy: "mvmhost undo  # puts the uplink back as it was; or name it again: /etc/mvmhost.toml, [network.bridge] uplink\nmvmhost apply",
    }
    not_yet(bridge, gateways) = "MVM-NET-075", "38876aca30e94f669d8e06ad764b6c9b", Error {
        message: "{subject} is not a port of {bridge}: it has no route by {gateways}",
        cause: "The uplink used that gateway when it was confirmed. The program that configures the interface did not finish in time, so mvmhost left the interface alone. It tries again.",
        remedy: "ip route show default dev {subject}\n# only when the gateway has changed for good:\nmvmhost undo\nmvmhost apply --confirm-timeout 120",
    }
}
