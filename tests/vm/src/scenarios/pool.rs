//! The pool's files, devices and metadata when they are not what they were: a coded message with a
//! remedy, nothing touched, the machine up, flintlockd not started.

use anyhow::{Result, ensure};

use super::host::{self, FILES, POOL, UNDISTURBED};
use crate::guest::Guest;
use crate::scenario::Context;

/// # Errors
/// It is not refused, or does not heal when the file is back.
pub fn a_missing_file_is_refused_and_heals(context: &mut Context) -> Result<()> {
    let guest = &mut context.guest;
    for file in ["metadata", "data"] {
        guest.ok(&format!("mv {FILES}/{file} {FILES}/away; sync"))?;
        guest.reboot()?;
        refused(guest)?;
        guest.ok(&format!("! test -e {FILES}/{file}"))?;
        guest.ok(&format!("mv {FILES}/away {FILES}/{file}"))?;
        // Nobody types anything: the retry timer finds it.
        host::settles(guest, host::HEALS)?;
        host::data_is_intact(guest)?;
    }
    Ok(())
}

/// # Errors
/// A file that is not the pool's is activated or changed.
pub fn wrong_files_are_refused_and_left_alone(context: &mut Context) -> Result<()> {
    let guest = &mut context.guest;
    // Only what differs from the receipt is named; the way back undoes each.
    let cases = [
        ("truncated", "truncate -s -1M data", "truncate -s +1M data"),
        ("grown", "truncate -s +1M data", "truncate -s -1M data"),
        ("swapped", "mv metadata old && cp --sparse=always old metadata", "mv old metadata"),
        (
            "blank",
            "dd if=metadata of=head bs=4096 count=1 status=none &&
             dd if=/dev/zero of=metadata bs=4096 count=1 conv=notrunc status=none",
            "dd if=head of=metadata bs=4096 conv=notrunc status=none",
        ),
    ];
    for (name, spoil, mend) in cases {
        deactivate(guest)?;
        guest.ok(&format!("cd {FILES} && {spoil} && sync"))?;
        let sum = format!(
            "cd {FILES} && stat -c '%n %i %s %b %Y' data metadata && head -c 65536 metadata | sha256sum"
        );
        let before = guest.ok(&sum)?;
        let failed = guest.run("systemctl start mvm-thinpool.service")?;
        ensure!(!failed.success(), "{name}: mvm-thinpool.service started");
        let program = guest.run("/usr/libexec/mvmhost/mvm-thinpool")?;
        ensure!(program.code() == Some(73), "{name}: {program:?}");
        ensure!(program.stderr.contains("receipt"), "{name}: {program:?}");
        ensure!(guest.ok(&sum)? == before, "{name}: the files were touched");
        refused(guest)?;
        guest.ok(&format!("cd {FILES} && {mend} && sync"))?;
        guest.ok("systemctl start mvmhost.target")?;
        host::settles(guest, host::HEALS)?;
        host::data_is_intact(guest)?;
    }
    Ok(())
}

/// thin_check missing, failing, and taking longer than the unit's time limit.
///
/// # Errors
/// The pool is activated without a check, or a slow check is cut off.
pub fn thin_check_decides(context: &mut Context) -> Result<()> {
    let guest = &mut context.guest;
    // One program under many names on Debian 12: it looks at the one it is called by.
    let real = "/usr/sbin/thin_check";
    guest.ok(&format!("cp -L {real} /root/thin_check && mv {real} {real}.away"))?;
    deactivate(guest)?;
    ensure!(!guest.run("systemctl start mvm-thinpool.service")?.success(), "no thin_check");
    refused(guest)?;
    guest.ok(&format!(
        "printf '#!/bin/sh\\necho bad checksum >&2; exit 1\\n' > {real}; chmod 755 {real}"
    ))?;
    ensure!(!guest.run("systemctl start mvm-thinpool.service")?.success(), "thin_check failed");
    let entry = refused(guest)?;
    ensure!(entry["MVMHOST_EVIDENCE"].to_string().contains("bad checksum"), "{entry}");
    guest.ok(
        "mkdir -p /run/systemd/system/mvm-thinpool.service.d &&
         printf '[Service]\\nTimeoutStartSec=15s\\n' > /run/systemd/system/mvm-thinpool.service.d/99-short.conf &&
         systemctl daemon-reload",
    )?;
    guest
        .ok(&format!("printf '#!/bin/sh\\nsleep 40; exec /root/thin_check \"$@\"\\n' > {real}"))?;
    guest.ok("systemctl start mvmhost.target")?;
    host::settles(guest, host::HEALS)?;
    guest.ok(&format!("mv {real}.away {real}"))?;
    host::data_is_intact(guest)
}

/// # Errors
/// The pool depends on the numbers of its loop devices.
pub fn loop_numbers_do_not_matter(context: &mut Context) -> Result<()> {
    let guest = &mut context.guest;
    let loops = "dmsetup table flintlock-dev-thinpool | cut -d' ' -f4,5";
    let before = guest.ok(loops)?;
    guest.ok(
        "mkdir -p /srv/others && for i in 1 2 3 4 5; do truncate -s 8M /srv/others/$i; done
         printf '[Unit]\\nDefaultDependencies=no\\nAfter=local-fs.target modprobe@loop.service\\nWants=modprobe@loop.service\\nBefore=mvm-thinpool.service\\n[Service]\\nType=oneshot\\nExecStart=/bin/sh -c \"for i in 1 2 3 4 5; do losetup -f /srv/others/$$i; done\"\\n[Install]\\nWantedBy=multi-user.target\\n' > /etc/systemd/system/others.service
         systemctl enable --quiet others.service; sync",
    )?;
    guest.reboot()?;
    host::settles(guest, host::HEALS)?;
    let after = guest.ok(loops)?;
    ensure!(before != after, "the loop numbers are the same: {after}");
    host::data_is_intact(guest)
}

/// # Errors
/// It is not said, or does not heal.
pub fn without_loop_devices(context: &mut Context) -> Result<()> {
    let guest = &mut context.guest;
    guest.ok("echo 'install loop /bin/false' > /etc/modprobe.d/no-loop.conf; sync")?;
    guest.reboot()?;
    refused(guest)?;
    guest.ok("rm /etc/modprobe.d/no-loop.conf")?;
    host::settles(guest, host::HEALS)?;
    host::data_is_intact(guest)
}

/// # Errors
/// Somebody else's device is taken for the pool.
pub fn a_taken_name_is_refused(context: &mut Context) -> Result<()> {
    let guest = &mut context.guest;
    deactivate(guest)?;
    guest.ok(&format!(
        "truncate -s 8M /srv/foreign && dmsetup create {POOL} --table \"0 16384 linear $(losetup -f --show /srv/foreign) 0\""
    ))?;
    ensure!(!guest.run("systemctl start mvm-thinpool.service")?.success(), "a linear device");
    refused(guest)?;
    guest.ok(&format!("dmsetup table {POOL} | grep -q linear && dmsetup remove {POOL}"))?;
    host::settles(guest, host::HEALS)?;
    host::data_is_intact(guest)
}

/// A pool that provision.sh made is taken over as it is, live or after a reboot.
///
/// # Errors
/// Its table or a byte changes, it is refused, a dry run writes something, or what the operator has in
/// the way is not named or is changed.
pub fn a_pool_of_provision_sh_is_taken_over(context: &mut Context) -> Result<()> {
    let guest = &mut context.guest;
    deactivate(guest)?;
    guest.ok(&format!("mv /var/lib/mvmhost/receipt.json /root/; cd {FILES} &&
        D=$(losetup -f --show data) && M=$(losetup -f --show metadata) &&
        dmsetup create {POOL} --table \"0 $(blockdev --getsz $D) thin-pool $M $D 128 32768 1 skip_block_zeroing\"
        mkdir -p /etc/systemd/system/flintlockd.service.d
        printf '[Service]\\nExecStart=\\nExecStart=/usr/local/bin/flintlockd run --insecure\\n' > {OLD_DROP_IN}"))?;
    let table = guest.ok(&format!("dmsetup table {POOL}"))?;
    let dry = host::json(guest, "adopt --dry-run")?;
    for code in ["MVM-POOL-164", "MVM-POOL-161"] {
        ensure!(host::codes(&dry).contains(&code.to_owned()), "{code}: {dry}");
    }
    guest.ok(&format!("! test -e {ADOPTED} && ! test -e /var/lib/mvmhost/receipt.json"))?;
    adopt(guest)?;
    guest.ok(&format!("grep -q flintlockd {OLD_DROP_IN} && rm {OLD_DROP_IN}; mvmhost apply"))?;
    host::settles(guest, host::HEALS)?;
    let current = guest.ok(&format!("dmsetup table {POOL}"))?;
    ensure!(current == table, "{table} became {current}");
    host::data_is_intact(guest)?;
    guest.reboot()?;
    back_as_it_was(guest)?;
    // As a reboot leaves it on a host that mvmhost never saw.
    deactivate(guest)?;
    guest.ok(&format!("rm {ADOPTED} /var/lib/mvmhost/receipt.json"))?;
    adopt(guest)?;
    guest.ok("systemctl start mvmhost.target")?;
    back_as_it_was(guest)
}

const OLD_DROP_IN: &str = "/etc/systemd/system/flintlockd.service.d/90-own.conf";
const ADOPTED: &str = "/etc/mvmhost.toml.d/10-adopted.toml";

fn adopt(guest: &mut Guest) -> Result<()> {
    let document = host::json(guest, "adopt")?;
    ensure!(host::codes(&document).contains(&"MVM-POOL-160".to_owned()), "{document}");
    guest.ok(&format!(
        "grep -q skip_block_zeroing /var/lib/mvmhost/receipt.json && grep -q {POOL} {ADOPTED}"
    ))?;
    Ok(())
}

fn back_as_it_was(guest: &mut Guest) -> Result<()> {
    host::settles(guest, host::HEALS)?;
    guest.ok(&format!("dmsetup table {POOL} | grep -q ' 128 32768 1 skip_block_zeroing'"))?;
    host::data_is_intact(guest)
}

/// Stops the chain and takes the pool down, as a reboot would.
fn deactivate(guest: &mut Guest) -> Result<()> {
    guest.ok(&format!(
        "{UNDISTURBED}; systemctl stop flintlockd.service containerd-dev.service mvm-thinpool.service
         for d in $(dmsetup ls | grep -o '^{POOL}-snap-[0-9]*'); do dmsetup remove $d; done
         dmsetup remove {POOL}; udevadm settle
         for l in $(losetup -n -O NAME,BACK-FILE | grep {FILES} | cut -d' ' -f1); do losetup -d $l; done
         ! dmsetup info {POOL} 2>/dev/null"
    ))?;
    Ok(())
}

/// The pool is refused with a code, evidence and a remedy, flintlockd has not been started, and
/// nothing is left half done.
fn refused(guest: &mut Guest) -> Result<serde_json::Value> {
    let text = guest
        .ok("journalctl --sync; journalctl -b -t mvmhost -p err -o json --no-pager | tail -n 1")?;
    let entry: serde_json::Value = serde_json::from_str(&text)?;
    let code = entry["MVMHOST_CODE"].as_str().unwrap_or_default();
    ensure!(code.starts_with("MVM-POOL-"), "the last error is {entry}");
    ensure!(entry["MVMHOST_REMEDY"].is_string(), "{entry}");
    let state = guest.run("systemctl is-active flintlockd.service containerd-dev.service")?.stdout;
    ensure!(state.lines().all(|state| state != "active"), "{state}");
    let failed = guest.run("systemctl is-failed mvm-thinpool.service")?.stdout;
    ensure!(["failed", "activating"].contains(&failed.trim()), "mvm-thinpool.service is {failed}");
    Ok(entry)
}
