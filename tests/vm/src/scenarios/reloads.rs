//! Managers of networks and firewalls that are reloaded, restarted and applied again while microVMs run.

use std::time::Duration;

use anyhow::{Context as _, Result};

use crate::guest::Guest;
use crate::scenario::Context;

/// By the contract 10 s; what an emulated guest takes for a command comes on top.
const BACK: Duration = Duration::from_secs(15);

/// What is beyond the host, and a microVM.
const NEIGHBOURS: &str = "ip netns add out; ip link add up0 type veth peer name eth0 netns out
    ip addr add 192.0.2.2/24 dev up0; ip link set up0 up
    ip -n out addr add 192.0.2.1/24 dev eth0; ip -n out link set eth0 up
    ip route replace default via 192.0.2.1 dev up0
    ip netns add g; ip link add fltapg type veth peer name eth0 netns g; ip link set fltapg master br-mvm up
    ip -n g link set eth0 up; ip -n g addr add 10.42.0.9/24 dev eth0; ip -n g route add default via 10.42.0.1";

/// The bridge with its address, its port, the rules and the way out.
const WHOLE: &str = "ip -4 -o address show dev br-mvm | grep -q 10.42.0.1/24 &&
    ip link show dev fltapg | grep -q 'master br-mvm' &&
    nft list table inet mvmhost | grep -q masquerade &&
    ip netns exec g ping -c 1 -W 2 192.0.2.1 >/dev/null";

const INSTALL: &str = "DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends";

/// Who is set up how, and what is done then.
const MANAGERS: &[(&str, &[&str])] = &[
    (
        "printf '[Match]\\nName=*\\n\\n[Network]\\nLinkLocalAddressing=no\\n' >/etc/systemd/network/90-all.network
         printf '[Match]\\nName=up0\\n\\n[Network]\\nAddress=192.0.2.2/24\\nGateway=192.0.2.1\\n' >/etc/systemd/network/60-up0.network",
        &[
            "networkctl reload",
            "systemctl restart systemd-networkd.service",
            "networkctl reconfigure br-mvm || true",
        ],
    ),
    (
        "INSTALL netplan.io >/dev/null 2>&1; rm -f /etc/systemd/network/90-all.network /etc/systemd/network/60-up0.network
         printf 'network:\\n  version: 2\\n  renderer: networkd\\n  dummy-devices: {}\\n  bridges:\\n    br9: {addresses: [10.9.0.1/24]}\\n  ethernets:\\n    up0: {addresses: [192.0.2.2/24], routes: [{to: default, via: 192.0.2.1}]}\\n' \
            | grep -v dummy >/etc/netplan/60-lab.yaml; chmod 600 /etc/netplan/60-lab.yaml",
        &["netplan apply", "netplan apply"],
    ),
    (
        "INSTALL ifupdown >/dev/null 2>&1; rm -f /etc/netplan/60-lab.yaml
         printf 'auto lo\\niface lo inet loopback\\nauto br8\\niface br8 inet manual\\n  pre-up ip link add br8 type bridge || true\\n' \
            >/etc/network/interfaces.d/lab",
        &["ifup -a", "ifdown -a --exclude=lo; ifup -a", "systemctl restart networking.service"],
    ),
    (
        "INSTALL firewalld >/dev/null 2>&1; systemctl start firewalld.service; firewall-cmd --state",
        &[
            "firewall-cmd --reload",
            "firewall-cmd --complete-reload",
            "systemctl restart firewalld.service",
            "systemctl stop firewalld.service",
        ],
    ),
    (
        "mkdir -p /etc/NetworkManager/conf.d
         printf '[main]\\nno-auto-default=*\\n[device-all]\\nmatch-device=type:ethernet\\nmanaged=0\\n' \
            >/etc/NetworkManager/conf.d/test.conf
         INSTALL network-manager >/dev/null 2>&1; systemctl start NetworkManager.service",
        &["nmcli general reload", "systemctl restart NetworkManager.service"],
    ),
    (
        "printf '#!/usr/sbin/nft -f\\nflush ruleset\\n' >/etc/nftables.conf",
        &[
            "systemctl restart nftables.service",
            "sysctl -qw net.ipv4.ip_forward=1; sysctl -qw net.ipv4.ip_forward=0",
            "ip link set br-mvm down",
            "ip address flush dev br-mvm",
        ],
    ),
];

/// # Errors
/// Bridge, port, rules or the way out are not back in time after a manager did something.
pub fn everything_stays_or_comes_back(context: &mut Context) -> Result<()> {
    let guest = &mut context.guest;
    guest.ok(NEIGHBOURS)?;
    whole(guest, "at the beginning")?;
    for (setup, actions) in MANAGERS {
        guest.ok(&setup.replace("INSTALL", INSTALL))?;
        for action in *actions {
            guest.ok(action).with_context(|| format!("doing: {action}"))?;
            whole(guest, action)?;
        }
    }
    guest.ok("mvmhost plan").map(drop)
}

fn whole(guest: &mut Guest, after: &str) -> Result<()> {
    guest.wait_for(WHOLE, BACK).with_context(|| format!("after: {after}"))
}
