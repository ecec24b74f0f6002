//! The host's way out becomes a port of the bridge. The network that ssh comes by is never touched.

use std::time::Duration;

use anyhow::{Result, ensure};

use super::host;
use crate::guest::Guest;
use crate::scenario::Context;

/// An interface with addresses and the better default route, from ifupdown as Debian's installer sets
/// it up: udev starts it beside everything else, and here it takes its time. Its gateway is in a
/// namespace, and answers unless there is the file /etc/gone.
const LAB: &str = r#"DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends ifupdown >/dev/null 2>&1
cat > /etc/network/interfaces.d/wan <<'X'
allow-hotplug wan
iface wan inet static
    pre-up sleep 3
    address 192.0.2.2/24
    gateway 192.0.2.1
    metric 50
    up ip addr add 192.0.2.3/24 dev wan label wan:1
    up ip route add 203.0.113.0/24 via 192.0.2.1 dev wan proto static mtu 1300
iface wan inet6 static
    address 2001:db8::2/64
    gateway 2001:db8::1
X
cat > /usr/local/sbin/lab <<'X'
set -e
ip netns add gw; ip link add wan address 02:00:00:00:00:77 type veth peer name eth0 netns gw
[ -e /etc/gone ] || ip -n gw addr add 192.0.2.1/24 dev eth0
[ -e /etc/gone ] || ip -n gw addr add 2001:db8::1/64 dev eth0
ip -n gw link set eth0 up
X
printf '[Service]\nType=oneshot\nRemainAfterExit=yes\nExecStart=/bin/sh /usr/local/sbin/lab\n[Install]\nWantedBy=multi-user.target\n' > /etc/systemd/system/lab.service
systemctl enable -q lab.service; sh /usr/local/sbin/lab
sed 's/"eth0"/"wan"/' /usr/share/doc/mvmhost/examples/tap-uplink.toml > /etc/mvmhost.toml"#;
/// ifupdown has done all of it.
const CONFIGURED: &str = "ip -6 route show default dev wan | grep -q .";

/// Once no address is being proved unique any more. What is left of the bridge's lease of ssh's
/// interface is told by the second, and nothing else is.
const SHOWN: &str = "while ip -6 addr show tentative | grep -q inet6; do sleep 0.2; done
    { ip -j addr; ip -j route; ip -j -6 route; } | sed -E 's/_life_time\":[0-9]{1,9}[,}]/_life_time\":0/g'";

/// The gateway answers through the bridge, by either family; nothing is left on the interface.
const THROUGH: &str = "ip route get 203.0.113.1 | grep -q 'via 192.0.2.1 dev br-mvm'
    ip -6 route get 2001:db8:9::1 | grep -q 'via 2001:db8::1 dev br-mvm'
    ip -o link show dev wan | grep -q 'master br-mvm'
    ping -c 1 -W 5 192.0.2.1; ping -c 1 -W 5 2001:db8::1
    ! ip -o -4 addr show dev wan | grep -q .";

/// # Errors
/// An unconfirmed uplink is not put back, a confirmed one is no port after a reboot, or one whose
/// gateway is gone is not given back.
pub fn an_uplink_is_kept_only_when_it_is_confirmed(context: &mut Context) -> Result<()> {
    let guest = &mut context.guest;
    guest.ok(LAB)?;
    guest.wait_for(CONFIGURED, host::HEALS)?;
    someone_elses_is_refused(guest)?;
    let before = guest.ok(SHOWN)?;
    nobody_confirms(guest)?;
    let after = guest.ok(SHOWN)?;
    ensure!(before == after, "before the trial:\n{before}\nafter it:\n{after}");

    confirmed(guest)?;
    docker_lets_the_bridge_pass(guest)?;
    the_way_in_is_not_taken_down(guest)?;
    confirmed(guest)?;
    guest.reboot()?;
    guest.wait_for("mvmhost plan", host::HEALS)?;
    guest.ok(THROUGH)?;
    let usual = guest.boot_time()?;

    guest.ok("touch /etc/gone")?;
    guest.reboot()?;
    let took = guest.boot_time()?;
    let entry = host::wait_for_entry(guest, "MVM-NET-070", host::HEALS)?;
    ensure!(entry["MVMHOST_SUBJECT"] == "wan", "{entry}");
    guest.ok("ip -o -4 addr show dev wan | grep -q 192.0.2.2/24")?;
    guest.ok("! ip -o link show dev wan | grep -q 'master'")?;
    // A gateway is waited for 10 s; the rest is what an emulated boot beside another one varies by.
    ensure!(took < usual * 2 + Duration::from_secs(25), "the boot took {took:?}, before {usual:?}");
    host::is_held_back(guest)
}

fn confirmed(guest: &mut Guest) -> Result<()> {
    guest.ok("mvmhost apply --confirm-timeout 60")?;
    guest.ok(THROUGH)?;
    guest.ok("mvmhost confirm && mvmhost plan").map(drop)
}

/// Docker has the kernel look at frames between the ports of a bridge, and drop those of others. With
/// its rules, a microVM on the bridge still reaches the network that the uplink leads to.
fn docker_lets_the_bridge_pass(guest: &mut Guest) -> Result<()> {
    guest.ok("DEBIAN_FRONTEND=noninteractive apt-get install -y iptables >/dev/null 2>&1
        modprobe br_netfilter; grep -q 1 /proc/sys/net/bridge/bridge-nf-call-iptables
        iptables -N DOCKER-USER; iptables -A FORWARD -j DOCKER-USER; iptables -P FORWARD DROP")?;
    guest.wait_for("iptables -C DOCKER-USER -i br-mvm -o br-mvm -j ACCEPT", host::HEALS)?;
    guest.ok("ip netns add vm; ip link add fltap1 type veth peer name eth0 netns vm
        ip link set fltap1 master br-mvm up
        ip -n vm addr add 192.0.2.9/24 dev eth0; ip -n vm link set eth0 up
        ip netns exec vm ping -c 3 -W 5 192.0.2.1; mvmhost plan; ip netns del vm")?;
    let codes = host::codes(&host::json(guest, "check")?);
    ensure!(!codes.contains(&"MVM-NET-409".to_owned()), "{codes:?}");
    Ok(())
}

/// Nor is it with nobody on the bridge, until the operator has taken it back.
fn the_way_in_is_not_taken_down(guest: &mut Guest) -> Result<()> {
    guest.ok(host::UNDISTURBED)?;
    guest.ok("systemctl stop flintlockd.service")?;
    let down = guest.run("mvmhost --json net down")?;
    ensure!(down.code() == Some(73) && down.stdout.contains("MVM-NET-082"), "{down:?}");
    guest.ok(THROUGH)?;
    let document: serde_json::Value = serde_json::from_str(&down.stdout)?;
    let mut findings = document["findings"].as_array().into_iter().flatten();
    let named = findings.find(|finding| finding["code"] == "MVM-NET-082");
    let remedy = named.and_then(|finding| finding["remedy"].as_str()).unwrap_or_default();
    guest
        .ok(&format!("{}\n! ip link show dev br-mvm 2>/dev/null", remedy.replace('\n', " && ")))?;
    guest.ok("! iptables -S DOCKER-USER | grep br-mvm")?;
    guest.ok("ip -o -4 addr show dev wan | grep -q 192.0.2.2/24 && ping -c 1 -W 5 192.0.2.1")?;
    guest.ok("systemctl start mvmhost-retry.timer").map(drop)
}

/// networkd looks after the interface that ssh comes by.
fn someone_elses_is_refused(guest: &mut Guest) -> Result<()> {
    guest.ok("nic=$(ip -o route get 10.0.2.2 | grep -o 'dev [^ ]*' | cut -c 5-)
        sed \"s/\\\"wan\\\"/\\\"$nic\\\"/\" /etc/mvmhost.toml > /root/theirs.toml")?;
    let codes = host::codes(&host::json(guest, "--config /root/theirs.toml plan")?);
    ensure!(codes.iter().any(|code| code == "MVM-NET-062"), "{codes:?}");
    Ok(())
}

/// apply is killed as soon as the change is there, with everything else of its session.
fn nobody_confirms(guest: &mut Guest) -> Result<()> {
    guest.ok("systemd-run -q --unit=session mvmhost apply --confirm-timeout 20")?;
    // It may have ended by then.
    guest.ok("until ip -o link show dev wan | grep -q 'master br-mvm'; do sleep 0.2; done
        systemctl kill -s KILL session.service || true
        ping -c 1 -W 5 -I br-mvm 192.0.2.1")?;
    host::wait_for_entry(guest, "MVM-NET-069", host::HEALS)?;
    guest.ok("! ip -o link show dev wan | grep -q 'master'").map(drop)
}
