//! What an operator may type when state and receipt do not match: the commands that choose.

use std::path::{Path, PathBuf};

use mvm_config::model::Backend;
use mvm_config::places;
use mvm_core::{Entry, Finding};

use super::{Desired, Device, Observed, Recorded};
use crate::lvm;

/// A refusal with the data that the remedies `accept` and `start over` are made of.
pub fn refusal(
    entry: &'static Entry,
    subject: impl Into<String>,
    desired: &Desired,
    observed: &Observed,
) -> Finding {
    Finding::chosen(entry, subject)
        .with("directory", quote(&desired.directory))
        .with("units", units(desired))
        .with("aside", aside(desired, observed))
}

/// The units that use the pool, in the order in which they are to be stopped.
pub fn units(desired: &Desired) -> String {
    format!("{} {}", desired.flintlockd_unit, places::containerd_unit(desired.instance))
}

/// The commands that set everything aside that belongs to the old pool and exists. Not one byte is
/// deleted: all of it stays in a folder next to where it was; but for a volume, whose group has no room
/// for two, and about which LVM asks. None is run when the one before it failed, or the files of a live
/// pool would go from under it.
fn aside(desired: &Desired, observed: &Observed) -> String {
    let volume_desired = &desired.lvm;
    let seen = observed.lvm.as_ref().filter(|_| desired.backend == Backend::Lvm);
    let volume = seen
        .is_some_and(|seen| seen.volumes.iter().any(|one| one.lv_name == volume_desired.volume));
    let recorded = seen.is_some_and(|seen| seen.receipt != lvm::Recorded::Absent);
    let mut lines = Vec::new();
    if matches!(observed.device, Device::Pool(_)) {
        // Refused while something uses the pool, and nothing is forced.
        lines.push("mvmhost pool remove".to_owned());
    }
    if volume {
        lines.push(format!(
            "# this deletes what is in the pool; LVM asks first:\nlvremove {}",
            volume_desired.path()
        ));
    }
    let files = belongings(desired, observed);
    if !files.is_empty() {
        let names: Vec<String> = files.iter().map(|file| quote(file)).collect();
        let old = quote(&desired.directory.join("old"));
        lines.push(format!("mkdir -p {old}"));
        lines.push(format!("mv --backup=numbered -t {old} {}", names.join(" ")));
    }
    if observed.receipt != Recorded::Absent || recorded {
        lines.push(FORGET.to_owned());
    }
    if volume {
        lines.push("mvmhost pool create".to_owned());
    }
    lines.push("mvmhost apply".to_owned());
    lines.join(" &&\n")
}

/// The command that makes mvmhost forget its pool without touching the pool.
const FORGET: &str =
    "mv --backup=numbered /var/lib/mvmhost/receipt.json /var/lib/mvmhost/receipt.json.old";

fn belongings(desired: &Desired, observed: &Observed) -> Vec<PathBuf> {
    let mut files = Vec::new();
    if observed.metadata.is_some() {
        files.push(desired.metadata());
    }
    if observed.data.is_some() {
        files.push(desired.data());
    }
    files.extend(observed.databases.iter().cloned());
    files.extend(observed.containerd_metadata.iter().cloned());
    files
}

/// A path as a shell reads it back.
pub fn quote(path: &Path) -> String {
    let text = path.display().to_string();
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-+:@%,=".contains(c);
    if !text.is_empty() && text.chars().all(plain) {
        return text;
    }
    format!("'{}'", text.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_comes_back_from_the_shell() {
        assert_eq!(quote(Path::new("/var/lib/a-b_c.d/data")), "/var/lib/a-b_c.d/data");
        assert_eq!(quote(Path::new("/a b/$(x)")), "'/a b/$(x)'");
        assert_eq!(quote(Path::new("/it's")), r"'/it'\''s'");
    }
}
