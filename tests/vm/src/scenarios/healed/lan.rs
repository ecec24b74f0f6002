//! The network: switches, the kernel's modules, AppArmor, and taking it down.

use anyhow::Result;

use super::Says::Command;
use super::{State, UP, all, state};
use crate::scenario::Context;

/// AppArmor with a profile for dnsmasq as distributions have it, which knows none of our paths.
const PREPARED: &str = "DEBIAN_FRONTEND=noninteractive apt-get install -y apparmor >/dev/null 2>&1
    mkdir -p /etc/apparmor.d/local; cat >/etc/apparmor.d/usr.sbin.dnsmasq <<'X'
profile dnsmasq /usr/{bin,sbin}/dnsmasq flags=(attach_disconnected) {
  capability,
  network,
  signal,
  unix,
  dbus,
  /etc/** r,
  /usr/** rm,
  /lib/** rm,
  /proc/** r,
  /dev/** rw,
  /run/systemd/** rw,
  include if exists <local/usr.sbin.dnsmasq>
}
X
    apparmor_parser -r /etc/apparmor.d/usr.sbin.dnsmasq
    printf '[flintlockd]\\nunit = \"teller.service\"\\n' >/root/teller.toml";

/// The unit's own line is undone, as by a drop-in of an operator. The guests' kernel has no audit, which
/// reports what AppArmor denies.
const CONFINED: &str = "d=/etc/systemd/system/mvm-dhcp.service.d; mkdir -p $d
    printf '[Service]\\nAppArmorProfile=dnsmasq\\n' >$d/99-confined.conf; systemctl daemon-reload
    systemctl restart mvm-dhcp.service || true
    echo 'audit: apparmor=\"DENIED\" profile=\"dnsmasq\" name=\"/run/mvmhost/dnsmasq.conf\" comm=\"dnsmasq\"' >/dev/kmsg
    journalctl --sync";

/// The module is there, and nothing loads it on demand.
const NO_MACVTAP: &str = "systemctl start mvmhost.target; { rmmod macvtap || true; } 2>/dev/null; echo 'blacklist macvtap' >/etc/modprobe.d/lab.conf
    said=$(ip link add flvtap0 link br-mvm type macvtap 2>&1) || test -n \"$said\"
    systemd-run --wait -q --unit=teller.service echo 'level=error msg=\"creating network interface: operation not supported\"'
    journalctl --sync";

const STATES: &[State] = &[
    state(
        "MVM-NET-416",
        "ip link add wan type dummy; ip address add 192.0.2.2/24 dev wan; ip link set wan up
         ip route add default via 192.0.2.1; systemctl stop mvm-net-watch.service; sysctl -qw net.ipv4.ip_forward=0",
        Command("check"),
        "",
        "systemctl is-active mvm-net-watch && sysctl -n net.ipv4.conf.br-mvm.forwarding | grep -x 1",
    ),
    state("MVM-NET-081", "true", Command("net down"), "", "! nft list table inet mvmhost"),
    state(
        "MVM-NET-504",
        NO_MACVTAP,
        Command("--config /root/teller.toml diagnose"),
        "",
        "ip link add flvtap0 link br-mvm type macvtap && ip link delete flvtap0 && grep -x macvtap /etc/modules-load.d/macvtap.conf",
    ),
    state("MVM-DHCP-521", CONFINED, Command("diagnose"), "", UP),
];

/// # Errors
/// A remedy does not heal the network.
pub fn the_network_heals(context: &mut Context) -> Result<()> {
    context.guest.ok(PREPARED)?;
    all(&mut context.guest, STATES)
}
