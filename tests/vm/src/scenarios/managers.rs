//! Other managers of networks leave alone what is mvmhost's and flintlock's.

use std::time::Duration;

use anyhow::{Result, ensure};

use crate::guest::Guest;
use crate::scenario::Context;

/// networkd is told to look after everything. `other0` shows what that means for what is nobody's.
const NETWORKD: &str = "printf '[Match]\\nName=*\\n\\n[Network]\\nLinkLocalAddressing=no\\n' > /etc/systemd/network/50-all.network
    ip link add other0 type bridge; ip address add 10.88.0.1/24 dev other0; ip link set other0 up
    ip tuntap add fltapg1 mode tap; ip link set fltapg1 master br-mvm up; ip address add 10.89.0.1/24 dev fltapg1
    networkctl reload; systemctl restart systemd-networkd.service";

/// NetworkManager, which leaves the cards of the machine to others and minds what has an address.
const NETWORK_MANAGER: &str = "rm /etc/systemd/network/50-all.network; networkctl reload; ip address add 10.88.0.1/24 dev other0
    mkdir -p /etc/NetworkManager/conf.d
    printf '[main]\\nno-auto-default=*\\n[device-all]\\nmatch-device=type:ethernet\\nmanaged=0\\n' \
        > /etc/NetworkManager/conf.d/test.conf
    DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends network-manager >/dev/null 2>&1";

const TIMEOUT: Duration = Duration::from_secs(30);

/// # Errors
/// The bridge or a tap loses an address or its master, or is managed.
pub fn others_leave_our_interfaces_alone(context: &mut Context) -> Result<()> {
    let guest = &mut context.guest;
    guest.ok(NETWORKD)?;
    guest.wait_for("! ip -4 -o address show dev other0 | grep -q 10.88.0.1", TIMEOUT)?;
    guest.wait_for(
        "networkctl list --no-legend | grep -E ' (br-mvm|fltapg1) ' | grep -c unmanaged | grep -qx 2",
        TIMEOUT,
    )?;
    as_they_were(guest)?;

    guest.ok(NETWORK_MANAGER)?;
    unmanaged(guest)?;
    // A bridge that is made while it runs: mvm-net-watch makes it, and tells NetworkManager before.
    guest.ok("rm /run/NetworkManager/conf.d/*; systemctl restart NetworkManager.service")?;
    guest.ok("ip link set fltapg1 nomaster; ip link delete br-mvm")?;
    guest.wait_for("ip -4 -o address show dev br-mvm | grep -q 10.42.0.1/24", TIMEOUT)?;
    guest.ok("ip link set fltapg1 master br-mvm && systemctl reload mvm-net.service && sleep 2")?;
    unmanaged(guest)?;
    guest.ok("mvmhost plan").map(drop)
}

fn unmanaged(guest: &mut Guest) -> Result<()> {
    guest.wait_for("nmcli -t -f DEVICE,STATE device | grep '^other0:connected'", TIMEOUT)?;
    let shown = guest.ok("nmcli -t -f DEVICE,STATE device")?;
    for device in ["br-mvm", "fltapg1"] {
        let line = format!("{device}:unmanaged");
        ensure!(shown.lines().any(|shown| shown == line), "{shown}");
    }
    as_they_were(guest)
}

fn as_they_were(guest: &mut Guest) -> Result<()> {
    guest.ok("ip -4 -o address show dev br-mvm | grep -q 10.42.0.1/24")?;
    guest.ok("ip -4 -o address show dev fltapg1 | grep -q 10.89.0.1/24")?;
    guest.ok("ip link show dev fltapg1 | grep -q 'master br-mvm'").map(drop)
}
