//! Three hosts on one wire, from one playbook: a hub that serves a VLAN and its own bridge, and two hosts
//! of a cluster's pool.

use anyhow::{Result, ensure};

use super::{host, hub};
use crate::guest::Guest;
use crate::scenario::Context;

/// The cards on the wire: the hub's, then the hosts'.
pub const MACS: [&str; 3] = ["52:54:00:6d:78:01", "52:54:00:6d:78:02", "52:54:00:6d:78:03"];

/// The addresses of the hosts on the VLAN, the hub's first.
const ADDRESSES: [&str; 3] = ["192.168.10.2", "192.168.10.3", "192.168.10.4"];

const CLIENT: &str = "/etc/mvmhost/tls/clients/capmvm";

/// The configuration of the host with this number, as the playbook is to write it.
#[must_use]
pub fn configuration(number: usize) -> String {
    if number == 0 {
        return include_str!("../../../../packaging/examples/hub.toml").to_owned();
    }
    let address = ADDRESSES.get(number).unwrap_or(&"");
    format!(
        "[network.bridge]\naddresses = [\"10.43.{number}.1/24\"]\n\n[[network.vlan]]\n\
         parent = \"bond0\"\nid = 1000\naddresses = [\"{address}/25\"]\n"
    )
}

/// What the playbook finds: a bond on the wire, and beyond the hub a way out.
///
/// # Errors
/// A command fails.
pub fn wired(hosts: &mut [Context; 3]) -> Result<()> {
    for (number, (host, mac)) in hosts.iter_mut().zip(MACS).enumerate() {
        hub::bond(&mut host.guest, mac, number == 0)?;
    }
    Ok(())
}

/// # Errors
/// The hub does not serve both of its networks, a host does not answer, or a client cannot create there.
pub fn a_client_creates_on_both(hosts: &mut [Context; 3]) -> Result<()> {
    for host in hosts.iter_mut() {
        host.guest.ok("mvmhost plan")?;
        host::is_up(&mut host.guest)?;
    }
    let [Context { guest: hub, .. }, pool @ ..] = hosts;
    serves_both(hub)?;
    hub.ok(&format!("printf '%s\\n' {} >/root/fleet", ADDRESSES.join(" ")))?;
    let ca = "/etc/mvmhost/tls/ca.crt";
    let check = format!("--tls-ca {ca} --tls-cert {CLIENT}.crt --tls-key {CLIENT}.key");
    let output = hub.ok(&format!("mvmhost check --host @/root/fleet {check}"))?;
    ensure!(output.matches(" answers").count() == 3, "{output}");
    for (address, host) in ADDRESSES.iter().skip(1).zip(pool) {
        let uid = hub.ok(&format!("client {address}:9090 {ca} {CLIENT}.crt {CLIENT}.key node"))?;
        let journal = "journalctl --sync; journalctl -b -u flintlockd.service -o cat";
        let entries = host.guest.ok(journal)?;
        ensure!(entries.contains(uid.trim()), "{address} knows nothing of {uid}: {entries}");
        host.guest.ok("mvmhost vms && ! ls -d /var/lib/flintlock/vm/*/*/*")?;
    }
    Ok(())
}

/// The VLAN, whose other machines were asked first, and the bridge that is microVMs' alone.
fn serves_both(hub: &mut Guest) -> Result<()> {
    let served = hub.ok("cat /run/mvmhost/dnsmasq.conf")?;
    for line in ["interface=bond0.1000", "interface=br-mvm", "dhcp-range=set:also0,10.42.0.10"] {
        ensure!(served.contains(line), "no {line} in {served}");
    }
    let rules = hub.ok("nft list table inet mvmhost")?;
    for source in ["192.168.10.0/25", "10.42.0.0/24"] {
        ensure!(rules.contains(&format!("ip saddr {source}")), "{rules}");
    }
    let offered = hub.run("mvmhost check --deep")?;
    ensure!(offered.stderr.contains("an address was offered: 10.42.0."), "{offered:?}");
    Ok(())
}
