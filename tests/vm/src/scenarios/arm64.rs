//! The package on another architecture than the build machine's.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};

use super::{host, images, install};
use crate::guest::Guest;
use crate::scenario::Context;

/// How long a boot may take to have the whole chain up.
const BOOT: Duration = Duration::from_secs(600);
const REGISTRY: &str = include_str!("images/registry.sh");

/// Install, apply, reboot, power cut: the same host, its data intact, with images of its own kind.
///
/// # Errors
/// It is not.
pub fn a_host_of_arm64(context: &mut Context) -> Result<()> {
    let machine = context.guest.ok("uname -m && dpkg --print-architecture && ls /dev/kvm")?;
    ensure!(machine == "aarch64\narm64\n/dev/kvm\n", "{machine}");
    step("install", || install::installs_and_starts_nothing(context))?;
    step("apply", || install::apply_brings_the_host_up(context))?;
    let guest = &mut context.guest;
    step("images", || unpacks_its_own_images(guest))?;
    step("check", || nothing_is_wrong(guest))?;
    step("reboot", || {
        guest.reboot()?;
        host::settles(guest, BOOT)?;
        host::data_is_intact(guest)
    })?;
    step("power cut", || {
        guest.ok(&format!(
            "(dd if=/dev/urandom of={} bs=1M count=64 seek=4096 conv=nocreat status=none &) >/dev/null 2>&1; sleep 2",
            host::VOLUME
        ))?;
        guest.power_cut()?;
        host::settles(guest, BOOT)?;
        host::data_is_intact(guest)
    })?;
    step("check again", || nothing_is_wrong(guest))
}

fn step(name: &str, body: impl FnOnce() -> Result<()>) -> Result<()> {
    let started = std::time::Instant::now();
    body().with_context(|| name.to_owned())?;
    println!("passed {name} {:.0} s", started.elapsed().as_secs_f64());
    Ok(())
}

/// Of an index with two platforms the one that is this machine's, and a kernel that is an Image.
fn unpacks_its_own_images(guest: &mut Guest) -> Result<()> {
    guest.ok("ln -s /dev/null /etc/systemd/system/docker-registry.service
        DEBIAN_FRONTEND=noninteractive apt-get install -y docker-registry >/dev/null 2>&1")?;
    guest.ok(&other_way_round(&format!("{}{REGISTRY}", crate::REGISTRY))?)?;
    guest.ok(&images::serve("registry", "5000"))?;
    images::configure(guest, "")?;
    guest.ok("mvmhost apply")?;
    guest.wait_for("mvmhost images verify", BOOT)?;
    guest.wait_for(images::ENDED, BOOT)?;
    let listed = guest.ok(&format!("{} images ls", host::CTR))?;
    ensure!(listed.lines().filter(|line| line.contains("linux/arm64")).count() == 2, "{listed}");
    Ok(())
}

/// The registry's script for amd64, with both architectures changed places and a kernel by the head
/// that Linux has on Arm.
fn other_way_round(script: &str) -> Result<String> {
    let script = script.replace("amd64", "ARM").replace("arm64", "amd64").replace("ARM", "arm64");
    let (before, rest) = script.split_once("    printf '\\177ELF").context("no kernel")?;
    let (_, after) = rest.split_once('\n').context("no kernel")?;
    let head = "    head -c 56 /dev/zero; printf 'ARM\\144'\n";
    Ok(format!("{before}{head}{after}").replace("kernel/boot/vmlinux", "kernel/boot/image"))
}

/// The validator let flintlockd start, and no check fails.
fn nothing_is_wrong(guest: &mut Guest) -> Result<()> {
    // By hand the validator would find the port taken, by the flintlockd that it let start.
    guest.ok("systemctl restart flintlockd.service && systemctl is-active flintlockd.service")?;
    let document = host::json(guest, "check")?;
    let findings = document["findings"].as_array().cloned().unwrap_or_default();
    ensure!(findings.iter().all(|finding| finding["severity"] != "error"), "{document:#}");
    Ok(())
}
