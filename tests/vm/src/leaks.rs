//! What a test may not leave behind, in the guest and on the build machine.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use tempfile::TempDir;

use crate::guest::Guest;

/// On a disk, unlike many a /tmp, and short: ssh adds to the path of its socket.
const SCRATCH_PARENT: &str = "/var/tmp";
const SCRATCH_PREFIX: &str = "mvm-vm-";
const LOCK: &str = "lock";

/// One line for each thing that outlives a careless test.
const INVENTORY: &str = r#"
for name in /sys/block/dm-*/dm/name; do [ -e "$name" ] && echo "device-mapper: $(cat "$name")"; done
for file in /sys/block/loop*/loop/backing_file; do
    [ -e "$file" ] && echo "loop device: $(cat "$file")"
done
ip netns list | sed 's/ .*//; s/^/network namespace: /'
ip -o link show | sed 's/^[0-9]*: \([^:@]*\).*/link: \1/'
if command -v nft >/dev/null; then nft list tables | sed 's/^/nftables: /'; fi
for name in firecracker flintlockd cloud-hypervisor containerd-shim dnsmasq; do
    pgrep -x "$name" >/dev/null && echo "process: $name"
done
true
"#;

/// What a guest holds at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snapshot(BTreeSet<String>);

impl Snapshot {
    /// Takes stock of device-mapper, loop devices, namespaces, links, nft tables and VMM processes.
    ///
    /// # Errors
    /// The guest does not answer or the inventory fails.
    pub fn take(guest: &mut Guest) -> Result<Self> {
        Ok(Self::parse(&guest.ok(INVENTORY)?))
    }

    fn parse(text: &str) -> Self {
        Self(text.lines().filter(|line| !line.is_empty()).map(str::to_owned).collect())
    }

    /// What `later` holds and `self` did not, then what it lacks: `+ link: br0`, `- link: eth1`.
    #[must_use]
    pub fn diff(&self, later: &Self) -> Vec<String> {
        let more = later.0.difference(&self.0).map(|line| format!("+ {line}"));
        let less = self.0.difference(&later.0).map(|line| format!("- {line}"));
        more.chain(less).collect()
    }
}

/// Scratch folders and QEMUs that this process made and still has: none, once its guests are gone.
///
/// # Errors
/// /var/tmp or /proc cannot be read.
pub fn of_this_process() -> Result<Vec<String>> {
    let own = std::process::id().to_string();
    let mut found = Vec::new();
    for folder in scratch_folders()? {
        if fs::read_to_string(folder.join(LOCK)).is_ok_and(|owner| owner == own) {
            found.push(format!("scratch folder: {}", folder.display()));
        }
    }
    for entry in fs::read_dir("/proc")? {
        let path = entry?.path();
        // Processes come and go while the list is read.
        let status = fs::read_to_string(path.join("status")).unwrap_or_default();
        let field = |name: &str| {
            let value = status.lines().find_map(|line| line.strip_prefix(name));
            value.unwrap_or_default().trim().to_owned()
        };
        if field("PPid:") == own && field("Name:").starts_with("qemu-system") {
            found.push(format!("process: {}", path.display()));
        }
    }
    Ok(found)
}

/// Makes a scratch folder that is known to be in use for as long as the file stays open.
pub(crate) fn new_scratch() -> Result<(TempDir, File)> {
    let scratch = tempfile::Builder::new().prefix(SCRATCH_PREFIX).tempdir_in(SCRATCH_PARENT)?;
    let mut lock = File::create(scratch.path().join(LOCK))?;
    lock.lock().context("cannot lock the scratch folder")?;
    write!(lock, "{}", std::process::id())?;
    Ok((scratch, lock))
}

/// Removes the scratch folders of harnesses that were killed.
pub(crate) fn sweep_scratch() -> Result<()> {
    for folder in scratch_folders()? {
        if is_abandoned(&folder) {
            fs::remove_dir_all(&folder)
                .with_context(|| format!("cannot remove {}", folder.display()))?;
        }
    }
    Ok(())
}

/// A folder without an owner's number is just being made.
fn is_abandoned(folder: &Path) -> bool {
    let lock = folder.join(LOCK);
    fs::read_to_string(&lock).is_ok_and(|owner| !owner.is_empty())
        && File::open(&lock).is_ok_and(|lock| lock.try_lock().is_ok())
}

fn scratch_folders() -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(SCRATCH_PARENT)? {
        let entry = entry?;
        if entry.file_name().to_string_lossy().starts_with(SCRATCH_PREFIX) {
            found.push(entry.path());
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::Snapshot;

    #[test]
    fn a_difference_names_both_directions() {
        let before = Snapshot::parse("link: lo\nlink: eth1\n");
        let after = Snapshot::parse("link: lo\n\nloop device: /a (deleted)\n");
        assert_eq!(before.diff(&after), ["+ loop device: /a (deleted)", "- link: eth1"]);
        assert!(before.diff(&before).is_empty());
    }
}
