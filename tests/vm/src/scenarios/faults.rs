//! The rest of the faults: containerd, pool, certificates, firewalls, DHCP, the clock.

use anyhow::{Result, ensure};

use super::UP;
use super::checks::{Fault, fault, one};
use crate::guest::Guest;
use crate::runner::Context;

/// A certificate that ended in February 2020.
const EXPIRED: &str = include_str!("../../data/expired.crt");

/// Without dmsetup, and without what would notice it at the start.
const PLUGIN_FAILED: &str = "d=/run/systemd/system/containerd-dev.service.d
    mkdir -p $d && printf '[Service]\\nExecStartPre=\\nExecStartPost=\\n' > $d/99-ungated.conf
    systemctl daemon-reload && mv /usr/sbin/dmsetup /root/ && systemctl restart containerd-dev.service
    mv /root/dmsetup /usr/sbin/ && rm -r $d && systemctl daemon-reload";

/// What `nft` shows is what iptables-nft loads for `iptables -P FORWARD DROP`.
const FORWARD_DROPS: &str = "modprobe br_netfilter && sysctl -qw net.bridge.bridge-nf-call-iptables=1
    nft 'add table ip filter; add chain ip filter FORWARD { type filter hook forward priority 0; policy drop; }'";

const CERTIFICATE: &str = "printf '[flintlockd.tls]\\ncert = \"/etc/its.crt\"\\nkey = \"/etc/its.key\"\\n' > /etc/mvmhost.toml
    cp /root/expired.crt /etc/its.crt; umask 077; echo no > /etc/its.key; mvmhost apply; true";
const NEW_CERTIFICATE: &str = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 \
    -nodes -days 90 -subj /CN=mvm -addext subjectAltName=DNS:localhost -keyout /etc/its.key -out /etc/its.crt 2>/dev/null";

const FAULTS: &[Fault] = &[
    fault("MVM-DHCP-005", "port 67", "systemctl stop mvm-dhcp.service", "").warns(),
    fault("MVM-NET-409", "ip filter FORWARD", FORWARD_DROPS, ""),
    fault("MVM-HOST-201", "/usr/bin/mvmhost was written on", "date -s 2001-01-01", ""),
    fault("MVM-CTRD-004", "connect", "systemctl stop containerd-dev.service", "").only_checked(),
    fault("MVM-CTRD-003", "dmsetup", PLUGIN_FAILED, ""),
    fault("MVM-SEC-001", "2020-02-01", CERTIFICATE, NEW_CERTIFICATE),
    fault(
        "MVM-SEC-006",
        "no basic-auth-token-file",
        "printf '[flintlockd]\\ngrpc-endpoint = \"0.0.0.0:9090\"\\ninsecure = true\\n' > /etc/mvmhost.toml && mvmhost apply",
        ": > /etc/mvmhost.toml",
    )
    .warns(),
];

/// # Errors
/// A fault is not found, is called something else, or its remedy does not heal it.
pub fn the_rest(context: &mut Context) -> Result<()> {
    let guest = &mut context.guest;
    each(guest, FAULTS, |guest| {
        guest.ok(&format!("cat > /root/expired.crt <<'X'\n{EXPIRED}X")).map(drop)
    })
}

/// Every fault, also after one that went wrong.
fn each(
    guest: &mut Guest,
    faults: &[Fault],
    prepare: impl Fn(&mut Guest) -> Result<()>,
) -> Result<()> {
    let mut wrong = Vec::new();
    prepare(guest)?;
    for fault in faults {
        if let Err(error) = one(guest, fault) {
            wrong.push(format!("{}: {error:#}", fault.code));
            guest.load(UP)?;
            prepare(guest)?;
        }
    }
    ensure!(wrong.is_empty(), "{}", wrong.join("\n"));
    Ok(())
}

/// Each heals by a reboot.
const POOL: &[Fault] = &[fault(
    "MVM-POOL-006",
    " ro ",
    "p=flintlock-dev-thinpool; t=$(dmsetup table $p | cut -d' ' -f1-7)
         dmsetup reload $p --table \"$t 1 read_only\" && dmsetup suspend $p && dmsetup resume $p",
    "",
)];

/// # Errors
/// A pool that takes no writes is not refused, or a boot does not heal it.
pub fn a_pool_without_writes_is_refused(context: &mut Context) -> Result<()> {
    let guest = &mut context.guest;
    each(guest, POOL, |_| Ok(()))?;
    super::host::data_is_intact(guest)
}
