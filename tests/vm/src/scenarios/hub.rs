//! Two hosts on one wire: a hub that serves a VLAN, and a host whose microVMs sit on it.

use anyhow::{Context as _, Result, ensure};

use super::host;
use crate::guest::Guest;
use crate::scenario::Context;

/// The cards at the two ends of the wire: the hub's and the host's.
pub const MACS: [&str; 2] = ["52:54:00:6d:77:01", "52:54:00:6d:77:02"];

/// A bond on the wire, made by nobody's network manager. Beyond the hub is a namespace `out`, which
/// knows no way back to the VLAN.
const BOND: &str = r#"cat > /usr/local/sbin/lab <<'X'
set -e
until grep -q MAC /sys/class/net/*/address; do sleep 0.2; done
udevadm settle; nic=$(basename $(dirname $(grep -l MAC /sys/class/net/*/address)))
ip link add bond0 type bond mode active-backup miimon 100
ip link set $nic down; ip link set $nic master bond0
OUT
X
printf '[Service]\nType=oneshot\nRemainAfterExit=yes\nExecStart=/bin/sh /usr/local/sbin/lab\n[Install]\nWantedBy=multi-user.target\n' > /etc/systemd/system/lab.service
systemctl daemon-reload && systemctl enable -q --now lab.service && sync"#;
const OUT: &str = "ip netns add out
    ip link add wlan0 type veth peer name eth0 netns out
    ip addr add 192.0.2.2/24 dev wlan0; ip link set wlan0 up
    ip -n out addr add 192.0.2.1/24 dev eth0; ip -n out link set eth0 up
    ip route replace default via 192.0.2.1 dev wlan0";

/// What flintlock does for a microVM, and its DHCP client.
const MICROVM: &str = "ip netns add vm
    ip link add link bond0.1000 name flvtap0 address aa:fc:00:00:00:09 type macvtap mode bridge
    ip link set flvtap0 netns vm; ip -n vm link set flvtap0 up";
const LEASE: &str = "ip netns exec vm udhcpc -i flvtap0 -n -q -t 20 >&2 &&
    ip -n vm -o -4 address show dev flvtap0 | awk '{print $4}'";
const BEYOND: &str = "ip netns exec vm ping -c 3 -W 5 192.0.2.1";

const EXAMPLES: &str = "/usr/share/doc/mvmhost/examples";

/// # Errors
/// A microVM gets no address from the hub or does not get beyond it, also after the hub lost its power
/// and the host was rebooted, or it gets another address then.
pub fn a_hub_serves_a_host(hosts: &mut [Context; 2]) -> Result<()> {
    for ((context, mac), out) in hosts.iter_mut().zip(MACS).zip([true, false]) {
        bond(&mut context.guest, mac, out)?;
    }
    let [Context { guest: hub, .. }, Context { guest: host, .. }] = hosts;
    hub.ok(&format!(
        "cp {EXAMPLES}/hub.toml /etc/mvmhost.toml && mvmhost apply && mvmhost plan && sync"
    ))?;
    host.ok(&format!(
        "DEBIAN_FRONTEND=noninteractive apt-get install -y udhcpc >/dev/null
         mkdir -p /etc/netns/vm; : > /etc/netns/vm/resolv.conf
         cp /usr/local/bin/firecracker /usr/local/bin/cloud-hypervisor-static
         cp {EXAMPLES}/macvtap-vlan.toml /etc/mvmhost.toml && mvmhost apply && mvmhost plan"
    ))?;
    let address = on_the_vlan(host)?;
    ensure!(address.starts_with("192.168.10."), "{address}");
    hub.ok("mvmhost net leases | grep -q aa:fc:00:00:00:09")?;

    hub.power_cut()?;
    hub.wait_for("mvmhost plan", host::HEALS)?;
    let again = host.ok(LEASE).context("after a power cut of the hub")?;
    ensure!(again == address, "{address} became {again}");
    host.ok(BEYOND)?;

    host.reboot()?;
    host.wait_for("systemctl is-active flintlockd.service", host::HEALS)?;
    host.ok("mvmhost plan")?;
    let again = on_the_vlan(host).context("after a reboot of the host")?;
    ensure!(again == address, "{address} became {again}");
    Ok(())
}

/// Makes the bond at each boot, and where asked what is beyond the hub.
///
/// # Errors
/// A command fails.
pub fn bond(guest: &mut Guest, mac: &str, out: bool) -> Result<()> {
    let out = if out { OUT } else { "" };
    guest.ok(&BOND.replace("MAC", mac).replace("OUT", out)).map(drop)
}

/// The address that a new microVM gets, with which it reaches what is beyond the hub.
fn on_the_vlan(host: &mut Guest) -> Result<String> {
    host.ok(MICROVM)?;
    let address = host.ok(LEASE)?;
    host.ok(BEYOND)?;
    Ok(address)
}
