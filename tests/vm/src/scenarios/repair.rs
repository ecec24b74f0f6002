//! Metadata that are damaged are repaired as far as they can be, and what is lost is said before
//! anything is replaced.

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

use super::host::{self, FILES};
use crate::guest::Guest;

/// Of a pool that is down, whose metadata begin as `/root/metadata` does.
///
/// # Errors
/// Metadata are replaced by some that have less in them without leave, or not replaced where nothing
/// is lost.
pub fn repair_tells_the_truth(guest: &mut Guest) -> Result<()> {
    let root =
        |offset: u32| format!("seek=$(( $(od -An -t u8 -j {offset} -N 8 metadata) * 4096 + 40 ))");
    let spoil = |seek: &str| {
        format!("printf '\\377\\001\\277' | dd of=metadata bs=1 conv=notrunc status=none {seek}")
    };
    // Where a root is lost too, thin_repair reads all 10 GiB, which takes a guest minutes.
    lost(guest, "dd if=/dev/zero of=metadata bs=1M count=16 conv=notrunc status=none")
        .context("zeroed")?;
    guest.ok(&format!(
        "cd {FILES} && dd if=/root/metadata of=metadata bs=1M conv=notrunc status=none
         rm -f metadata.damaged-* metadata.repaired"
    ))?;
    without_a_loss(guest, &spoil(&root(192 + 16))).context("bitmap index")?;
    on_demand(guest, &spoil("seek=0")).context("checksum")
}

/// Older versions end well here and leave an empty pool, newer ones fail. Either way the metadata stay.
fn lost(guest: &mut Guest, spoil: &str) -> Result<()> {
    let before = guest.ok(&format!("cd {FILES} && {spoil} && sync; {SUM}"))?;
    let (code, said) = repair(guest, "")?;
    let told = match (code, host::codes(&said).as_slice()) {
        (Some(73), [only]) if only == "MVM-POOL-156" => said["losses"][0].is_object(),
        (Some(1), [only]) => only == "MVM-POOL-155",
        _ => false,
    };
    ensure!(told, "{code:?} {said}");
    ensure!(guest.ok(SUM)? == before, "the metadata were changed");
    Ok(())
}

fn without_a_loss(guest: &mut Guest, spoil: &str) -> Result<()> {
    let before = guest.ok(&format!("cd {FILES} && {spoil} && sync; {SUM}"))?;
    let (code, said) = repair(guest, "--dry-run")?;
    ensure!(code == Some(0) && host::codes(&said) == ["MVM-POOL-151"], "{code:?} {said}");
    let after = guest.ok(&format!("{SUM}; ! ls {FILES} | grep -E 'damaged|repaired|head'"))?;
    ensure!(after == before, "a dry run changed {before} to {after}");
    let (code, said) = repair(guest, "")?;
    ensure!(code == Some(0) && host::codes(&said) == ["MVM-POOL-150"], "{code:?} {said}");
    let kept = said["kept"].as_str().unwrap_or_default().to_owned();
    let kept = guest.ok(&format!("head -c 16M {kept} | sha256sum"))?;
    ensure!(before.ends_with(&kept), "{kept} is kept of {before}");
    guest.ok("mvmhost pool check")?;
    Ok(())
}

/// The superblock is lost: what the blocks were cannot be known, so that a person has to say yes.
fn on_demand(guest: &mut Guest, spoil: &str) -> Result<()> {
    guest.ok(&format!("cd {FILES} && {spoil} && sync"))?;
    let (code, said) = repair(guest, "")?;
    ensure!(code == Some(73), "{code:?} {said}");
    ensure!(said["losses"].as_array().is_some_and(|losses| losses.len() == 1), "{said}");
    let (code, said) = repair(guest, "--accept 0123456789ab")?;
    ensure!(code == Some(73) && host::codes(&said)[0] == "MVM-POOL-157", "{code:?} {said}");
    // The remedy prints the token of now.
    ensure!(said["findings"][0]["remedy"] == "mvmhost pool repair", "{said}");
    let (_, said) = repair(guest, "")?;
    let token = said["token"].as_str().unwrap_or_default().to_owned();
    let (code, said) = repair(guest, &format!("--accept {token}"))?;
    ensure!(code == Some(0) && host::codes(&said) == ["MVM-POOL-150"], "{code:?} {said}");
    guest.ok("mvmhost pool check")?;
    Ok(())
}

const SUM: &str = "cd /var/lib/containerd-dev/snapshotter/devmapper &&
    stat -c '%i %s' metadata && head -c 16M metadata | sha256sum";

fn repair(guest: &mut Guest, arguments: &str) -> Result<(Option<i32>, Value)> {
    let output = guest.run(&format!("mvmhost --json pool repair {arguments}"))?;
    let said = serde_json::from_str(&output.stdout).with_context(|| format!("{output:?}"))?;
    Ok((output.code(), said))
}
