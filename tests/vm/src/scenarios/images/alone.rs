//! A host that no registry answers: images by archive, and its own registry for flintlockd.

use anyhow::{Result, ensure};
use serde_json::Value;

use super::{ENDED, PULLED, host};
use crate::REGISTRY;
use crate::guest::Guest;
use crate::scenario::Context;

/// As the file names them.
const ROOT: &str = "ghcr.io/mvm-test/root:1";
const KERNEL: &str = "ghcr.io/mvm-test/kernel:1";
/// As a microVM names them, and as containerd's client, which is in flintlockd, asks for them.
const LOCAL_ROOT: &str = "localhost:5000/mvm-test/root:1";
const LOCAL_KERNEL: &str = "localhost:5000/mvm-test/kernel:1";

const SERVED: &str = "[images]
root = [\"ghcr.io/mvm-test/root:1\"]
timeout = \"20s\"
KERNEL
[images.serve]
enabled = true";

/// flintlockd's stand-in resolves, pulls and unpacks at each create, as the real one does. A retry
/// would come long after this scenario.
const RESOLVES: &str = "mkdir -p /etc/systemd/system/flintlockd.service.d
    printf '[Service]\\nEnvironment=STANDIN_IMAGES=1 STANDIN_RETRY_SECONDS=3600\\n' \\
        >/etc/systemd/system/flintlockd.service.d/40-standin.conf
    systemctl daemon-reload; systemctl restart flintlockd.service";

/// Guests reach nothing outside in any case; here nothing leads out either, and no name is found.
const UNPLUGGED: &str = "ip route flush default; : >/etc/resolv.conf
    test -z \"$(ip route show default)\" && ! getent hosts ghcr.io";

/// # Errors
/// An archive does not bring an image, or a microVM is not created from it, before or after a reboot,
/// or costs a retry.
pub fn a_host_answers_flintlockd_itself(context: &mut Context) -> Result<()> {
    let guest = &mut context.guest;
    guest.ok(RESOLVES)?;
    guest.ok(UNPLUGGED)?;
    guest.ok(&format!("{REGISTRY}{}", include_str!("archive.sh")))?;
    configure(guest, "kernel = []")?;
    let applied = guest.run("mvmhost apply")?;
    let output = format!("{}{}", applied.stdout, applied.stderr);
    ensure!(output.contains("MVM-IMG-033") && !output.contains("MVM-HOST-102"), "{output}");
    guest.wait_for(ENDED, PULLED)?;
    imported(guest)?;
    away(guest)?;
    created(guest, "before")?;
    guest.reboot()?;
    guest.wait_for("systemctl is-active flintlockd.service", host::HEALS)?;
    // At once: what flintlockd asks is up before it.
    created(guest, "after")?;
    without_a_retry(guest)?;
    let user = guest.ok("stat -c %U /proc/$(systemctl show -P MainPID mvm-registry.service)")?;
    ensure!(user.trim() != "root", "the registry runs as {user}");
    Ok(())
}

fn configure(guest: &mut Guest, kernel: &str) -> Result<()> {
    let text = SERVED.replace("KERNEL", kernel);
    guest.ok(&format!("cat >/etc/mvmhost.toml <<'X'\n{text}\nX")).map(drop)
}

/// The kernel, which the file does not name, comes with its use, and the line to add.
fn imported(guest: &mut Guest) -> Result<()> {
    let output = guest.ok("mvmhost images import /root/images.tar --as kernel 2>&1")?;
    let line = format!("kernel = [\"{KERNEL}\"]");
    ensure!(output.contains("MVM-IMG-028") && output.contains(&line), "{output}");
    configure(guest, &line)?;
    let applied = guest.ok("mvmhost apply 2>&1")?;
    ensure!(applied.contains("MVM-HOST-102") && !applied.contains("MVM-IMG-0"), "{applied}");
    let list = guest.ok("mvmhost images list")?;
    ensure!(list.contains(LOCAL_ROOT) && list.contains(LOCAL_KERNEL), "{list}");
    Ok(())
}

/// A microVM whose images are asked of their own registry fails, and the check says which names to
/// use in their place.
fn away(guest: &mut Guest) -> Result<()> {
    guest.ok("mvmhost vm create away")?;
    let fails = "mvmhost --json vms | grep -q '\"retries\": *1'";
    guest.wait_for(fails, PULLED)?;
    let check = guest.run("mvmhost check 2>&1")?.stdout;
    for (image, local) in [(ROOT, LOCAL_ROOT), (KERNEL, LOCAL_KERNEL)] {
        let expected =
            check.contains("MVM-IMG-065") && check.contains(image) && check.contains(local);
        ensure!(expected, "{image}: {check}");
    }
    guest.ok("mvmhost vm delete away").map(drop)
}

/// The real way: HEAD of the manifest, a pull by containerd's client that fetches and unpacks
/// nothing, and a snapshot.
fn created(guest: &mut Guest, name: &str) -> Result<()> {
    guest.ok(&format!(
        "mvmhost vm create {name} --root-image {LOCAL_ROOT} --kernel-image {LOCAL_KERNEL} --wait created"
    ))?;
    Ok(())
}

/// Both microVMs run, none was tried twice, and nobody asked a registry that is away.
fn without_a_retry(guest: &mut Guest) -> Result<()> {
    guest.wait_for(ENDED, PULLED)?;
    let document = host::json(guest, "vms")?;
    let rows = document["microvms"].as_array().cloned().unwrap_or_default();
    let sound =
        |row: &Value| row["state"] == "created" && row["retries"] == 0 && row["pid"].is_number();
    ensure!(rows.len() == 2 && rows.iter().all(sound), "{document}");
    let failed = guest.ok(
        "journalctl --sync; journalctl -b -u flintlockd.service -u mvm-images.service -o cat |
        grep -e 'failed to reconcile' -e MVM-IMG- || true",
    )?;
    ensure!(failed.is_empty(), "{failed}");
    let check = guest.run("mvmhost check 2>&1")?.stdout;
    ensure!(!check.contains("MVM-IMG-"), "{check}");
    Ok(())
}
