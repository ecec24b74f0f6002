//! MVM-NET 5xx: what flintlockd and VMMs have written about the network.

catalogue! {
    no_bridge_named(flintlockd) = "MVM-NET-501", "d898002def39399c3b73c44d1c39c9fb", Error {
        message: "a microVM wants a tap, and flintlockd knows no bridge",
        cause: "The interface has type tap (1) and no bridge_name of its own, and flintlockd was started without --bridge-name. A parent-iface is not used for taps.",
        remedy: "mvmhost apply  # first: set mode = \"tap\" in [network] of /etc/mvmhost.toml, or give the microVM's interface type macvtap or overrides.bridge_name\nsystemctl restart {flintlockd}",
    }
    no_parent_named(flintlockd) = "MVM-NET-502", "b141ad211dd1d3c535fb7dfeff2abfed", Error {
        message: "a microVM wants a macvtap, and flintlockd has no parent interface",
        cause: "The interface has type macvtap (0, which is also what a missing type means), and flintlockd was started without --parent-iface.",
        remedy: "mvmhost config show\n# choose: give the microVM's interface type tap; or set mode = \"macvtap\" in [network] and provider = \"cloudhypervisor\" in [flintlockd] of /etc/mvmhost.toml, then\nmvmhost apply\nsystemctl restart {flintlockd}",
    }
    parent_missing() = "MVM-NET-503", "2a66903505ae43f2e6659e1c8a1d0f5e", Error {
        message: "there is no interface {subject} for a microVM to be attached to",
        cause: "The bridge or parent of the configuration, or of the microVM's specification, does not exist, or did not exist yet when flintlockd looked.",
        remedy: "systemctl restart mvm-net.service\nip -brief link show",
    }
    no_macvtap() = "MVM-NET-504", "59a76a36d3a13a303422db238f98a83d", Error {
        message: "the kernel makes no macvtap: its module is missing",
        cause: "macvtap and macvlan are modules of the kernel; some distributions keep them in a package of extra modules.",
        remedy: "modprobe macvtap  # if there is no such module, install the package of extra modules first\n(umask 022; echo macvtap > /etc/modules-load.d/macvtap.conf)",
    }
    not_permitted(flintlockd) = "MVM-NET-505", "cd874ee3ada80bb15d192e2c7c6be6a6", Error {
        message: "flintlockd may not make network interfaces",
        cause: "It does not run as root, or its unit takes CAP_NET_ADMIN away.",
        remedy: "systemctl cat {flintlockd}\n# take User=, CapabilityBoundingSet= and other restrictions out of it, then\nsystemctl daemon-reload\nsystemctl restart {flintlockd}",
    }
    parent_busy() = "MVM-NET-506", "fee4a465e5f26a71ec390ea3e77a9350", Error {
        message: "the parent of a macvtap belongs to a bridge, bond or other user already",
        cause: "An interface can have macvtaps or be a port of a bridge or bond, and not both.",
        remedy: "ip -details link show\n# name an interface that is no port in [network.macvtap] parent of /etc/mvmhost.toml, then\nmvmhost apply",
    }
    master_is_no_bridge() = "MVM-NET-507", "4dd5f3599413e596a834903effdc7f2d", Error {
        message: "{subject} is no bridge, so a microVM's tap cannot be attached to it",
        cause: "The configuration or the microVM's specification names another kind of interface. The tap was made and stays behind: the next try finds it, does not attach it, and reports success for a microVM without a network.",
        remedy: "ip -details link show\n# name a bridge in [network.bridge] name of /etc/mvmhost.toml, or in the microVM's overrides.bridge_name; then\nmvmhost apply\n# delete the microVM and create it again",
    }
    no_tap_node(flintlockd) = "MVM-NET-508", "8f4f4da4fe9ed4f192e2e1fe63447e1d", Error {
        message: "the device node of a macvtap was not made",
        cause: "udev makes /dev/tapN for each macvtap. The module macvtap is missing, or flintlockd's unit has a /dev of its own.",
        remedy: "modprobe macvtap\nudevadm settle\nsystemctl cat {flintlockd}",
    }
    tap_busy(flintlockd) = "MVM-NET-509", "4c9f68b30249b13b46e3209b1c47386f", Error {
        message: "another VMM still has the tap of {subject}",
        cause: "A VMM of an earlier run of this microVM was not ended and still has the tap open.",
        remedy: "systemctl status {flintlockd}\n# the processes that it lists and no microVM has are left over: end the one with this microVM's uid in its arguments",
    }
    dnsmasq_denied() = "MVM-DHCP-521", "d890ad277938499fab3b3ab6d1b06be6", Error {
        message: "AppArmor keeps {subject} from the files of mvm-dhcp.service",
        cause: "A profile of this host confines dnsmasq. mvm-dhcp.service asks to run without one, which a change of the unit or of systemd's rights has undone. The line names the profile and the file.",
        remedy: "systemctl cat mvm-dhcp.service\nmkdir -p /etc/apparmor.d/local\nprintf '%s\\n' '/run/mvmhost/dnsmasq.conf r,' '/run/mvm-dhcp/** rw,' '/var/lib/mvmhost/leases/** rwk,' >>/etc/apparmor.d/local/usr.sbin.dnsmasq\napparmor_parser -r /etc/apparmor.d/usr.sbin.dnsmasq\nsystemctl restart mvm-dhcp.service",
    }
}
