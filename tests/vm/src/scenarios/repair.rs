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
    let (code, document) = repair(guest, "")?;
    let expected = match (code, host::codes(&document).as_slice()) {
        (Some(73), [only]) if only == "MVM-POOL-156" => document["losses"][0].is_object(),
        (Some(1), [only]) => only == "MVM-POOL-155",
        _ => false,
    };
    ensure!(expected, "{code:?} {document}");
    ensure!(guest.ok(SUM)? == before, "the metadata were changed");
    Ok(())
}

fn without_a_loss(guest: &mut Guest, spoil: &str) -> Result<()> {
    let before = guest.ok(&format!("cd {FILES} && {spoil} && sync; {SUM}"))?;
    let (code, document) = repair(guest, "--dry-run")?;
    ensure!(code == Some(0) && host::codes(&document) == ["MVM-POOL-151"], "{code:?} {document}");
    let after = guest.ok(&format!("{SUM}; ! ls {FILES} | grep -E 'damaged|repaired|head'"))?;
    ensure!(after == before, "a dry run changed {before} to {after}");
    let (code, document) = repair(guest, "")?;
    ensure!(code == Some(0) && host::codes(&document) == ["MVM-POOL-150"], "{code:?} {document}");
    let backup = document["kept"].as_str().unwrap_or_default().to_owned();
    let backup = guest.ok(&format!("head -c 16M {backup} | sha256sum"))?;
    ensure!(before.ends_with(&backup), "{backup} is kept of {before}");
    guest.ok("mvmhost pool check")?;
    Ok(())
}

/// The superblock is lost: what the blocks were cannot be known, so that a person has to say yes.
fn on_demand(guest: &mut Guest, spoil: &str) -> Result<()> {
    guest.ok(&format!("cd {FILES} && {spoil} && sync"))?;
    let (code, document) = repair(guest, "")?;
    ensure!(code == Some(73), "{code:?} {document}");
    ensure!(document["losses"].as_array().is_some_and(|losses| losses.len() == 1), "{document}");
    let (code, document) = repair(guest, "--accept 0123456789ab")?;
    ensure!(code == Some(73) && host::codes(&document)[0] == "MVM-POOL-157", "{code:?} {document}");
    // The remedy prints the token of now.
    ensure!(document["findings"][0]["remedy"] == "mvmhost pool repair", "{document}");
    let (_, document) = repair(guest, "")?;
    let token = document["token"].as_str().unwrap_or_default().to_owned();
    let (code, document) = repair(guest, &format!("--accept {token}"))?;
    ensure!(code == Some(0) && host::codes(&document) == ["MVM-POOL-150"], "{code:?} {document}");
    guest.ok("mvmhost pool check")?;
    Ok(())
}

const SUM: &str = "cd /var/lib/containerd-dev/snapshotter/devmapper &&
    stat -c '%i %s' metadata && head -c 16M metadata | sha256sum";

fn repair(guest: &mut Guest, arguments: &str) -> Result<(Option<i32>, Value)> {
    let output = guest.run(&format!("mvmhost --json pool repair {arguments}"))?;
    let document = serde_json::from_str(&output.stdout).with_context(|| format!("{output:?}"))?;
    Ok((output.code(), document))
}
