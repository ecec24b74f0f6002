//! The operator's file: wrong, hostile, changed.

use std::time::Duration;

use anyhow::{Result, ensure};

use super::host;
use crate::guest::Guest;
use crate::scenario::Context;

const SOON: Duration = Duration::from_secs(60);

/// # Errors
/// The host is not up, or nobody says why it is not as the file says.
pub fn a_typo_leaves_the_host_up_from_the_last_good_file(context: &mut Context) -> Result<()> {
    let guest = &mut context.guest;
    guest.ok("printf '\\n\\n[thinpool]\\nbackend = \"loup\"\\n' > /etc/mvmhost.toml; sync")?;
    let refused = guest.run("mvmhost apply")?;
    ensure!(refused.code() == Some(78), "{refused:?}");
    for part in ["/etc/mvmhost.toml:4:", "[thinpool] backend", "loop"] {
        ensure!(refused.stderr.contains(part), "{refused:?}");
    }
    guest.reboot()?;
    guest.wait_for("systemctl is-active flintlockd.service", SOON)?;
    host::is_up(guest)?;
    host::data_is_intact(guest)?;
    let entry = host::last_entry(guest, "MVM-CONF-002")?;
    ensure!(entry["PRIORITY"] == "3", "{entry}");
    let message = entry["MESSAGE"].as_str().unwrap_or_default();
    ensure!(message.contains("/etc/mvmhost.toml:4: "), "{message}");
    guest.ok("dmesg | grep mvmhost: | grep -q MVM-CONF-002")?;
    let status = host::json(guest, "status")?;
    ensure!(host::codes(&status).contains(&"MVM-CONF-002".to_owned()), "{status}");
    // Mended, it is as before.
    guest.ok(": > /etc/mvmhost.toml && mvmhost apply && mvmhost plan")?;
    Ok(())
}

/// # Errors
/// Too much or too little is restarted.
pub fn only_what_changed_is_restarted(context: &mut Context) -> Result<()> {
    let guest = &mut context.guest;
    let pids = "systemctl show -P MainPID containerd-dev.service flintlockd.service | xargs";
    let before = guest.ok(pids)?;
    guest.ok("mvmhost apply")?;
    ensure!(guest.ok(pids)? == before, "an apply without a change restarted something");

    let (containerd, flintlockd) = before.trim().split_once(' ').unwrap_or_default();
    guest.ok(
        "printf '[flintlockd]\\nextra-args = [\"--verbosity\", \"2\"]\\n' > /etc/mvmhost.toml",
    )?;
    let plan = guest.run("mvmhost plan")?;
    ensure!(
        plan.code() == Some(2) && plan.stdout.contains("restart flintlockd.service"),
        "{plan:?}"
    );
    guest.ok("mvmhost apply && mvmhost plan")?;
    let after = guest.ok(pids)?;
    ensure!(after.trim().starts_with(containerd), "containerd-dev was restarted as well");
    ensure!(!after.trim().ends_with(flintlockd), "flintlockd was not restarted");
    guest.ok("tr '\\0' ' ' < /proc/$(systemctl show -P MainPID flintlockd)/cmdline | grep -q 'verbosity 2'")?;

    guest.ok("printf '[containerd]\\nlog-level = \"debug\"\\n' > /etc/mvmhost.toml")?;
    guest.ok("mvmhost apply && mvmhost plan")?;
    guest.ok("grep -q 'level = \"debug\"' /run/mvmhost/containerd-dev.toml")?;
    host::is_up(guest)?;

    guest.ok("printf '[containerd]\\nlog-level = \"debug\"\\n[network.bridge]\\naddresses = [\"10.43.0.1/24\", \"10.42.0.1/24\"]\\n' > /etc/mvmhost.toml")?;
    let running = guest.ok(pids)?;
    guest
        .ok("mvmhost apply && mvmhost plan && ip -br address show br-mvm | grep -q 10.43.0.1/24")?;
    ensure!(
        guest.ok("systemctl show -P MainPID containerd-dev.service")?.trim()
            == running.trim().split_once(' ').unwrap_or_default().0,
        "an address restarted containerd"
    );
    the_last_apply_is_undone(guest)?;
    host::data_is_intact(guest)
}

/// From two addresses of the bridge and a log level to the log level alone, through a reboot; what was
/// edited since is not lost.
fn the_last_apply_is_undone(guest: &mut Guest) -> Result<()> {
    guest.ok("cp /etc/mvmhost.toml /root/new.toml; echo '[net]' >> /etc/mvmhost.toml")?;
    let refused = guest.run("mvmhost undo")?;
    ensure!(refused.code() == Some(73) && refused.stderr.contains("MVM-CONF-009"), "{refused:?}");
    guest.ok("cp /root/new.toml /etc/mvmhost.toml; mvmhost undo && mvmhost plan")?;
    host::last_entry(guest, "MVM-CONF-008")?;
    guest.ok("test \"$(cat /etc/mvmhost.toml | xargs)\" = '[containerd] log-level = debug'")?;
    guest.ok("cmp /root/new.toml /etc/mvmhost.toml.undone")?;
    guest.ok("test -z \"$(ip -4 -o address show br-mvm to 10.43.0.0/24)\"")?;
    let again = guest.run("mvmhost undo")?;
    ensure!(again.code() == Some(0) && again.stderr.contains("MVM-NET-071"), "{again:?}");
    guest.reboot()?;
    guest.wait_for("systemctl is-active flintlockd.service", SOON)?;
    guest.ok("mvmhost plan && grep -q 'level = \"debug\"' /run/mvmhost/containerd-dev.toml")?;
    Ok(())
}

/// # Errors
/// A file is accepted, or the machine does not come up.
pub fn unreadable_files_are_refused(context: &mut Context) -> Result<()> {
    let guest = &mut context.guest;
    for make in [
        "truncate -s 1G /etc/mvmhost.toml",
        "printf '\\377\\376\\000' > /etc/mvmhost.toml",
        "mkdir /etc/mvmhost.toml",
        "mkfifo /etc/mvmhost.toml",
        "printf 'a = %0100000d' 0 | tr 0 [ > /etc/mvmhost.toml",
    ] {
        guest.ok(&format!("rm -rf /etc/mvmhost.toml; {make}"))?;
        let checked = guest.run("timeout 10 mvmhost config check")?;
        ensure!(checked.code() == Some(78), "{make}: {checked:?}");
        let output = format!("{}{}", checked.stdout, checked.stderr);
        ensure!(output.contains("/etc/mvmhost.toml"), "{make}: {output}");
        guest.ok("timeout 20 systemctl daemon-reload")?;
        guest.ok(
            "grep -q bridge-name /run/systemd/generator/flintlockd.service.d/50-mvmhost.conf",
        )?;
    }
    // Without a last good one flintlockd is held back, and says so.
    guest.ok(
        "rm -rf /etc/mvmhost.toml /etc/mvmhost/applied.toml; echo x > /etc/mvmhost.toml; sync",
    )?;
    guest.reboot()?;
    host::is_held_back(guest)?;
    host::last_entry(guest, "MVM-CONF-003")?;
    guest.ok(
        "journalctl --sync; journalctl -b -u flintlockd.service -o cat | grep -q MVM-CONF-003",
    )?;
    guest.ok("rm /etc/mvmhost.toml && mvmhost apply")?;
    host::settles(guest, SOON)?;
    host::data_is_intact(guest)
}

/// # Errors
/// ps, systemctl or a unit file shows the token, or flintlockd does not ask for it.
pub fn the_token_is_on_no_command_line(context: &mut Context) -> Result<()> {
    let guest = &mut context.guest;
    guest.ok(
        "umask 077; echo s3cr3t-t0ken > /etc/flintlock.token; cp /etc/flintlock.token /root/word",
    )?;
    guest.ok("printf '[flintlockd]\\nbasic-auth-token-file = \"/etc/flintlock.token\"\\n' > /etc/mvmhost.toml")?;
    guest.ok("mvmhost apply && mvmhost plan")?;
    let status = host::json(guest, "status")?;
    ensure!(status["flintlockd"]["answers"] == true, "{status}");
    guest.ok("test \"$(stat -c %a /run/mvmhost/flintlockd/flintlockd/config.yaml)\" = 600")?;
    for place in [
        "cat /proc/[0-9]*/cmdline | tr '\\0' ' '",
        "systemctl show flintlockd.service",
        "systemctl cat flintlockd.service",
        "journalctl -b --no-pager",
        "cat /etc/mvmhost/applied.toml",
        "mvmhost status; mvmhost --json status; mvmhost config show",
    ] {
        let found = guest.run(&format!("({place}) 2>/dev/null | grep -a -F -f /root/word"))?;
        ensure!(found.stdout.is_empty(), "{place} shows the token: {}", found.stdout);
    }
    // Without its file flintlockd is not started.
    guest.ok("rm /etc/flintlock.token")?;
    let checked = guest.run("/usr/libexec/mvmhost/mvm-validate")?;
    ensure!(checked.code() == Some(1) && checked.stderr.contains("MVM-FLK-007"), "{checked:?}");
    Ok(())
}

/// # Errors
/// A full disk is not said, or breaks what is there.
pub fn a_full_disk_is_said(context: &mut Context) -> Result<()> {
    let guest = &mut context.guest;
    guest.ok(
        "printf '[flintlockd]\\nextra-args = [\"--verbosity\", \"2\"]\\n' > /etc/mvmhost.toml",
    )?;
    guest.run("fallocate -l 100G /var/tmp/filler; dd if=/dev/zero of=/var/tmp/filler2 bs=1M status=none; sync")?;
    guest.run("dd if=/dev/zero of=/etc/filler3 bs=512 status=none; sync")?;
    let applied = guest.run("mvmhost apply")?;
    ensure!(applied.code() == Some(1) && applied.stderr.contains("MVM-HOST-105"), "{applied:?}");
    ensure!(applied.stderr.contains("No space left"), "{applied:?}");
    guest.reboot()?;
    // The pool's files have holes that nothing can fill: mvm-guard holds flintlockd back.
    guest.wait_for("journalctl -b -o cat MVMHOST_CODE=MVM-POOL-105 | grep -q room", SOON)?;
    host::is_held_back(guest)?;
    guest.ok("rm -f /var/tmp/filler /var/tmp/filler2 /etc/filler3; sync")?;
    guest.wait_for("systemctl is-active flintlockd.service", host::HEALS)?;
    guest.ok("mvmhost apply && mvmhost plan")?;
    host::data_is_intact(guest)
}
