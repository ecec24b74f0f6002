//! VLANs on a bond that is late: a hub that serves one, and a host whose microVMs sit on it.

use anyhow::{Result, ensure};

use super::host;
use crate::guest::Guest;
use crate::scenario::Context;

/// A bond whose cable ends in the namespace `wire`, made by nobody's network manager and later than
/// anything else at boot. Beyond the hub is a namespace `out`, which knows no way back to the VLAN.
const LAB: &str = r#"cat > /usr/local/sbin/lab <<'X'
set -e
sleep "$1"
ip netns add wire; ip netns add out
ip link add eno4 type veth peer name port netns wire
ip -n wire link add switch type bridge; ip -n wire link set switch up
ip -n wire link set port master switch up; ip netns exec wire bridge link set dev port hairpin on
ip link add bond0 type bond mode active-backup miimon 100
ip link add eth9 type veth peer name eth0 netns wire
ip link set eth9 master bond0
ip -n wire link set eth0 up
ip -n wire link add link eth0 name v type vlan id 1000
ip link add wlan0 type veth peer name eth0 netns out
ip addr add 192.0.2.2/24 dev wlan0; ip link set wlan0 up
ip -n out addr add 192.0.2.1/24 dev eth0; ip -n out link set eth0 up
ip route replace default via 192.0.2.1 dev wlan0
X
printf '[Service]\nType=oneshot\nRemainAfterExit=yes\nExecStart=/bin/sh /usr/local/sbin/lab 15\n[Install]\nWantedBy=multi-user.target\n' > /etc/systemd/system/lab.service
systemctl enable -q lab.service; sh /usr/local/sbin/lab 0
mkdir -p /etc/netns/wire /etc/netns/vm; : >/etc/netns/wire/resolv.conf; : >/etc/netns/vm/resolv.conf
DEBIAN_FRONTEND=noninteractive apt-get install -y udhcpc >/dev/null"#;

/// What flintlock does for a microVM, and its DHCP client; the hub is at the other end of the wire.
const MICROVM: &str = "ip -n wire link set v up; ip -n wire addr add 192.168.10.2/25 dev v
    ip netns exec wire dnsmasq --conf-file=/dev/null --port=0 --interface=v --bind-dynamic \
        --dhcp-range=192.168.10.10,192.168.10.126 --pid-file=/run/wire.pid --dhcp-leasefile=/run/wire.leases
    ip netns add vm
    ip link add link bond0.1000 name flvtap0 address aa:fc:00:00:00:09 type macvtap mode bridge
    ip link set flvtap0 netns vm; ip -n vm link set flvtap0 up
    ip netns exec vm udhcpc -i flvtap0 -n -q -t 10
    ip netns exec vm ping -c 3 -W 5 192.168.10.2";

const EXAMPLES: &str = "/usr/share/doc/mvmhost/examples";

/// # Errors
/// The VLAN is not there, or nobody on it gets an address, before or after a reboot.
pub fn microvms_on_a_vlan_of_a_late_bond(context: &mut Context) -> Result<()> {
    let guest = &mut context.guest;
    guest.ok(LAB)?;
    // The hub, with a machine of the VLAN at the other end of the wire.
    guest.ok(&format!(
        "cp {EXAMPLES}/hub.toml /etc/mvmhost.toml && mvmhost apply && mvmhost plan"
    ))?;
    guest.ok("ip -n wire link set v up && ip netns exec wire udhcpc -i v -n -q -t 10")?;
    guest.ok("ip netns exec wire ping -c 3 -W 5 192.0.2.1")?;
    guest.ok("ip -n wire addr flush dev v; ip -n wire route flush dev v")?;

    // The host of the microVMs.
    guest.ok("cp /usr/local/bin/firecracker /usr/local/bin/cloud-hypervisor-static")?;
    guest.ok(&format!(
        "cp {EXAMPLES}/macvtap-vlan.toml /etc/mvmhost.toml && ip link delete bond0.1000"
    ))?;
    guest.ok("mvmhost apply && mvmhost plan")?;
    on_the_vlan(guest)?;
    guest.reboot()?;
    guest.wait_for("systemctl is-active flintlockd.service", host::HEALS)?;
    guest.ok("mvmhost plan")?;
    on_the_vlan(guest)?;
    // The bond is not made before that.
    guest.ok("at() { systemctl show -P InactiveExitTimestampMonotonic $1; }
        test $(($(at mvm-net.service) - $(at lab.service))) -ge 15000000")?;
    without_a_name(guest)
}

/// A parent without a name is wherever the default route goes, also after it moved or was late. The
/// VLAN goes when the file no longer names it, and nothing else does.
fn without_a_name(guest: &mut Guest) -> Result<()> {
    guest.ok("printf '[flintlockd]\\nprovider = \"cloudhypervisor\"\\n[network]\\nmode = \"macvtap\"\\n' > /etc/mvmhost.toml")?;
    let moves = |guest: &mut Guest, route: &str| {
        guest.ok(&format!("ip route replace default {route}"))?;
        ensure!(!guest.run("mvmhost plan")?.success(), "{route} is not told to flintlockd");
        Ok(())
    };
    moves(guest, "via 192.0.2.1 dev wlan0")?;
    follows(guest, "wlan0")?;
    guest.ok(
        "! ip link show dev bond0.1000 2>/dev/null && ip link show dev bond0 | grep -q LOWER_UP",
    )?;
    guest.ok("printf '[[network.vlan]]\\nparent = \"bond0\"\\nid = 1000\\naddresses = [\"192.168.10.3/25\"]\\n' >> /etc/mvmhost.toml")?;
    guest.ok("mvmhost apply")?;
    moves(guest, "via 192.168.10.2 dev bond0.1000")?;
    follows(guest, "bond0.1000")?;
    guest.reboot()?;
    guest.wait_for(&host::active("lab.service flintlockd.service"), host::HEALS)?;
    follows(guest, "wlan0")?;
    out_by_radio(guest)?;
    bridged(guest)
}

/// A wired port with a subnet of its own, at a switch that sends frames back, and the way out by what
/// stands for a radio: a veth pair of such a name.
fn out_by_radio(guest: &mut Guest) -> Result<()> {
    guest.ok(&format!("cp {EXAMPLES}/wired-nat-wifi.toml /etc/mvmhost.toml"))?;
    guest.ok("mvmhost apply && mvmhost plan && ! ip link show dev bond0.1000 2>/dev/null")?;
    guest.ok(
        "ip netns add vm
        ip link add link eno4 name flvtap0 address aa:fc:00:00:00:09 type macvtap mode bridge
        ip link set flvtap0 netns vm; ip -n vm link set flvtap0 up
        ip netns exec vm udhcpc -i flvtap0 -n -q -t 10 && ip netns exec vm ping -c 3 -W 5 192.0.2.1",
    )?;
    guest.ok("mvmhost net leases | grep -q aa:fc:00:00:00:09").map(drop)
}

/// The VLAN as the bridge's way out: its address is the bridge's, and microVMs are on it.
fn bridged(guest: &mut Guest) -> Result<()> {
    guest.ok("printf '[network]\\nvlan = [{ parent = \"bond0\", id = 1000, addresses = [\"192.168.10.3/25\"] }]\\n[network.bridge]\\nuplink = \"bond0.1000\"\\n' > /etc/mvmhost.toml")?;
    guest
        .ok("mvmhost apply --confirm-timeout 60; mvmhost confirm; mvmhost plan; ip netns del vm")?;
    guest.ok(BRIDGED)?;
    guest.reboot()?;
    guest.wait_for(&host::active("lab.service flintlockd.service"), host::HEALS)?;
    guest.ok("mvmhost plan")?;
    guest.ok(BRIDGED).map(drop)
}

const BRIDGED: &str = "ip -n wire link set v up; ip -n wire addr replace 192.168.10.2/25 dev v
    ip -o link show dev bond0.1000 | grep -q 'master br-mvm'
    ip -o -4 address show dev br-mvm | grep -q 192.168.10.3/25
    ping -c 3 -W 5 192.168.10.2
    ip netns add vm; ip link add fltapv type veth peer name eth0 netns vm; ip link set fltapv master br-mvm up
    ip -n vm addr add 192.168.10.9/25 dev eth0; ip -n vm link set eth0 up
    ip netns exec vm ping -c 3 -W 5 192.168.10.2";

/// flintlockd is told `parent`, and answers.
fn follows(guest: &mut Guest, parent: &str) -> Result<()> {
    guest.ok("mvmhost apply && mvmhost plan && { mvmhost status || test $? = 1; }")?;
    let file = "/run/mvmhost/flintlockd/flintlockd/config.yaml";
    guest.ok(&format!("grep -qx 'parent-iface: \"{parent}\"' {file}")).map(drop)
}

/// A microVM gets an address on the VLAN and reaches the hub.
fn on_the_vlan(guest: &mut Guest) -> Result<()> {
    guest.ok("ip -d link show bond0.1000 | grep -q 'vlan protocol 802.1Q id 1000'")?;
    guest.ok("ip -o -4 address show bond0.1000 | grep -q 192.168.10.3/25")?;
    let argv = guest.ok("tr '\\0' ' ' < /proc/$(systemctl show -P MainPID flintlockd)/cmdline")?;
    ensure!(argv.contains("--parent-iface bond0.1000"), "{argv}");
    guest.ok(MICROVM).map(drop)
}
