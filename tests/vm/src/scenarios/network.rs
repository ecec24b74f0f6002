//! A microVM gets an address and reaches the outside, whatever firewall is on the same host.

use std::time::Duration;

use anyhow::{Result, ensure};
use serde_json::json;

use super::{checks, host};
use crate::guest::Guest;
use crate::image::Suite;
use crate::scenario::Context;

/// Rules that somebody flushed are back within this time, by the contract 10 s; what an emulated
/// guest takes for a command comes on top.
const BACK: Duration = Duration::from_secs(15);

/// Two guests on the bridge, named as flintlock names taps, and an outside that knows no way back
/// to them: it serves DNS and answers pings.
const NEIGHBOURS: &str = "ip netns add out; ip link add up0 type veth peer name eth0 netns out
    ip addr add 192.0.2.2/24 dev up0; ip link set up0 up
    ip -n out addr add 192.0.2.1/24 dev eth0; ip -n out link set eth0 up
    ip route replace default via 192.0.2.1 dev up0
    ip netns exec out dnsmasq --conf-file=/dev/null --no-resolv --no-hosts \
        --address=/outside.test/192.0.2.77 --pid-file=/run/out.pid
    echo nameserver 192.0.2.1 >/etc/resolv.conf
    for n in 1 2; do
        ip netns add g$n; ip link add fltapg$n type veth peer name eth0 netns g$n
        ip -n g$n link set eth0 address aa:fc:00:00:00:0$n
        ip link set fltapg$n master br-mvm up; ip -n g$n link set eth0 up
        mkdir -p /etc/netns/g$n; : >/etc/netns/g$n/resolv.conf
    done";

/// # Errors
/// A lease, a name, the outside or the neighbour is out of reach.
pub fn a_guest_gets_an_address_and_out(context: &mut Context) -> Result<()> {
    let suite = context.suite();
    let guest = &mut context.guest;
    guest.ok("DEBIAN_FRONTEND=noninteractive apt-get install -y udhcpc >/dev/null")?;
    let first = reach(guest)?;
    let leases = guest.ok("mvmhost net leases")?;
    ensure!(leases.contains("aa:fc:00:00:00:01") && leases.contains("vm1"), "{leases}");
    let dhcp = &host::json(guest, "status")?["dhcp"];
    ensure!(*dhcp == json!({"interface": "br-mvm", "leases": leases.lines().count()}), "{dhcp}");
    guest.ok("mvmhost plan")?;
    flushed(guest, "nft flush ruleset")?;
    guest.ok("ip netns exec g1 ping -c 3 -W 2 192.0.2.1")?;
    guest.ok("mvmhost plan")?;

    match suite {
        Suite::Bookworm => beside_docker(guest)?,
        Suite::Trixie => {
            beside_ufw(guest)?;
            beside_firewalld_and_its_zones(guest)?;
        }
    }
    guest.reboot()?;
    host::settles(guest, host::HEALS)?;
    let second = reach(guest)?;
    ensure!(first == second, "another address after the reboot: {first}, then {second}");
    Ok(())
}

/// Docker drops what it does not know; it is told, and told again when it starts again. The
/// microVMs are still reached after the reboot that follows, with Docker in it.
fn beside_docker(guest: &mut Guest) -> Result<()> {
    guest.ok("DEBIAN_FRONTEND=noninteractive apt-get install -y docker.io >/dev/null 2>&1")?;
    guest.ok(
        "systemctl start docker.service && iptables -S FORWARD | grep -q -e '-P FORWARD DROP'",
    )?;
    for restart in ["true", "iptables -F DOCKER-USER", "systemctl restart docker.service"] {
        guest.ok(restart)?;
        guest.wait_for("iptables -C DOCKER-USER -i br-mvm -j ACCEPT", BACK)?;
        guest.ok("ip netns exec g1 ping -c 3 -W 5 192.0.2.1")?;
    }
    guest.ok("mvmhost plan")?;
    // What the file no longer asks for, Docker is no longer told: that of a mere bridge is left.
    guest.ok("cp /etc/mvmhost.toml /root/ && printf 'network.dhcp.enabled = false\nnetwork.nat.enabled = false\n' >/etc/mvmhost.toml
        mvmhost apply && mvmhost plan
        test \"$(iptables -S DOCKER-USER | grep br-mvm)\" = '-A DOCKER-USER -i br-mvm -o br-mvm -j ACCEPT'")?;
    guest.ok("cp /root/mvmhost.toml /etc/ && mvmhost apply && iptables -C DOCKER-USER -i br-mvm -j ACCEPT")?;
    down(guest)?;
    guest.ok("iptables -S DOCKER-USER && ! iptables -S DOCKER-USER | grep br-mvm").map(drop)
}

/// Takes the network down until the reboot, once nothing stands in the way any more.
fn down(guest: &mut Guest) -> Result<()> {
    const REFUSES: &str = "/run/systemd/system/mvm-dhcp.service.d";
    let refused = guest.run("mvmhost net down")?;
    for code in ["MVM-NET-080", "MVM-NET-081"] {
        ensure!(!refused.success() && refused.stderr.contains(code), "{refused:?}");
    }
    guest.ok(host::UNDISTURBED)?;
    guest
        .ok("ip link delete fltapg1; ip link delete fltapg2; systemctl stop flintlockd.service")?;
    guest.ok(&format!(
        "mkdir -p {REFUSES}; printf '[Unit]\\nRefuseManualStop=yes\\n' >{REFUSES}/test.conf; \
         systemctl daemon-reload"
    ))?;
    let stays = guest.run("mvmhost net down")?;
    ensure!(!stays.success() && stays.stderr.contains("MVM-NET-084"), "{stays:?}");
    guest.ok(&format!("rm -r {REFUSES}; systemctl daemon-reload"))?;
    let down = guest.ok("mvmhost net down 2>&1")?;
    ensure!(down.contains("MVM-NET-083"), "{down}");
    guest.ok("! nft list table inet mvmhost 2>/dev/null").map(drop)
}

/// ufw keeps in what it was not told of. That is said when it is enabled, and its own commands, typed
/// as they are printed, let microVMs have addresses, names and the outside.
fn beside_ufw(guest: &mut Guest) -> Result<()> {
    const OUT: &str = "ip netns exec g1 busybox nc -w 3 192.0.2.1 53 </dev/null";
    const ADDRESS: &str = "ip netns exec g1 udhcpc -i eth0 -n -q -t 4";
    guest.ok("DEBIAN_FRONTEND=noninteractive apt-get install -y ufw >/dev/null 2>&1")?;
    guest.ok(OUT)?;
    guest.ok("ufw allow 22/tcp && ufw --force enable")?;
    guest.wait_for("nft list table inet mvmhost | grep -q masquerade", BACK)?;
    for code in ["MVM-NET-411", "MVM-NET-412"] {
        guest.wait_for(
            &format!(
                "journalctl --sync; journalctl -b -t mvmhost MVMHOST_CODE={code} | grep -q ufw"
            ),
            BACK,
        )?;
    }
    guest.ok(&format!("! {OUT} && ! {ADDRESS}"))?;
    for finding in checks::standing(guest, "check")? {
        ensure!(finding["message"].to_string().contains("ufw"), "{finding}");
        checks::heal(guest, "", finding["remedy"].as_str().unwrap_or_default())?;
    }
    let findings = checks::standing(guest, "check")?;
    ensure!(findings.is_empty(), "{findings:?}");
    guest.ok(&format!("{ADDRESS} && {OUT}"))?;
    guest.ok("ip netns exec g1 busybox nslookup outside.test 10.42.0.1 | grep -q 192.0.2.77")?;
    guest.ok("mvmhost plan && ufw --force disable").map(drop)
}

/// firewalld lets the bridge's zone ask for addresses and out, and nothing else in; it is told of
/// the bridge again when it was reloaded or starts again. A zone that it does not know yet is said,
/// and known once the remedy was carried out.
fn beside_firewalld_and_its_zones(guest: &mut Guest) -> Result<()> {
    const SHIPPED: &str = "/usr/lib/firewalld/zones/mvmhost.xml";
    // What firewall-cmd calls, without the ten emulated seconds that Python takes to start.
    const RELOAD: &str = "busctl --timeout=60 call org.fedoraproject.FirewallD1 /org/fedoraproject/FirewallD1 org.fedoraproject.FirewallD1 reload";
    const ZONE: &str = "busctl call org.fedoraproject.FirewallD1 /org/fedoraproject/FirewallD1 org.fedoraproject.FirewallD1.zone getZoneOfInterface s br-mvm";
    guest.ok(&format!("mv {SHIPPED} /root/"))?;
    guest.ok("DEBIAN_FRONTEND=noninteractive apt-get install -y firewalld >/dev/null 2>&1")?;
    guest.ok("systemctl start firewalld.service")?;
    guest.wait_for(ZONE, host::HEALS)?;
    guest.wait_for("journalctl -b -t mvmhost MVMHOST_CODE=MVM-NET-045 | grep -q mvmhost", BACK)?;
    guest.ok("! ip netns exec g1 ping -c 1 -W 2 192.0.2.1")?;
    guest.ok(&format!("mv /root/mvmhost.xml {SHIPPED}"))?;
    for restart in [RELOAD, "systemctl restart firewalld.service"] {
        guest.ok(restart)?;
        // It has its name on the bus before it answers.
        guest.wait_for(ZONE, host::HEALS)?;
        guest.wait_for(&format!("{ZONE} | grep -qx 's \"mvmhost\"'"), BACK)?;
        guest.ok("ip netns exec g1 ping -c 3 -W 5 192.0.2.1")?;
    }
    guest.ok("ip netns exec g1 udhcpc -i eth0 -n -q -t 10")?;
    guest.ok("ip netns exec g1 busybox nslookup outside.test 10.42.0.1 | grep -q 192.0.2.77")?;
    guest.ok("! ip netns exec g1 busybox nc -w 3 10.42.0.1 22 </dev/null")?;
    guest.ok("mvmhost plan")?;
    down(guest)?;
    guest.ok(&format!("{ZONE} | grep -qx 's \"\"'")).map(drop)
}

/// Leases for both guests by a real client, then names, the outside, the neighbour. Returns the
/// first one's address.
fn reach(guest: &mut Guest) -> Result<String> {
    guest.ok(NEIGHBOURS)?;
    for n in [1, 2] {
        let client = format!("ip netns exec g{n} udhcpc -i eth0 -n -q -t 10 -x hostname:vm{n}");
        guest.ok(&client)?;
    }
    let address = |n: u8| format!("ip -n g{n} -4 -o addr show dev eth0 | awk '{{print $4}}'");
    let (one, two) = (guest.ok(&address(1))?, guest.ok(&address(2))?);
    ensure!(one.starts_with("10.42.0.") && one != two, "{one} {two}");
    let neighbour = two.trim().split('/').next().unwrap_or_default().to_owned();
    for line in [
        format!("ip netns exec g1 ping -c 1 -W 5 {neighbour}"),
        "ip netns exec g1 ping -c 3 -W 5 192.0.2.1".to_owned(),
        "ip netns exec g1 busybox nslookup outside.test 10.42.0.1 | grep -q 192.0.2.77".to_owned(),
        format!("ip netns exec g1 busybox nslookup vm2 10.42.0.1 | grep -q {neighbour}"),
    ] {
        guest.ok(&line)?;
    }
    Ok(one)
}

/// After `harm` the table is back by itself, and the journal says so.
fn flushed(guest: &mut Guest, harm: &str) -> Result<()> {
    guest.ok(harm)?;
    guest.wait_for("nft list table inet mvmhost | grep -q masquerade", BACK)?;
    guest.wait_for("journalctl -b -t mvmhost MVMHOST_CODE=MVM-NET-044 | grep -q mvmhost", BACK)
}

/// # Errors
/// A taken port is not named by its holder, or the host does not heal when it is free.
pub fn a_taken_dhcp_port_is_named(context: &mut Context) -> Result<()> {
    let guest = &mut context.guest;
    guest.ok("systemctl stop mvm-dhcp.service; apt-get install -y socat >/dev/null 2>&1")?;
    guest.ok("systemd-run --unit=taker socat UDP4-RECVFROM:53,fork /dev/null
        until ss -lunH sport = :53 | grep -q .; do sleep 0.2; done")?;
    let started = guest.run("systemctl start mvm-dhcp.service")?;
    ensure!(!started.success(), "dnsmasq was started beside another server");
    let output =
        guest.ok("journalctl --sync; journalctl -b -t mvmhost -o cat MVMHOST_CODE=MVM-DHCP-001")?;
    ensure!(output.contains("port 53") && output.contains("socat"), "{output}");
    guest.ok("systemctl is-active flintlockd.service")?;
    guest.ok("systemctl stop taker.service")?;
    guest.wait_for("systemctl is-active mvm-dhcp.service", host::HEALS)?;
    // DHCP alone leaves port 53 to others.
    guest.ok("printf '[network.dhcp]\\ndns-server = false\\n' >/etc/mvmhost.toml")?;
    guest.ok("mvmhost apply && mvmhost plan && ! ss -lunH sport = :53 | grep -q 10.42.0.1")?;
    guest.ok("ss -lunH sport = :67 | grep -q .")?;
    // Nothing is served and nothing translated where nothing is asked for; Docker may yet come.
    guest.ok("printf 'network.dhcp.enabled = false\\n' >/etc/mvmhost.toml && mvmhost apply")?;
    guest.ok("mvmhost plan && ! systemctl is-active -q mvm-dhcp.service")?;
    guest.ok("! nft list table inet mvmhost 2>/dev/null")?;
    in_the_tailnet(guest)?;
    down_and_up(guest)
}

/// What stands for tailscale: it keeps its list where a unit that may write nowhere else reaches it.
const TAILSCALE: &str = r#"cat >/usr/bin/tailscale <<'X'
#!/bin/sh
case "$*" in
"debug prefs") printf '{"AdvertiseRoutes": [%s]}\n' "$(sed 's/[^,]*/"&"/g' /run/tailnet)" ;;
"set --advertise-routes="*) echo "$*" | sed 's/.*=//' >/run/tailnet ;;
*) exit 1 ;;
esac
X
chmod 755 /usr/bin/tailscale; echo 0.0.0.0/0 >/run/tailnet; ip link add tailscale0 type dummy"#;

/// The host's own tailscale advertises what the file names, beside what it did before.
fn in_the_tailnet(guest: &mut Guest) -> Result<()> {
    guest.ok("printf '[network.tailscale]\\nadvertise-routes = [\"10.42.0.0/24\"]\\n' >/etc/mvmhost.toml")?;
    let refused = guest.run("mvmhost apply")?;
    ensure!(refused.status == 1 && refused.stderr.contains("MVM-NET-090"), "{refused:?}");
    guest.ok(TAILSCALE)?;
    guest.ok("mvmhost apply && mvmhost plan && grep -qx 0.0.0.0/0,10.42.0.0/24 /run/tailnet")?;
    guest.ok("grep -qx 1 /proc/sys/net/ipv4/conf/tailscale0/forwarding")?;
    guest.ok(
        ": >/etc/mvmhost.toml; mvmhost apply && mvmhost plan && grep -qx 0.0.0.0/0 /run/tailnet",
    )?;
    guest.ok("rm /usr/bin/tailscale && mvmhost plan && ip link delete tailscale0").map(drop)
}

/// What mvmhost made is taken down when nobody is on it, and made again.
fn down_and_up(guest: &mut Guest) -> Result<()> {
    guest.ok(": >/etc/mvmhost.toml; mvmhost apply && mvmhost plan")?;
    guest.ok("ip tuntap add fltap1234567 mode tap && ip link set fltap1234567 master br-mvm up")?;
    let shown = host::json(guest, "net status")?;
    ensure!(shown["network"]["guests"][0]["interface"] == "fltap1234567", "{shown}");
    ensure!(shown["network"]["nat"]["settled"] == true, "{shown}");
    let refused = guest.run("mvmhost net down")?;
    ensure!(refused.status == 73 && refused.stderr.contains("fltap1234567"), "{refused:?}");
    ensure!(refused.stderr.contains("flintlockd.service"), "{refused:?}");
    guest.ok(host::UNDISTURBED)?;
    guest
        .ok("ip link delete fltap1234567; systemctl stop flintlockd.service && mvmhost net down")?;
    guest
        .ok("! ip link show dev br-mvm 2>/dev/null && ! nft list table inet mvmhost 2>/dev/null")?;
    guest.ok("! ss -lunH sport = :67 | grep -q . && ! systemctl is-active -q mvm-dhcp mvm-net mvm-net-watch")?;
    ensure!(!guest.run("mvmhost plan")?.success(), "nothing is to be done");
    guest.ok(
        "mvmhost apply && mvmhost plan && ip -4 address show dev br-mvm | grep -q 10.42.0.1/24",
    )?;
    guest.ok(&host::active("mvm-dhcp.service flintlockd.service mvm-net-watch.service")).map(drop)
}
