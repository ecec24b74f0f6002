//! From a configuration to a microVM that answers, with certificates, and what may stand in the way.

use anyhow::{Result, ensure};

use super::host;
use crate::guest::Guest;
use crate::scenario::Context;

/// The stand-ins make taps, and the guest on a tap asks for an address and answers pings.
const GUESTS: &str = "mkdir -p /etc/systemd/system/flintlockd.service.d
    printf '[Service]\\nEnvironment=STANDIN_TAPS=1\\n' \\
        >/etc/systemd/system/flintlockd.service.d/40-standin.conf";

/// `init --yes`, `tls init`, `apply`, `vm create`, `smoke`, `vm delete`, and nothing is left.
///
/// # Errors
/// A step fails, or something is left behind.
pub fn from_init_to_a_microvm(context: &mut Context) -> Result<()> {
    let guest = &mut context.guest;
    guest.ok(GUESTS)?;
    guest.ok("mvmhost init --yes && mvmhost tls init --listen 0.0.0.0:9090 && mvmhost apply")?;
    host::is_up(guest)?;
    let refused = guest.run("mvmhost init --yes")?;
    ensure!(refused.code() == Some(73), "an edited file: {refused:?}");
    with_certificates_only(guest)?;
    guest.ok("ssh-keygen -q -t ed25519 -N '' -f /root/key
        mvmhost vm create one --ssh-key /root/key.pub --wait reachable")?;
    guest.ok("mvmhost net leases | grep -q ' 02:' && mvmhost vm logs one | grep -q login:")?;
    let again = guest.run("mvmhost vm create one")?;
    ensure!(again.code() == Some(1) && again.stderr.contains("MVM-VM-002"), "{again:?}");
    let smoke = guest.run("mvmhost smoke")?;
    ensure!(smoke.code() == Some(0) && smoke.stderr.contains("MVM-VM-014"), "{smoke:?}");
    renewed(guest)?;
    guest.ok("mvmhost vm delete one")?;
    guest.ok(
        "! ls /sys/class/net | grep fltap && ! ls -d /var/lib/flintlock/vm/*/*/* && mvmhost plan",
    )?;
    Ok(())
}

/// Who shows no certificate is not let in; the client of Cluster API is.
fn with_certificates_only(guest: &mut Guest) -> Result<()> {
    let ask = "mvmhost check --host 127.0.0.1 --tls-ca /etc/mvmhost/tls/ca.crt";
    let bare = guest.run(ask)?;
    ensure!(bare.code() == Some(1) && bare.stderr.contains("MVM-FLK-103"), "{bare:?}");
    let client = "/etc/mvmhost/tls/clients/capmvm";
    guest.ok(&format!("{ask} --tls-cert {client}.crt --tls-key {client}.key"))?;
    let open = guest.ok("find /etc/mvmhost/tls -name '*.key' -perm /077")?;
    ensure!(open.is_empty(), "others can read {open}");
    Ok(())
}

/// A renewal restarts flintlockd and no microVM; a second one has nothing to do.
fn renewed(guest: &mut Guest) -> Result<()> {
    let vmm = "pgrep -f -- '--id [0-9]*'";
    let before = guest.ok(vmm)?;
    guest.ok("ip address add 10.77.0.1/24 dev lo")?;
    let renewed = guest.run("mvmhost tls renew")?;
    let new = renewed.stderr.contains("MVM-SEC-019");
    ensure!(renewed.success() && new, "{renewed:?}");
    ensure!(guest.ok(vmm)? == before, "the VMM was {before}");
    let settled = guest.ok("mvmhost tls renew --due 2>&1")?;
    ensure!(settled.contains("MVM-SEC-014"), "{settled}");
    guest.ok("systemctl start mvm-tls-renew.service")?;
    Ok(())
}

/// The drop-in that old pages tell people to write is named by every command, and moved aside.
///
/// # Errors
/// It is not named, or it stays.
pub fn drop_ins_of_others_are_named_and_moved_aside(context: &mut Context) -> Result<()> {
    let guest = &mut context.guest;
    guest.ok("mkdir -p /etc/systemd/system/flintlockd.service.d
        printf '[Service]\\nKillMode=mixed\\n' \\
            >/etc/systemd/system/flintlockd.service.d/containerd-dev.conf
        systemctl daemon-reload")?;
    for command in ["plan", "status", "check"] {
        let output = guest.run(&format!("mvmhost {command}"))?;
        let named = output.stderr.contains("containerd-dev.conf:2 overrides KillMode");
        ensure!(named, "mvmhost {command}: {output:?}");
    }
    guest.ok("mvmhost adopt --drop-ins && mvmhost apply && mvmhost plan")?;
    let check = guest.run("mvmhost check")?;
    ensure!(!check.stderr.contains("MVM-HOST-25"), "{check:?}");
    guest.ok("test \"$(systemctl show -P KillMode flintlockd.service)\" = process")?;
    Ok(())
}
