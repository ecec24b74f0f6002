//! One thing is broken at a time: exactly its code is the error, with evidence and a remedy;
//! flintlockd does not start; the remedy, typed as it is printed, heals the host.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use serde_json::Value;

use super::host;
use crate::guest::Guest;
use crate::image::Suite;
use crate::scenario::Context;

/// A fault and the one error, or warning, that it is.
pub(super) struct Fault {
    pub(super) code: &'static str,
    /// Part of the evidence, or of the message where there is nothing else to see.
    shows: &'static str,
    breaks: &'static str,
    /// What the remedy leaves to the operator in a comment.
    chosen: &'static str,
    severity: &'static str,
    /// flintlockd's own start sees it.
    seen_at_start: bool,
    /// flintlockd runs on with it, although it is an error.
    leaves_flintlockd: bool,
    /// Only `mvmhost check --deep` sees it.
    deep: bool,
}

impl Fault {
    /// flintlockd starts in spite of it.
    pub(super) const fn warns(self) -> Self {
        Self { severity: "warning", ..self }
    }

    /// A start of flintlockd would mend it, or is not what sees it.
    pub(super) const fn only_checked(self) -> Self {
        Self { seen_at_start: false, ..self }
    }

    /// A start of flintlockd does not see it, and flintlockd runs on.
    pub(super) const fn leaves_flintlockd(self) -> Self {
        Self { seen_at_start: false, leaves_flintlockd: true, ..self }
    }

    /// Only `mvmhost check --deep` sees it, and flintlockd runs on.
    pub(super) const fn deep(self) -> Self {
        Self { deep: true, ..self.leaves_flintlockd() }
    }
}

pub(super) const fn fault(
    code: &'static str,
    shows: &'static str,
    breaks: &'static str,
    chosen: &'static str,
) -> Fault {
    let severity = "error";
    let seen_at_start = true;
    Fault {
        code,
        shows,
        breaks,
        chosen,
        severity,
        seen_at_start,
        leaves_flintlockd: false,
        deep: false,
    }
}

/// The driver goes, and flintlockd's start does not bring it back.
const NO_DRIVER: &str =
    "echo 'blacklist kvm_amd' >/etc/modprobe.d/no-kvm.conf && modprobe -r kvm_amd kvm";

/// The first [`EVERYWHERE`] are tried on every suite.
const FAULTS: &[Fault] = &[
    fault("MVM-KVM-001", "/dev/kvm", NO_DRIVER, ""),
    fault(
        "MVM-KVM-002",
        "No such device",
        "modprobe -r kvm_amd kvm && mknod /dev/kvm c 10 232",
        "",
    ),
    fault("MVM-VMM-001", "/usr/local/bin/firecracker", "chmod 0644 /usr/local/bin/firecracker", ""),
    fault("MVM-FLK-002", "firecracker", "rm /usr/local/bin/firecracker", ""),
    fault(
        "MVM-VMM-002",
        "aarch64",
        "printf '\\267' | dd of=/usr/local/bin/firecracker bs=1 seek=18 conv=notrunc status=none",
        "",
    ),
    fault("MVM-FLK-003", "systemd-socket", host::TAKES_THE_PORT, "systemctl stop squatter"),
];

const EVERYWHERE: usize = 2;

/// # Errors
/// A fault is not found, is called something else, or its remedy does not heal it.
pub fn one_fault_one_code_one_remedy(context: &mut Context) -> Result<()> {
    let all = context.suite() == Suite::Bookworm;
    let guest = &mut context.guest;
    guest.ok("cp /usr/local/bin/firecracker /root/firecracker; test -c /dev/kvm")?;
    ensure!(standing(guest, "check")?.is_empty(), "a sound host has findings");
    // A bridge that another program takes away comes back by itself.
    guest.ok("ip link delete br-mvm")?;
    host::settles(guest, host::HEALS)?;
    // A driver that udev has not come to is loaded when flintlockd starts.
    guest.ok(
        "modprobe -r kvm_amd kvm && systemctl restart flintlockd.service && test -c /dev/kvm",
    )?;
    for fault in FAULTS.iter().take(if all { FAULTS.len() } else { EVERYWHERE }) {
        one(guest, fault).map_err(|error| error.context(fault.code))?;
    }
    Ok(())
}

/// # Errors
/// The fault is not found, is called something else, or its remedy does not heal it.
pub(super) fn one(guest: &mut Guest, fault: &Fault) -> Result<()> {
    guest.ok(fault.breaks)?;
    let holds_back = fault.severity == "error" && !fault.leaves_flintlockd;
    let check = if fault.deep { "check --deep" } else { "check" };
    if fault.seen_at_start {
        let started = guest.run("systemctl restart flintlockd.service")?.success();
        ensure!(started != holds_back, "flintlockd was started: {started}");
    }
    let found = standing(guest, check)?;
    let codes: Vec<_> = found.iter().map(|finding| finding["code"].clone()).collect();
    let expected = [fault.code];
    ensure!(codes == expected && found[0]["severity"] == fault.severity, "{found:?}");
    let shown = format!("{} {}", found[0]["evidence"], found[0]["message"]);
    ensure!(shown.contains(fault.shows), "{shown}");
    if fault.seen_at_start {
        let entry = host::last_entry(guest, fault.code)?;
        ensure!(entry["PRIORITY"] == if holds_back { "3" } else { "4" }, "{entry}");
    }
    let state = guest.run("systemctl is-active flintlockd.service")?.stdout;
    ensure!((state.trim() == "active") != holds_back, "flintlockd is {}", state.trim());
    let remedy = found[0]["remedy"].as_str().unwrap_or_default();
    heal(guest, fault.chosen, remedy)?;
    // What the remedy began may still go on: images are pulled beside everything else.
    let healed = Instant::now() + host::HEALS;
    loop {
        let findings = standing(guest, check)?;
        if findings.is_empty() {
            return Ok(());
        }
        ensure!(Instant::now() < healed, "not healed: {findings:?}");
        guest.ok("sleep 1")?;
    }
}

/// Types what was chosen and the remedy as it is printed, and waits for the host.
pub(super) fn heal(guest: &mut Guest, chosen: &str, remedy: &str) -> Result<()> {
    let (typed, reboots) = match remedy.strip_suffix("systemctl reboot") {
        Some(before) => (before, true),
        None => (remedy, false),
    };
    // The programs of a release are where their operator unpacked them.
    let output = guest.run(&format!(
        "{chosen}\ncd /root\ncat > /root/remedy <<'X'\n{typed}\nX\nsh /root/remedy"
    ))?;
    if reboots {
        guest.reboot()?;
    }
    host::settles(guest, host::HEALS).map_err(|error| error.context(format!("{output:?}")))
}

/// # Errors
/// A warning stops flintlockd, or is not said.
pub fn warnings_stop_nothing_and_exceptions_end(context: &mut Context) -> Result<()> {
    let guest = &mut context.guest;
    guest.ok("ip tuntap add fltap1234567 mode tap && ip link set fltap1234567 up")?;
    guest.ok("systemctl restart flintlockd.service")?;
    let warned = finding(guest, "MVM-NET-408")?;
    ensure!(warned["subject"] == "fltap1234567", "{warned}");
    guest.ok(warned["remedy"].as_str().unwrap_or_default())?;
    guest.ok("systemctl restart flintlockd.service")?;
    ensure!(standing(guest, "check")?.is_empty(), "the remedy does not heal it");

    // An exception lets flintlockd start until its day is over.
    let ignore = |until: &str| {
        format!(
            "printf '[validate]\\nignore = [{{ code = \"MVM-KVM-001\", reason = \"no guests here\", until = \"{until}\" }}]\\n' > /etc/mvmhost.toml"
        )
    };
    guest.ok(NO_DRIVER)?;
    guest.ok(&format!(
        "{} && mvmhost apply && systemctl restart flintlockd.service",
        ignore("2999-01-01")
    ))?;
    let ignored = finding(guest, "MVM-HOST-204")?;
    ensure!(ignored["message"].to_string().contains("no guests here"), "{ignored}");
    guest.ok(&ignore("2020-01-01"))?;
    ensure!(!guest.run("systemctl restart flintlockd.service")?.success(), "it has ended");
    let expired = finding(guest, "MVM-HOST-203")?;
    ensure!(expired["severity"] == "warning", "{expired}");
    guest.ok("modprobe kvm_amd && : > /etc/mvmhost.toml")?;
    // By itself: nobody starts anything.
    guest.wait_for(
        "systemctl is-active flintlockd.service",
        host::HEALS + Duration::from_secs(30),
    )?;
    Ok(())
}

/// Subjects of what follows from images that cannot be pulled.
const FAR: [&str; 2] = ["[images]", "mvm-images.service"];

/// Errors and warnings, but for what the guest always lacks: the images of the file as it is
/// installed, for which it has no way out.
pub(super) fn standing(guest: &mut Guest, check: &str) -> Result<Vec<Value>> {
    let document = host::json(guest, check)?;
    let findings = document["findings"].as_array().cloned().unwrap_or_default();
    let is_far = |subject: &Value| {
        let name = subject.as_str().unwrap_or_default();
        name.starts_with("ghcr.io/") || FAR.contains(&name)
    };
    let findings = findings.into_iter();
    Ok(findings
        .filter(|finding| finding["severity"] != "info" && !is_far(&finding["subject"]))
        .collect())
}

fn finding(guest: &mut Guest, code: &str) -> Result<Value> {
    let document = host::json(guest, "check")?;
    let findings = document["findings"].as_array().cloned().unwrap_or_default();
    let found = findings.into_iter().find(|finding| finding["code"] == code);
    found.ok_or_else(|| anyhow::anyhow!("{code} is not in {document}"))
}
