//! A host that no registry answers: images by archive, and its own registry for flintlockd.

use anyhow::{Result, ensure};

use super::{CTR, ENDED, KERNEL, PULLED, ROOT, serve};
use crate::REGISTRY;
use crate::guest::Guest;
use crate::scenario::Context;

/// As a microVM names them, and as containerd's client, which is in flintlockd, asks for them.
const LOCAL_ROOT: &str = "localhost:5001/test/root:1";
const LOCAL_KERNEL: &str = "localhost:5001/test/kernel:1";

const SERVED: &str = "[images]
root = [\"127.0.0.1:5000/test/root:1\"]
insecure-registries = [\"127.0.0.1:5000\"]
timeout = \"20s\"
KERNEL
[images.serve]
enabled = true
listen = \"127.0.0.1:5001\"";

/// # Errors
/// An archive does not bring an image, or a client cannot have it from this host, before or after a
/// reboot.
pub fn a_host_answers_flintlockd_itself(context: &mut Context) -> Result<()> {
    let guest = &mut context.guest;
    guest.ok("ln -sf /dev/null /etc/systemd/system/docker-registry.service
        command -v docker-registry >/dev/null || DEBIAN_FRONTEND=noninteractive apt-get install -y docker-registry >/dev/null 2>&1")?;
    guest.ok(&format!("{REGISTRY}{}", include_str!("registry.sh")))?;
    guest.ok(&serve("registry", "5000"))?;
    super::configure(guest, "")?;
    guest.ok("mvmhost apply && mvmhost images export /root/images.tar")?;
    // From here on there is no registry but this host.
    guest.ok(&format!("systemctl stop registry && {CTR} images rm --sync {ROOT} {KERNEL}"))?;
    let left = guest.ok(&format!("{CTR} content ls -q"))?;
    ensure!(left.is_empty(), "the archive brings no images, they are there: {left}");
    configure(guest, "kernel = []")?;
    let applied = guest.run("mvmhost apply")?;
    let said = format!("{}{}", applied.stdout, applied.stderr);
    ensure!(said.contains("MVM-IMG-033") && !said.contains("MVM-HOST-102"), "{said}");
    guest.wait_for(ENDED, PULLED)?;
    imported(guest)?;
    given_out(guest)?;
    guest.reboot()?;
    guest.wait_for("systemctl is-active mvm-registry.service", PULLED)?;
    guest.wait_for(ENDED, PULLED)?;
    guest.ok(&format!("{CTR} images rm {LOCAL_ROOT} {LOCAL_KERNEL}"))?;
    given_out(guest)?;
    let user = guest.ok("stat -c %U /proc/$(systemctl show -P MainPID mvm-registry.service)")?;
    ensure!(user.trim() != "root", "the registry runs as {user}");
    // Off again, and gone.
    super::configure(guest, "timeout = \"20s\"")?;
    guest.ok("mvmhost apply; ! systemctl is-active mvm-registry.service").map(drop)
}

fn configure(guest: &mut Guest, kernel: &str) -> Result<()> {
    let text = SERVED.replace("KERNEL", kernel);
    guest.ok(&format!("cat >/etc/mvmhost.toml <<'X'\n{text}\nX")).map(drop)
}

/// The kernel, which the file does not name, comes with its use, and the line to add.
fn imported(guest: &mut Guest) -> Result<()> {
    let told = guest.ok("mvmhost images import /root/images.tar --as kernel 2>&1")?;
    let line = "kernel = [\"127.0.0.1:5000/test/kernel:1\"]";
    ensure!(told.contains("MVM-IMG-028") && told.contains(line), "{told}");
    configure(guest, line)?;
    let applied = guest.ok("mvmhost apply 2>&1")?;
    ensure!(applied.contains("MVM-HOST-102") && !applied.contains("MVM-IMG-0"), "{applied}");
    let list = guest.ok("mvmhost images list")?;
    ensure!(list.contains(LOCAL_ROOT) && list.contains(LOCAL_KERNEL), "{list}");
    let deep = guest.run("mvmhost check --deep 2>&1")?.stdout;
    ensure!(deep.contains("MVM-IMG-029") && deep.contains(LOCAL_ROOT), "{deep}");
    Ok(())
}

/// containerd's own client resolves, finds every blob, and finds it unpacked where flintlock looks.
fn given_out(guest: &mut Guest) -> Result<()> {
    for (image, snapshotter) in [(LOCAL_ROOT, "devmapper"), (LOCAL_KERNEL, "native")] {
        let count = format!("{CTR} snapshots --snapshotter {snapshotter} ls | grep -c Committed");
        let before = guest.ok(&count)?;
        let pull = format!("{CTR} images pull --local --snapshotter {snapshotter} {image} 2>&1");
        let old = pull.replace(" --local", "");
        guest.ok(&format!("{CTR} images pull --help | grep -q -- --local && {pull} || {old}"))?;
        let after = guest.ok(&count)?;
        ensure!(before == after, "{image} was unpacked once more: {before} {after}");
    }
    Ok(())
}
