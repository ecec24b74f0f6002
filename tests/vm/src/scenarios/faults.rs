//! The rest of the faults: containerd, pool, certificates, firewalls, DHCP, the clock.

use anyhow::{Result, ensure};

use super::UP;
use super::checks::{Fault, fault, one};
use crate::guest::Guest;
use crate::scenario::Context;

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
    cp /root/expired.crt /etc/its.crt; umask 077; echo no > /etc/its.key; mvmhost apply || true";
const NEW_CERTIFICATE: &str = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 \
    -nodes -days 90 -subj /CN=mvm -addext subjectAltName=DNS:localhost -keyout /etc/its.key -out /etc/its.crt 2>/dev/null";

/// A second server on the bridge, as somebody's router with DHCP left on would be.
const SECOND_SERVER: &str = "ip netns add rogue && ip link add rogue0 type veth peer name eth0 netns rogue
    ip link set rogue0 master br-mvm up && ip -n rogue address add 10.42.0.3/24 dev eth0
    ip -n rogue link set eth0 up && ip netns exec rogue dnsmasq --conf-file=/dev/null --port=0 --interface=eth0 \
        --dhcp-range=10.42.0.200,10.42.0.210 --leasefile-ro --dhcp-authoritative --pid-file=/run/rogue.pid";

const FAULTS: &[Fault] = &[
    fault("MVM-DHCP-007", "10.42.0.3", SECOND_SERVER, "kill $(cat /run/rogue.pid)").deep(),
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
const POOL: &[Fault] = &[
    fault(
        "MVM-POOL-006",
        " ro ",
        "p=flintlock-dev-thinpool; t=$(dmsetup table $p | cut -d' ' -f1-7)
         dmsetup reload $p --table \"$t 1 read_only\" && dmsetup suspend $p && dmsetup resume $p",
        "",
    ),
    fault("MVM-POOL-007", "needs_check", NEEDS_CHECK, ""),
];

/// As after a failed change of the metadata in a live pool: the flag is set, and containerd runs
/// already.
const NEEDS_CHECK: &str = "p=flintlock-dev-thinpool; d=/run/systemd/system/containerd-dev.service.d
    cd /var/lib/containerd-dev/snapshotter/devmapper && systemctl stop containerd-dev.service mvm-guard.service
    dmsetup ls | grep -o \"^$p-snap-[0-9]*\" | xargs -r -n 1 dmsetup remove
    t=$(dmsetup table $p) && dmsetup remove $p && losetup -D && perl /root/flag.pl metadata && sync &&
    M=$(losetup -f --show metadata) && D=$(losetup -f --show data) &&
    dmsetup create $p --table \"0 $(blockdev --getsz $D) thin-pool $M $D ${t#*thin-pool * * }\" &&
    dmsetup status $p | grep -q needs_check && mkdir -p $d &&
    printf '[Service]\\nExecStartPre=\\nExecStartPost=\\n' > $d/99-ungated.conf &&
    systemctl daemon-reload && systemctl start containerd-dev.service && rm -r $d && systemctl daemon-reload";

/// Sets the flag in the metadata's superblock, and its checksum: CRC-32C of all but the checksum
/// itself, turned over with 160774, as dm-thin-metadata.c has it.
const FLAG: &str = r#"open F, '+<', $ARGV[0]; read F, $b, 4096; substr($b, 4, 4) = pack 'V', 1;
    $c = 0xffffffff; for $o (unpack 'C*', substr $b, 4) { $c ^= $o;
        $c = $c & 1 ? $c >> 1 ^ 0x82f63b78 : $c >> 1 for 1..8 }
    substr($b, 0, 4) = pack 'V', $c ^ 160774; seek F, 0, 0; print F $b"#;

/// # Errors
/// A pool that takes no writes is not refused, or a boot does not heal it.
pub fn a_pool_without_writes_is_refused(context: &mut Context) -> Result<()> {
    let guest = &mut context.guest;
    each(guest, POOL, |guest| {
        guest.ok(&format!("cat > /root/flag.pl <<'X'\n{FLAG}\nX")).map(drop)
    })?;
    super::host::data_is_intact(guest)
}
