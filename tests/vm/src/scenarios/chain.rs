//! containerd and flintlockd: ready means that they answer.

use std::time::Duration;

use anyhow::{Result, ensure};

use super::host;
use crate::scenario::Context;

const SOON: Duration = Duration::from_secs(60);

/// # Errors
/// flintlockd is left deaf, or does not come back within a minute.
pub fn containerd_comes_back_with_flintlockd(context: &mut Context) -> Result<()> {
    let guest = &mut context.guest;
    let before = guest.ok("systemctl show -P MainPID flintlockd.service")?;
    guest.ok("kill -9 $(systemctl show -P MainPID containerd-dev.service)")?;
    guest.wait_for(
        &format!(
            "p=$(systemctl show -P MainPID flintlockd.service); test $p != {} -a $p != 0",
            before.trim()
        ),
        SOON,
    )?;
    host::settles(guest, SOON)?;
    // An operator's stop is an operator's stop.
    guest.ok("systemctl stop flintlockd.service && sleep 40")?;
    let state = guest.run("systemctl is-active flintlockd.service")?.stdout;
    ensure!(state.trim() == "inactive", "a stopped flintlockd is {}", state.trim());
    guest.ok("systemctl start mvmhost.target")?;
    host::settles(guest, SOON)
}

/// # Errors
/// It is not used, or a wrong one is.
pub fn the_operators_containerd_configuration_is_checked(context: &mut Context) -> Result<()> {
    let guest = &mut context.guest;
    guest.ok("mkdir -p /etc/containerd; sed s/flintlock-dev-thinpool/other/ /run/mvmhost/containerd-dev.toml > /etc/containerd/config-dev.toml")?;
    let applied = guest.run("mvmhost apply; systemctl restart containerd-dev.service")?;
    ensure!(!applied.success(), "a containerd with another pool was started");
    let entry = host::last_entry(guest, "MVM-CTRD-002")?;
    ensure!(entry["MVMHOST_EVIDENCE"].to_string().contains("other"), "{entry}");
    guest.ok(
        "cp /run/mvmhost/containerd-dev.toml /etc/containerd/config-dev.toml && mvmhost apply",
    )?;
    host::settles(guest, host::HEALS)?;
    guest.ok("tr '\\0' ' ' < /proc/$(systemctl show -P MainPID containerd-dev)/cmdline | grep -q /etc/containerd/config-dev.toml")?;
    host::data_is_intact(guest)
}

/// # Errors
/// flintlockd is started, the holder is not named, or it does not start when the port is free.
pub fn a_taken_port_is_named(context: &mut Context) -> Result<()> {
    let guest = &mut context.guest;
    guest.ok(host::TAKES_THE_PORT)?;
    ensure!(!guest.run("systemctl start flintlockd.service")?.success(), "the port was taken");
    let entry = host::last_entry(guest, "MVM-FLK-003")?;
    ensure!(entry["MESSAGE"].to_string().contains("systemd-socket"), "{entry}");
    guest.ok("sleep 40")?;
    let entries = host::journal(guest, "MVM-FLK-003")?;
    ensure!(entries.len() == 1, "said {} times in a row", entries.len());
    guest.ok("systemctl stop squatter.service")?;
    host::settles(guest, SOON)?;
    let cleared = host::journal(guest, "MVM-HOST-901")?;
    ensure!(cleared.len() == 1, "{cleared:?}");
    Ok(())
}

/// # Errors
/// A flintlockd that stays alive without listening counts as up.
pub fn a_flintlockd_that_does_not_listen_is_not_up(context: &mut Context) -> Result<()> {
    let guest = &mut context.guest;
    // A sound certificate and no key to it: the real one logs a line and idles for ever.
    guest.ok(
        "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 30 \
         -subj /CN=mvm -addext subjectAltName=DNS:localhost -keyout /root/its.key \
         -out /etc/flintlock.crt 2>/dev/null; umask 077; echo no > /etc/flintlock.key",
    )?;
    guest.ok("printf '[flintlockd.tls]\\ncert = \"/etc/flintlock.crt\"\\nkey = \"/etc/flintlock.key\"\\n' > /etc/mvmhost.toml")?;
    let applied = guest.run("mvmhost apply")?;
    ensure!(applied.code() == Some(1), "{applied:?}");
    host::last_entry(guest, "MVM-FLK-005")?;
    let state = guest.run("systemctl is-active flintlockd.service")?.stdout;
    ensure!(state.trim() != "active", "{state}");
    guest.ok("systemctl stop flintlockd.service; : > /etc/mvmhost.toml; mvmhost apply")?;
    host::settles(guest, SOON)
}

/// # Errors
/// A stale file stays, or that of a running VMM goes.
pub fn stale_pid_files_go_and_others_stay(context: &mut Context) -> Result<()> {
    let guest = &mut context.guest;
    guest.ok(
        "cd /var/lib && mkdir -p flintlock/vm/ns/dead/uid-dead flintlock/vm/ns/recycled/uid-recycled flintlock/vm/ns/live/uid-live
         echo 999999 > flintlock/vm/ns/dead/uid-dead/firecracker.pid
         echo 1 > flintlock/vm/ns/recycled/uid-recycled/firecracker.pid
         ln -s /etc/passwd flintlock/vm/ns/dead/uid-dead/virtiofs.pid
         systemd-run -q --unit=vmm /usr/local/bin/firecracker --id uid-live --boot-timer --no-api --config-file /dev/null --metadata /dev/null
         systemctl show -P MainPID vmm.service > flintlock/vm/ns/live/uid-live/firecracker.pid",
    )?;
    guest.ok("systemctl restart mvm-hygiene.service")?;
    guest.ok("cd /var/lib/flintlock/vm/ns && ! ls dead/uid-dead/firecracker.pid recycled/uid-recycled/firecracker.pid 2>/dev/null")?;
    guest.ok(
        "test -e /var/lib/flintlock/vm/ns/live/uid-live/firecracker.pid && test -s /etc/passwd",
    )?;
    host::settles(guest, SOON)?;
    guest.ok("systemctl is-active vmm.service && systemctl stop vmm.service")?;
    // After a boot the file of what ran before is stale, and is gone before flintlockd looks.
    guest.ok("echo 1 > /var/lib/flintlock/vm/ns/live/uid-live/firecracker.pid; sync")?;
    guest.reboot()?;
    host::settles(guest, host::HEALS)?;
    guest.ok("! test -e /var/lib/flintlock/vm/ns/live/uid-live/firecracker.pid")?;
    Ok(())
}
