//! A host on a LAN, and a machine of that LAN that counts what the host sends into it.

use anyhow::{Result, ensure};

use super::hub::MACS;
use crate::guest::Guest;
use crate::scenario::Context;

/// The host's bridge, which somebody else made: on the LAN, with the host's address there.
const LAN_BRIDGE: &str = "udevadm settle; nic=$(basename $(dirname $(grep -l MAC /sys/class/net/*/address)))
    ip link set $nic down; ip link add br0 type bridge; ip link set $nic master br0; ip link set $nic up
    ip link set br0 up; ip address add 192.168.77.2/24 dev br0; echo $nic";

/// The machine of the LAN. It asks for an address and for a router, and keeps what comes in by its card.
const LAN_MACHINE: &str =
    "DEBIAN_FRONTEND=noninteractive apt-get install -y dnsmasq-base tcpdump udhcpc >/dev/null
    udevadm settle; nic=$(basename $(dirname $(grep -l MAC /sys/class/net/*/address)))
    ip link set $nic up; ip address add 192.168.77.1/24 dev $nic; echo $nic";
const BEGIN: &str = "rm -f /root/in.pcap; systemd-run -q --unit=count --property=Type=exec \
        tcpdump -Z root -i NIC -Q in -U -n -w /root/in.pcap
    until test -s /root/in.pcap; do sleep 0.2; done";
/// A machine that comes onto the LAN, twice: its kernel asks for a router.
const ASK: &str = "for n in 1 2; do
        ip link set NIC down; ip link set NIC up; ip address replace 192.168.77.1/24 dev NIC
        udhcpc -i NIC -n -q -t 3 -T 2 -s /bin/true >/dev/null 2>&1 || true; done";
/// What a server of addresses, a router or an owner of mvmhost's own subnet would send.
const COUNT: &str = "systemctl stop count.service; tcpdump -r /root/in.pcap -n \
    'udp src port 67 or udp src port 547 or (icmp6 and ip6[40] == 134) or (arp and net 10.42.0.0/24)' 2>/dev/null";
/// That it counts at all: the host's own ARP, which is its own affair.
const CONTROL: &str =
    "tcpdump -r /root/in.pcap -n 'arp and host 192.168.77.2' 2>/dev/null | grep -c .";

/// Where nobody has set the host up before.
const INSTALLED: &str = "command -v mvmhost >/dev/null && exit 0
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq mvmhost >/dev/null
    printf '[thinpool.loop]\ndata-size = \"2GiB\"\nmetadata-size = \"64MiB\"\n[images]\nroot = []\nkernel = []\n' \
        >/etc/mvmhost.toml
    mvmhost apply";

const HEAD: &str = "[thinpool.loop]\ndata-size = \"2GiB\"\nmetadata-size = \"64MiB\"\n";

/// # Errors
/// The host sends into its LAN an offer, a refusal, an advertisement of a router, or ARP of its own
/// subnet: with the bridge only named, with DHCP asked for beside the LAN's own server, or with a port
/// of the LAN added while it serves.
pub fn a_host_leaves_its_lan_alone(hosts: &mut [Context; 2]) -> Result<()> {
    let [Context { guest: lan, .. }, Context { guest: host, .. }] = hosts;
    let nic = lan.ok(&LAN_MACHINE.replace("MAC", MACS[0]))?.trim().to_owned();
    let port = host.ok(&LAN_BRIDGE.replace("MAC", MACS[1]))?.trim().to_owned();
    host.ok(INSTALLED)?;
    host.ok("cp /etc/mvmhost.toml /root/before.toml")?;

    apply(host, "[network.bridge]\nname = \"br0\"\n")?;
    let only_named = |host: &mut Guest| {
        host.run("mvmhost check --deep; systemctl restart mvm-net.service mvm-dhcp.service")
            .map(drop)
    };
    counted(lan, host, &nic, "the bridge only named", only_named)?;

    lan.ok(&format!(
        "dnsmasq --conf-file=/dev/null --port=0 --interface={nic} --bind-dynamic --no-ping \
         --dhcp-range=192.168.77.100,192.168.77.200,1h --dhcp-leasefile=/root/leases --pid-file=/run/lan.pid"
    ))?;
    let config = "[network.bridge]\nname = \"br0\"\naddresses = [\"192.168.77.2/24\"]\n[network.dhcp]\nenabled = true\n";
    apply(host, config)?;
    let served = |host: &mut Guest| host.run("systemctl restart mvm-dhcp.service").map(drop);
    counted(lan, host, &nic, "DHCP asked for beside another server", served)?;
    lan.ok("kill $(cat /run/lan.pid)")?;

    host.ok("ip link delete br0; cp /root/before.toml /etc/mvmhost.toml")?;
    host.run("mvmhost apply")?;
    host.wait_for("systemctl is-active mvm-dhcp.service", super::host::HEALS)?;
    host.ok(&format!("ip link set {port} master br-mvm; ip link set {port} up; sleep 5"))?;
    counted(lan, host, &nic, "a port of the LAN added while it serves", |_| Ok(()))?;
    host.ok(&format!("ip link set {port} nomaster; ip link set {port} down"))?;
    lan.ok(&format!("ip address flush dev {nic}; ip link set {nic} down"))?;
    host.wait_for("mvmhost plan && systemctl is-active mvm-dhcp.service", super::host::HEALS)
}

fn apply(host: &mut Guest, text: &str) -> Result<()> {
    let file = format!("{HEAD}{text}[images]\nroot = []\nkernel = []\n");
    host.ok(&format!("cat >/etc/mvmhost.toml <<'X'\n{file}X"))?;
    // It may have something to say.
    host.run("mvmhost apply").map(drop)
}

fn counted(
    lan: &mut Guest,
    host: &mut Guest,
    nic: &str,
    action: &str,
    meanwhile: impl Fn(&mut Guest) -> Result<()>,
) -> Result<()> {
    lan.ok(&BEGIN.replace("NIC", nic))?;
    meanwhile(host)?;
    lan.ok(&ASK.replace("NIC", nic))?;
    // Where the host's address is on the LAN, it asks for the machine.
    host.run("ip neigh flush all; ping -c 2 -W 2 192.168.77.1")?;
    let sent = lan.ok(COUNT)?;
    ensure!(sent.trim().is_empty(), "{action}: the host sent into the LAN\n{sent}");
    if host.run("ip -4 -o address show | grep -q 192.168.77.2")?.success() {
        lan.ok(CONTROL)?;
    }
    Ok(())
}
