//! Remedies as they are printed: the commands of the whole catalogue that a sound host stands, typed
//! there; and the state that some of them are for, brought about and healed.

use std::collections::BTreeMap;

use anyhow::{Result, ensure};
use mvm_core::remedy::{Kind, line};
use mvm_core::{Entry, catalogue};

use super::checks::{Fault, fault, one};
use super::host;
use crate::guest::Guest;
use crate::scenario::Context;

/// What is there only where an operator installed it; where it is not, its command is not typed.
const OPTIONAL: [&str; 8] =
    ["firewall-cmd", "lvs", "pvs", "tailscale", "timedatectl", "ufw", "vgs", "iptables"];

/// Each says what it does not understand in one of these ways.
const MISUNDERSTOOD: [&str; 9] = [
    "unrecognized option",
    "invalid option",
    "unknown option",
    "Unknown option",
    "unexpected argument",
    "Unknown command",
    "unrecognized subcommand",
    "Usage:",
    "usage:",
];

const SUSPENDED: &str = "dmsetup suspend --noflush --nolockfs flintlock-dev-thinpool";
const SECOND_TABLE: &str =
    "dmsetup table flintlock-dev-thinpool | dmsetup load flintlock-dev-thinpool";

/// States that a remedy changes for good, each in its own way.
const FAULTS: &[Fault] = &[
    fault(
        "MVM-HOST-211",
        "mvm-guard.service is masked",
        "systemctl mask --now mvm-guard.service",
        "",
    )
    .leaves_flintlockd(),
    fault("MVM-POOL-009", "", SUSPENDED, "").leaves_flintlockd(),
    fault("MVM-POOL-043", "", SECOND_TABLE, "").leaves_flintlockd().warns(),
];

/// # Errors
/// A command of a remedy is not there, is not understood, or a remedy does not heal its state.
pub fn remedies_work_as_they_are_printed(context: &mut Context) -> Result<()> {
    let guest = &mut context.guest;
    guest.ok(host::UNDISTURBED)?;
    let commands = commands();
    ensure!(commands.len() > 100, "{}", commands.len());
    typed(guest, &commands)?;
    host::settles(guest, host::HEALS)?;
    for fault in FAULTS {
        one(guest, fault).map_err(|error| error.context(fault.code))?;
    }
    Ok(())
}

/// Every command of a remedy that reads or does nothing for good, once, with what a sound host has
/// in the place of its data; and a code that has it.
fn commands() -> BTreeMap<String, &'static str> {
    let mut found = BTreeMap::new();
    for entry in catalogue::all() {
        for text in entry.remedy.lines() {
            let (command, kind) = line(text);
            if matches!(kind, Kind::Reads | Kind::Again)
                && let Some(command) = filled(command)
            {
                found.entry(command).or_insert(entry.code);
            }
        }
    }
    found
}

/// `None` where a sound host has nothing of the kind.
fn filled(command: &'static str) -> Option<String> {
    let program = command.split(' ').next().unwrap_or_default();
    let subject = match program {
        _ if command.contains("{subject}.service") => "mvm-hygiene",
        // The default file serves no images.
        _ if command.contains("mvm-registry.service") => return None,
        "ip" => "br-mvm",
        "dmsetup" | "lvs" => host::POOL,
        "journalctl" | "systemctl" | "systemd-analyze" => "flintlockd.service",
        "modprobe" => "tun",
        "lsblk" => "/dev/vda",
        "udevadm" => "/dev/kvm",
        "mvmhost" if command.contains("--host") => "127.0.0.1:9090",
        "mvmhost" if command.contains("explain") => "MVM-POOL-012",
        "mvmhost" | "vgs" | "thin_check" => return None,
        _ => "/etc/mvmhost.toml",
    };
    let mut text = command.to_owned();
    for name in Entry::placeholders(command) {
        let value = match name {
            "subject" => subject,
            "pool" => host::POOL,
            "flintlockd" | "unit" => "flintlockd.service",
            "containerd" => "containerd-dev.service",
            "state" => "/var/lib/flintlock",
            "path" => "/etc/mvmhost.toml",
            "interface" | "master" => "br-mvm",
            "console" => "/etc/hostname",
            "module" => "tun",
            "binary" => "/usr/local/bin/flintlockd",
            "iptables" => "iptables",
            "port" => "9090",
            "code" => "MVM-POOL-012",
            "command" => "plan",
            "device" => "vda",
            _ => return None,
        };
        text = text.replace(&format!("{{{name}}}"), value);
    }
    Some(text)
}

/// Types all of them, with one connection to the guest.
fn typed(guest: &mut Guest, commands: &BTreeMap<String, &'static str>) -> Result<()> {
    let lines: String = commands.keys().map(|command| format!("{command}\n")).collect();
    let answers = guest.ok(&format!(
        "mkdir -p /var/lib/flintlock; cat > /root/lines <<'X'\n{lines}X\ncd /root
        while IFS= read -r line; do
        said=$(timeout 90 sh -c \"$line\" </dev/null 2>&1 >/dev/null | tr '\\n\\t' '  ' | head -c 300)
        printf '%s\\t%s\\n' \"$line\" \"$said\"
        done < lines"
    ))?;
    let mut wrong = Vec::new();
    let mut count = 0;
    for (command, stderr) in answers.lines().filter_map(|line| line.split_once('\t')) {
        count += 1;
        let program = command.split(' ').next().unwrap_or_default();
        let absent = stderr.contains("not found") && !OPTIONAL.contains(&program);
        if absent || MISUNDERSTOOD.iter().any(|word| stderr.contains(word)) {
            let code = commands.get(command).copied().unwrap_or_default();
            wrong.push(format!("{code}: {command}: {stderr}"));
        }
    }
    ensure!(count == commands.len(), "{count} of {} were typed", commands.len());
    ensure!(wrong.is_empty(), "{wrong:#?}");
    Ok(())
}
